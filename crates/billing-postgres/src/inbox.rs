//! The queue of webhooks.

use std::time::Duration;

use async_trait::async_trait;
use billing_app::{
    Error,
    ports::{
        Claim, Claimed, Inbox, InboxHealth, InboxMarks, NewWebhook, Scope, WebhookRow,
        WebhookStatus,
    },
};
use billing_domain::id::WebhookId;
use diesel::sql_types::{BigInt, Binary, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{Database, error::failed, statement::statement, unit_of_work::PostgresUnit};

statement! {
    /// Keeps a webhook, once.
    Receive<'a> {
        id: Uuid, gateway: &'a str, event_id: &'a str, kind: &'a str, subject: &'a str,
        body: &'a [u8], at: OffsetDateTime,
    } -> Integer;
    "INSERT INTO webhooks (webhook_id, gateway, event_id, kind, subject, body, status, \
     received_at, next_attempt_at) VALUES ("
    [id: SqlUuid] ", " [gateway: Text] ", " [event_id: Text] ", " [kind: Text] ", "
    [subject: Text] ", " [body: Binary] ", 'received', " [at: Timestamptz] ", " [at: Timestamptz]
    ") ON CONFLICT (gateway, event_id) DO NOTHING"
}

statement! {
    /// One claim at a time chooses: what another has chosen must be seen. Ends with the transaction.
    TakeTurns {} -> diesel::sql_types::Bool;
    "SELECT pg_advisory_xact_lock(hashtext('billing webhooks')) IS NULL"
}

statement! {
    /// Claims what is due: of each subject the oldest, and of none that is busy.
    ClaimDue { wall: OffsetDateTime, until: OffsetDateTime, limit: i64 }
        -> (SqlUuid, SqlUuid, Text, Text, Binary, Integer);
    "UPDATE webhooks SET claimed_until = " [until: Timestamptz]
    ", fence = gen_random_uuid(), attempts = attempts + 1, next_attempt_at = " [until: Timestamptz]
    " WHERE webhook_id IN (SELECT webhook_id FROM (\
       SELECT DISTINCT ON (due.gateway, due.subject) due.webhook_id FROM webhooks due \
       WHERE due.next_attempt_at <= " [wall: Timestamptz]
    " AND NOT EXISTS (SELECT FROM webhooks busy WHERE busy.gateway = due.gateway \
         AND busy.subject = due.subject AND busy.claimed_until > " [wall: Timestamptz]
    ") ORDER BY due.gateway, due.subject, due.webhook_id) oldest \
       ORDER BY webhook_id LIMIT " [limit: BigInt]
    ") RETURNING webhook_id, fence, gateway, kind, body, attempts - 1"
}

statement! {
    /// Records a failed try of a claim that is still held.
    Fail<'a> {
        id: Uuid, fence: Uuid, error: &'a str, status: &'a str, again_at: Option<OffsetDateTime>,
    } -> Integer;
    "UPDATE webhooks SET claimed_until = NULL, fence = NULL, error = "
    [error: Text] ", status = " [status: Text] ", next_attempt_at = "
    [again_at: Nullable<Timestamptz>]
    " WHERE webhook_id = " [id: SqlUuid] " AND fence = " [fence: SqlUuid]
}

statement! {
    /// Puts a webhook back, unless it is being processed.
    Retry { id: Uuid, wall: OffsetDateTime } -> Integer;
    "UPDATE webhooks SET status = 'received', attempts = 0, error = NULL, done_at = NULL, \
     next_attempt_at = " [wall: Timestamptz] " WHERE webhook_id = " [id: SqlUuid]
}

statement! {
    /// Marks a webhook whose claim is still held.
    Done<'a> { id: Uuid, fence: Uuid, status: &'a str, at: OffsetDateTime } -> Integer;
    "UPDATE webhooks SET status = " [status: Text] ", done_at = " [at: Timestamptz]
    ", error = NULL, claimed_until = NULL, fence = NULL, \
     next_attempt_at = NULL WHERE webhook_id = " [id: SqlUuid] " AND fence = " [fence: SqlUuid]
}

statement! {
    /// The newest webhooks.
    List { status: Option<&'static str>, before: Option<Uuid>, limit: i64 } -> (
        SqlUuid, Text, Text, Text, Text, Integer, Nullable<Text>, Timestamptz, Nullable<Timestamptz>
    );
    "SELECT webhook_id, gateway, event_id, kind, status, attempts, error, received_at, \
     next_attempt_at FROM webhooks WHERE status = COALESCE(" [status: Nullable<Text>]
    ", status) AND webhook_id < COALESCE(" [before: Nullable<SqlUuid>]
    ", 'ffffffff-ffff-ffff-ffff-ffffffffffff') ORDER BY webhook_id DESC LIMIT " [limit: BigInt]
}

