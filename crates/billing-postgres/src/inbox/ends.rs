//! How a try ends: with its effect, or as a failure. Either way the next one of its subject comes
//! to the front.

use async_trait::async_trait;
use billing_app::{
    Error,
    ports::{Claim, FailedTry, InboxMarks, Scope, Tried, WebhookStatus},
};
use diesel::sql_types::{BigInt, Bool, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    Database,
    error::failed,
    outbox::EventColumns,
    statement::{statement, unless},
    unit_of_work::PostgresUnit,
};

statement! {
    /// Marks a webhook whose claim is still held, and writes the try down. Of which subject it is.
    Done<'a> { id: Uuid, fence: Uuid, status: &'a str, at: OffsetDateTime, duration_us: i64 }
        -> (Text, Text);
    "WITH done AS (UPDATE webhooks SET status = " [status: Text] ", done_at = " [at: Timestamptz]
    ", error = NULL, claimed_until = NULL, fence = NULL, next_attempt_at = NULL, behind = false \
       WHERE webhook_id = " [id: SqlUuid] " AND fence = " [fence: SqlUuid]
    " RETURNING gateway, subject), \
     tried AS (INSERT INTO webhook_attempts (webhook_id, fence, ended_at, outcome, duration_us) \
       SELECT " [id: SqlUuid] ", " [fence: SqlUuid] ", " [at: Timestamptz] ", " [status: Text]
    ", " [duration_us: BigInt] " FROM done) \
     SELECT gateway, subject FROM done"
}

statement! {
    /// Records a failed try of a claim that is still held. Of which subject it is, and whether
    /// nobody was alerted before.
    Fail<'a> {
        id: Uuid, fence: Uuid, error: &'a str, status: &'a str, again_at: Option<OffsetDateTime>,
        at: OffsetDateTime, duration_us: i64, alert: bool,
    } -> (Text, Text, Bool);
    "WITH before AS (SELECT webhook_id, alerted_at IS NULL AND " [alert: Bool] " AS alert \
       FROM webhooks WHERE webhook_id = " [id: SqlUuid] " AND fence = " [fence: SqlUuid]
    " FOR UPDATE), \
     failed AS (UPDATE webhooks SET claimed_until = NULL, fence = NULL, error = " [error: Text]
    ", status = " [status: Text] ", next_attempt_at = " [again_at: Nullable<Timestamptz>]
    ", behind = false, alerted_at = CASE WHEN before.alert THEN " [at: Timestamptz]
    " ELSE alerted_at END FROM before WHERE webhooks.webhook_id = before.webhook_id \
       RETURNING gateway, subject, before.alert), \
     tried AS (INSERT INTO webhook_attempts \
       (webhook_id, fence, ended_at, outcome, error, duration_us) \
       SELECT " [id: SqlUuid] ", " [fence: SqlUuid] ", " [at: Timestamptz] ", 'failed', "
    [error: Text] ", " [duration_us: BigInt] " FROM failed) \
     SELECT gateway, subject, alert FROM failed"
}

statement! {
    /// Puts the next one of a subject back to the front. A statement of its own, after one that
    /// has locked what it stood behind: so it sees all that was put there.
    Promote<'a> { gateway: &'a str, subject: &'a str } -> Integer;
    "UPDATE webhooks SET behind = false WHERE webhook_id = (\
       SELECT webhook_id FROM webhooks WHERE next_attempt_at IS NOT NULL AND behind \
       AND gateway = " [gateway: Text] " AND subject = " [subject: Text]
    " ORDER BY next_attempt_at, webhook_id LIMIT 1 FOR UPDATE)"
}

/// Puts the next one of a subject back to the front, after one of it was done with.
pub(super) async fn promote(
    connection: &mut AsyncPgConnection,
    (gateway, subject): (&str, &str),
) -> Result<(), Error> {
    Promote { gateway, subject }.execute(connection).await.map_err(failed)?;
    Ok(())
}

/// Records a failed try, with its alert in the same transaction. Whether there was one.
pub(super) async fn fail(database: &Database, it: &FailedTry) -> Result<bool, Error> {
    let status = it.again_at.map_or(WebhookStatus::Dead, |_| WebhookStatus::Retrying).name();
    let mut session = database.session(Scope::Engine).await?;
    let fail = Fail {
        id: it.claim.id.0,
        fence: it.claim.fence,
        error: &it.error,
        status,
        again_at: it.again_at,
        at: it.tried.ended_at,
        duration_us: micros(it.tried),
        alert: it.alert.is_some(),
    };
    let rows: Vec<(String, String, bool)> =
        fail.load(session.connection()).await.map_err(failed)?;
    let Some((gateway, subject, alert)) = rows.into_iter().next() else {
        session.commit().await?;
        return Ok(false);
    };
    promote(session.connection(), (&gateway, &subject)).await?;
    if alert {
        let mut columns = EventColumns::default();
        columns.add(it.alert.as_slice())?;
        let told = unless(columns.is_empty(), session.connection(), columns.statement()).await;
        told.map_err(failed)?;
    }
    session.commit().await?;
    Ok(alert)
}

/// As it is kept.
fn micros(tried: Tried) -> i64 {
    i64::try_from(tried.duration().as_micros()).unwrap_or(i64::MAX)
}

#[async_trait]
impl InboxMarks for PostgresUnit {
    async fn done(&mut self, claim: Claim, ignored: bool, tried: Tried) -> Result<(), Error> {
        let status = if ignored { WebhookStatus::Ignored } else { WebhookStatus::Processed };
        let done = Done {
            id: claim.id.0,
            fence: claim.fence,
            status: status.name(),
            at: tried.ended_at,
            duration_us: micros(tried),
        };
        let rows: Vec<(String, String)> = done.load(self.connection()).await.map_err(failed)?;
        match rows.into_iter().next() {
            Some((gateway, subject)) => promote(self.connection(), (&gateway, &subject)).await,
            None => Err(Error::Conflict("the claim on the webhook")),
        }
    }
}
