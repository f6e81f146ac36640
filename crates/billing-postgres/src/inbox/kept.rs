//! Webhooks kept by one statement, in one flight.

use billing_app::ports::NewWebhook;
use diesel::{
    QueryResult,
    sql_types::{Array, Binary, Bool, Jsonb, Text, Timestamptz, Uuid as SqlUuid},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use serde_json::Value;
use time::OffsetDateTime;
use tokio::try_join;
use uuid::Uuid;

use crate::{
    door::{Frame, WRITING},
    reader::{close, open},
    statement::statement,
};

statement! {
    /// Keeps webhooks, each event once, and says which of these are kept. Those that were there
    /// before the statement are among them where a commit was unknown and they are sent again.
    Keep<'a> {
        ids: &'a [Uuid], gateways: &'a [&'a str], event_ids: &'a [&'a str], kinds: &'a [&'a str],
        subjects: &'a [&'a str], headers: &'a [Value], bodies: &'a [&'a [u8]],
        dates: &'a [OffsetDateTime], ignored: &'a [bool], again: bool,
    } -> SqlUuid;
    "WITH kept AS (INSERT INTO webhooks (webhook_id, gateway, event_id, kind, subject, headers, \
       body, status, received_at, next_attempt_at, done_at) \
     SELECT id, gateway, event_id, kind, subject, headers, body, \
       CASE WHEN ignored THEN 'ignored' ELSE 'received' END, at, \
       CASE WHEN NOT ignored THEN at END, CASE WHEN ignored THEN at END \
     FROM unnest(" [ids: Array<SqlUuid>] ", " [gateways: Array<Text>] ", "
    [event_ids: Array<Text>] ", " [kinds: Array<Text>] ", " [subjects: Array<Text>] ", "
    [headers: Array<Jsonb>] ", " [bodies: Array<Binary>] ", " [dates: Array<Timestamptz>] ", "
    [ignored: Array<Bool>]
    ") AS new (id, gateway, event_id, kind, subject, headers, body, at, ignored) \
     ON CONFLICT (gateway, event_id) DO NOTHING RETURNING webhook_id) \
     SELECT webhook_id FROM kept UNION ALL SELECT webhook_id FROM webhooks WHERE " [again: Bool]
    " AND webhook_id = ANY(" [ids: Array<SqlUuid>] ")"
}

/// Prepares the statement on a new connection: a commit may not overtake one that is still being
/// prepared.
pub(super) async fn prepare(connection: &AsyncPgConnection) -> QueryResult<()> {
    (&mut { connection }).batch_execute(WRITING.opening).await?;
    flight(connection, &[], false, None).await?;
    (&mut { connection }).batch_execute("ROLLBACK").await
}

/// Keeps webhooks in a transaction of their own: which of these are kept. `again` says that they
/// were sent before, and may have been kept then.
pub(super) async fn keep(
    connection: &AsyncPgConnection,
    webhooks: &[&NewWebhook],
    again: bool,
) -> QueryResult<Vec<Uuid>> {
    flight(connection, webhooks, again, Some(WRITING)).await
}

/// In a frame all of it is one flight.
async fn flight(
    connection: &AsyncPgConnection,
    webhooks: &[&NewWebhook],
    again: bool,
    frame: Option<Frame>,
) -> QueryResult<Vec<Uuid>> {
    let all = || webhooks.iter().copied();
    let text = |of: for<'a> fn(&'a NewWebhook) -> &'a str| all().map(of).collect::<Vec<_>>();
    let headers = |webhook: &NewWebhook| {
        let pairs = webhook.headers.iter();
        pairs.map(|(name, text)| (name.clone(), Value::from(text.clone()))).collect::<Value>()
    };
    let keep = Keep {
        ids: &all().map(|webhook| webhook.id.0).collect::<Vec<_>>(),
        gateways: &text(|webhook| webhook.source.name()),
        event_ids: &text(|webhook| &webhook.event_id),
        kinds: &text(|webhook| &webhook.kind),
        subjects: &text(|webhook| &webhook.subject),
        headers: &all().map(headers).collect::<Vec<_>>(),
        bodies: &all().map(|webhook| webhook.body.as_slice()).collect::<Vec<_>>(),
        dates: &all().map(|webhook| webhook.received_at).collect::<Vec<_>>(),
        ignored: &all().map(|webhook| webhook.ignored).collect::<Vec<_>>(),
        again,
    };
    let ((), kept, ()) = try_join!(
        biased;
        open(connection, frame),
        async { keep.load(&mut { connection }).await },
        close(connection, frame),
    )?;
    Ok(kept)
}