statement! {
    /// How many stand where.
    Health {} -> (BigInt, BigInt);
    "SELECT (SELECT count(*) FROM webhooks WHERE next_attempt_at IS NOT NULL), \
     (SELECT count(*) FROM webhooks WHERE status = 'dead')"
}

type ClaimRow = (Uuid, Uuid, String, String, Vec<u8>, i32);
type ListRow = (
    Uuid,
    String,
    String,
    String,
    String,
    i32,
    Option<String>,
    OffsetDateTime,
    Option<OffsetDateTime>,
);

#[async_trait]
impl Inbox for Database {
    async fn receive(&self, webhook: &NewWebhook) -> Result<bool, Error> {
        let NewWebhook { id, gateway, event_id, kind, subject, body, received_at } = webhook;
        let mut session = self.session(Scope::Engine).await?;
        let receive = Receive {
            id: id.0,
            gateway: gateway.name(),
            event_id,
            kind,
            subject,
            body,
            at: *received_at,
        };
        let kept = receive.execute(session.connection()).await.map_err(failed)?;
        session.commit().await?;
        Ok(kept == 1)
    }

    async fn claim(
        &self,
        wall: OffsetDateTime,
        lease: Duration,
        limit: i64,
    ) -> Result<Vec<Claimed>, Error> {
        let mut session = self.session(Scope::Engine).await?;
        TakeTurns {}.execute(session.connection()).await.map_err(failed)?;
        let due = ClaimDue { wall, until: wall + lease, limit };
        let mut rows: Vec<ClaimRow> = due.load(session.connection()).await.map_err(failed)?;
        session.commit().await?;
        rows.sort_by_key(|(id, ..)| *id);
        rows.into_iter()
            .map(|(id, fence, gateway, kind, body, attempts)| {
                let claim = Claim { id: WebhookId(id), fence };
                let gateway = gateway.parse().map_err(anyhow::Error::from)?;
                Ok(Claimed { claim, gateway, kind, body, attempts })
            })
            .collect()
    }

    async fn fail(
        &self,
        claim: Claim,
        error: &str,
        again_at: Option<OffsetDateTime>,
    ) -> Result<(), Error> {
        let status = again_at.map_or(WebhookStatus::Dead, |_| WebhookStatus::Retrying).name();
        let (id, fence) = (claim.id.0, claim.fence);
        let mut session = self.session(Scope::Engine).await?;
        let fail = Fail { id, fence, error, status, again_at };
        fail.execute(session.connection()).await.map_err(failed)?;
        session.commit().await
    }

    async fn retry(&self, id: WebhookId, wall: OffsetDateTime) -> Result<bool, Error> {
        let mut session = self.session(Scope::Operator).await?;
        let retry = Retry { id: id.0, wall };
        let found = retry.execute(session.connection()).await.map_err(failed)?;
        session.commit().await?;
        Ok(found == 1)
    }

    async fn list(
        &self,
        status: Option<WebhookStatus>,
        before: Option<WebhookId>,
        limit: i64,
    ) -> Result<Vec<WebhookRow>, Error> {
        let list =
            List { status: status.map(WebhookStatus::name), before: before.map(|id| id.0), limit };
        let rows: Vec<ListRow> = self.rows(Scope::Operator, list).await?;
        rows.into_iter().map(row).collect()
    }

    async fn health(&self) -> Result<InboxHealth, Error> {
        let counts: Option<(i64, i64)> = self.row(Scope::Engine, Health {}).await?;
        let (pending, dead) = counts.unwrap_or_default();
        Ok(InboxHealth { pending, dead })
    }
}

fn row(row: ListRow) -> Result<WebhookRow, Error> {
    let (id, gateway, event_id, kind, status, attempts, error, received_at, next_attempt_at) = row;
    let status = WebhookStatus::ALL
        .into_iter()
        .find(|known| known.name() == status)
        .ok_or_else(|| anyhow::anyhow!("webhook {id} has the unknown status `{status}`"))?;
    Ok(WebhookRow {
        id: WebhookId(id),
        gateway: gateway.parse().map_err(anyhow::Error::from)?,
        event_id,
        kind,
        status,
        attempts,
        error,
        received_at,
        next_attempt_at,
    })
}

#[async_trait]
impl InboxMarks for PostgresUnit {
    async fn done(&mut self, claim: Claim, ignored: bool, at: OffsetDateTime) -> Result<(), Error> {
        let status = if ignored { WebhookStatus::Ignored } else { WebhookStatus::Processed };
        let done = Done { id: claim.id.0, fence: claim.fence, status: status.name(), at };
        match done.execute(self.connection()).await.map_err(failed)? {
            1 => Ok(()),
            _ => Err(Error::Conflict("the claim on the webhook")),
        }
    }
}
