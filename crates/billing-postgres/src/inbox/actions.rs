//! What people do about webhooks: put them back, give them up. Each is written down.

use billing_app::{
    Error,
    ports::{Matching, Scope, WebhookAction, WebhookFilter, WebhookStatus},
};
use billing_domain::{id::WebhookId, identity::Source};
use diesel::sql_types::{BigInt, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    ends::promote,
    log::{Columns, Row, status_of, webhook},
};
use crate::{Database, error::failed, statement::statement};

statement! {
    /// The oldest webhooks that match and can be put back, and how many match.
    Retriable<'a> {
        gateway: Option<&'a str>, kind: Option<&'a str>, status: Option<&'a str>,
        since: Option<OffsetDateTime>, until: Option<OffsetDateTime>, limit: i64,
    } -> (BigInt, Columns);
    "WITH matching AS MATERIALIZED (SELECT webhook_id FROM webhooks \
     WHERE status <> 'received' AND claimed_until IS NULL AND (" [gateway: Nullable<Text>] " IS NULL OR gateway = "
    [gateway: Nullable<Text>] ") AND (" [kind: Nullable<Text>] " IS NULL OR kind = "
    [kind: Nullable<Text>] ") AND (" [status: Nullable<Text>] " IS NULL OR status = "
    [status: Nullable<Text>] ") AND (" [since: Nullable<Timestamptz>]
    " IS NULL OR received_at >= " [since: Nullable<Timestamptz>] ") AND ("
    [until: Nullable<Timestamptz>] " IS NULL OR received_at < " [until: Nullable<Timestamptz>]
    ")) SELECT (SELECT count(*) FROM matching), webhook_id, gateway, event_id, kind, status, \
     attempts, error, received_at, next_attempt_at FROM webhooks \
     WHERE webhook_id IN (SELECT webhook_id FROM matching ORDER BY webhook_id LIMIT "
    [limit: BigInt] ") ORDER BY webhook_id"
}

statement! {
    /// Puts a webhook back, unless somebody processes it; and writes down who wanted it.
    Retry<'a> { id: Uuid, action: Uuid, at: OffsetDateTime, actor: &'a str, reason: &'a str }
        -> (Text, Text);
    "WITH retried AS (UPDATE webhooks SET status = 'received', attempts = 0, error = NULL, \
       done_at = NULL, behind = false, alerted_at = NULL, next_attempt_at = CASE \
         WHEN claimed_until > " [at: Timestamptz] " THEN next_attempt_at ELSE " [at: Timestamptz]
    " END WHERE webhook_id = " [id: SqlUuid] " RETURNING gateway, subject), \
     written AS (INSERT INTO webhook_actions (webhook_id, action_id, at, what, actor, reason) \
       SELECT " [id: SqlUuid] ", " [action: SqlUuid] ", " [at: Timestamptz] ", 'retry', "
    [actor: Text] ", " [reason: Text] " FROM retried) SELECT gateway, subject FROM retried"
}

statement! {
    /// Gives a webhook up, if it waits or is dead, and writes down who wanted it. Of which subject
    /// it is, and where it stood.
    Discard<'a> { id: Uuid, action: Uuid, at: OffsetDateTime, actor: &'a str, reason: &'a str }
        -> (Text, Text, Text);
    "WITH before AS (SELECT webhook_id, gateway, subject, status FROM webhooks \
       WHERE webhook_id = " [id: SqlUuid] " FOR UPDATE), \
     discarded AS (UPDATE webhooks SET status = 'discarded', done_at = " [at: Timestamptz]
    ", claimed_until = NULL, fence = NULL, next_attempt_at = NULL, behind = false FROM before \
       WHERE webhooks.webhook_id = before.webhook_id \
       AND before.status IN ('received', 'retrying', 'dead') RETURNING webhooks.webhook_id), \
     written AS (INSERT INTO webhook_actions (webhook_id, action_id, at, what, actor, reason) \
       SELECT webhook_id, " [action: SqlUuid] ", " [at: Timestamptz] ", 'discard', "
    [actor: Text] ", " [reason: Text] " FROM discarded) \
     SELECT gateway, subject, status FROM before"
}

/// Puts one back.
pub(super) async fn retry(
    database: &Database,
    id: WebhookId,
    action: &WebhookAction,
) -> Result<bool, Error> {
    let mut session = database.session(Scope::Operator).await?;
    let WebhookAction { id: action, at, actor, reason } = action;
    let retry = Retry { id: id.0, action: *action, at: *at, actor, reason };
    let found: Vec<(String, String)> = retry.load(session.connection()).await.map_err(failed)?;
    session.commit().await?;
    Ok(!found.is_empty())
}

/// Puts back those that match, one statement each; without an action only says which.
pub(super) async fn retry_all(
    database: &Database,
    filter: &WebhookFilter,
    limit: i64,
    action: Option<&WebhookAction>,
) -> Result<Matching, Error> {
    let mut session = database.session(Scope::Operator).await?;
    // So many are looked up seldom, and may be all there are.
    session
        .connection()
        .batch_execute("SET LOCAL statement_timeout = '60s'")
        .await
        .map_err(failed)?;
    let retriable = Retriable {
        gateway: filter.source.map(Source::name),
        kind: filter.kind.as_deref(),
        status: filter.status.map(WebhookStatus::name),
        since: filter.since,
        until: filter.until,
        limit,
    };
    let found: Vec<(i64, Row)> = retriable.load(session.connection()).await.map_err(failed)?;
    let count = if let [(count, _), ..] = found.as_slice() { *count } else { 0 };
    let rows = found.into_iter().map(|(_, row)| webhook(row)).collect::<Result<Vec<_>, _>>()?;
    if let Some(WebhookAction { id: action, at, actor, reason }) = action {
        for row in &rows {
            let retry = Retry { id: row.id.0, action: *action, at: *at, actor, reason };
            let put_back: Vec<(String, String)> =
                retry.load(session.connection()).await.map_err(failed)?;
            drop(put_back);
        }
    }
    session.commit().await?;
    Ok(Matching { count, rows })
}

/// Gives one up.
pub(super) async fn discard(
    database: &Database,
    id: WebhookId,
    action: &WebhookAction,
) -> Result<Option<WebhookStatus>, Error> {
    let mut session = database.session(Scope::Operator).await?;
    let WebhookAction { id: action, at, actor, reason } = action;
    let discard = Discard { id: id.0, action: *action, at: *at, actor, reason };
    let rows: Vec<(String, String, String)> =
        discard.load(session.connection()).await.map_err(failed)?;
    let before = rows.into_iter().next();
    if let Some((gateway, subject, _)) = &before {
        promote(session.connection(), (gateway, subject)).await?;
    }
    session.commit().await?;
    before.map(|(.., status)| status_of(&status)).transpose()
}
