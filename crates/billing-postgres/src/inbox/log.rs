//! The inbox as operators see it.

use std::{collections::BTreeMap, time::Duration};

use billing_app::{
    Error,
    ports::{
        Deed, InboxFigures, InboxHealth, Scope, TryOutcome, WebhookAction, WebhookDetail,
        WebhookFilter, WebhookRow, WebhookStatus, WebhookTry,
    },
};
use billing_domain::{id::WebhookId, identity::Source};
use diesel::sql_types::{
    Array, BigInt, Binary, Integer, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid,
};
use diesel_async::RunQueryDsl;
use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{Database, error::failed, statement::statement};

/// The columns of a row in a list.
pub(super) type Columns =
    (SqlUuid, Text, Text, Text, Text, Integer, Nullable<Text>, Timestamptz, Nullable<Timestamptz>);
pub(super) type Row = (
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

type WholeRow = (Row, String, Value, Vec<u8>, Option<OffsetDateTime>);
type TryRow = (OffsetDateTime, String, Option<String>, Option<i64>);
type ActionRow = (Uuid, OffsetDateTime, String, String, String);

statement! {
    /// The newest webhooks that match.
    List<'a> {
        gateway: Option<&'a str>, kind: Option<&'a str>, status: Option<&'a str>,
        since: Option<OffsetDateTime>, until: Option<OffsetDateTime>, before: Option<Uuid>,
        limit: i64,
    } -> Columns;
    "SELECT webhook_id, gateway, event_id, kind, status, attempts, error, received_at, \
     next_attempt_at FROM webhooks WHERE (" [gateway: Nullable<Text>] " IS NULL OR gateway = "
    [gateway: Nullable<Text>] ") AND (" [kind: Nullable<Text>] " IS NULL OR kind = "
    [kind: Nullable<Text>] ") AND (" [status: Nullable<Text>] " IS NULL OR status = "
    [status: Nullable<Text>] ") AND (" [since: Nullable<Timestamptz>]
    " IS NULL OR received_at >= " [since: Nullable<Timestamptz>] ") AND ("
    [until: Nullable<Timestamptz>] " IS NULL OR received_at < " [until: Nullable<Timestamptz>]
    ") AND (" [before: Nullable<SqlUuid>] " IS NULL OR webhook_id < " [before: Nullable<SqlUuid>]
    ") ORDER BY webhook_id DESC LIMIT " [limit: BigInt]
}

statement! {
    /// All of some webhooks.
    Whole<'a> { ids: &'a [Uuid] } -> (Columns, Text, Jsonb, Binary, Nullable<Timestamptz>);
    "SELECT webhook_id, gateway, event_id, kind, status, attempts, error, received_at, \
     next_attempt_at, subject, headers, body, done_at FROM webhooks WHERE webhook_id = ANY("
    [ids: Array<SqlUuid>] ") ORDER BY webhook_id"
}

statement! {
    /// Their tries.
    Tries<'a> { ids: &'a [Uuid] }
        -> (SqlUuid, (Timestamptz, Text, Nullable<Text>, Nullable<BigInt>));
    "SELECT webhook_id, ended_at, outcome, error, duration_us FROM webhook_attempts \
     WHERE webhook_id = ANY(" [ids: Array<SqlUuid>] ") ORDER BY ended_at, fence"
}

statement! {
    /// What people did about them.
    Actions<'a> { ids: &'a [Uuid] } -> (SqlUuid, (SqlUuid, Timestamptz, Text, Text, Text));
    "SELECT webhook_id, action_id, at, what, actor, reason FROM webhook_actions \
     WHERE webhook_id = ANY(" [ids: Array<SqlUuid>] ") ORDER BY at, action_id"
}

statement! {
    /// How many stand where, as far as it is worth counting.
    Health {} -> (BigInt, BigInt);
    "SELECT least(10000, (SELECT count(*) FROM (SELECT FROM webhooks \
       WHERE next_attempt_at IS NOT NULL AND NOT behind LIMIT 10000) front) + \
       (SELECT count(*) FROM (SELECT FROM webhooks \
       WHERE next_attempt_at IS NOT NULL AND behind LIMIT 10000) later)), \
     (SELECT count(*) FROM (SELECT FROM webhooks WHERE status = 'dead' LIMIT 10000) dead)"
}

statement! {
    /// What became of those that came since then.
    Figures { since: OffsetDateTime } -> (
        BigInt, BigInt, BigInt, BigInt, BigInt, BigInt, Nullable<BigInt>, Nullable<BigInt>
    );
    "SELECT count(*), count(*) FILTER (WHERE status = 'processed'), \
     count(*) FILTER (WHERE status = 'ignored'), count(*) FILTER (WHERE status = 'retrying'), \
     count(*) FILTER (WHERE status = 'dead'), count(*) FILTER (WHERE status = 'discarded'), \
     percentile_disc(0.5) WITHIN GROUP (ORDER BY took) FILTER (WHERE status = 'processed'), \
     percentile_disc(0.99) WITHIN GROUP (ORDER BY took) FILTER (WHERE status = 'processed') \
     FROM (SELECT status, (extract(epoch FROM done_at - received_at) * 1000000)::bigint AS took \
       FROM webhooks WHERE received_at >= " [since: Timestamptz] ") came"
}

/// The newest ones that match.
pub(super) async fn list(
    database: &Database,
    filter: &WebhookFilter,
    before: Option<WebhookId>,
    limit: i64,
) -> Result<Vec<WebhookRow>, Error> {
    let list = List {
        gateway: filter.source.map(Source::name),
        kind: filter.kind.as_deref(),
        status: filter.status.map(WebhookStatus::name),
        since: filter.since,
        until: filter.until,
        before: before.map(|id| id.0),
        limit,
    };
    let mut session = database.reading(Scope::Operator).await?;
    let rows: Vec<Row> = list.load(session.connection()).await.map_err(failed)?;
    session.commit().await?;
    rows.into_iter().map(webhook).collect()
}

/// All that is known of some, in the order of their ids.
pub(super) async fn find_all(
    database: &Database,
    ids: &[WebhookId],
) -> Result<Vec<WebhookDetail>, Error> {
    let ids: Vec<_> = ids.iter().map(|id| id.0).collect();
    let ids = ids.as_slice();
    let mut session = database.reading(Scope::Operator).await?;
    let connection = session.connection();
    let rows: Vec<WholeRow> = Whole { ids }.load(connection).await.map_err(failed)?;
    let tries: Vec<(Uuid, TryRow)> = Tries { ids }.load(connection).await.map_err(failed)?;
    let actions: Vec<(Uuid, ActionRow)> = Actions { ids }.load(connection).await.map_err(failed)?;
    session.commit().await?;
    let details = rows.into_iter().map(detail).collect::<Result<Vec<_>, Error>>()?;
    let mut found: BTreeMap<_, _> = details.into_iter().map(|it| (it.row.id.0, it)).collect();
    for (of, row) in tries {
        if let Some(of) = found.get_mut(&of) {
            of.tries.push(attempt(row)?);
        }
    }
    for (of, row) in actions {
        if let Some(of) = found.get_mut(&of) {
            of.actions.push(deed(row)?);
        }
    }
    Ok(found.into_values().collect())
}

fn detail((row, subject, headers, body, done_at): WholeRow) -> Result<WebhookDetail, Error> {
    let headers: BTreeMap<String, String> =
        serde_json::from_value(headers).map_err(anyhow::Error::from)?;
    let (tries, actions) = (Vec::new(), Vec::new());
    Ok(WebhookDetail { row: webhook(row)?, subject, headers, body, done_at, tries, actions })
}

/// How many stand where.
pub(super) async fn health(database: &Database) -> Result<InboxHealth, Error> {
    let counts: Option<(i64, i64)> = database.row(Scope::Engine, Health {}).await?;
    let (pending, dead) = counts.unwrap_or_default();
    Ok(InboxHealth { pending, dead })
}

type FigureRow = (i64, i64, i64, i64, i64, i64, Option<i64>, Option<i64>);

/// What became of those that came since then.
pub(super) async fn figures(
    database: &Database,
    since: OffsetDateTime,
) -> Result<InboxFigures, Error> {
    let row: Option<FigureRow> = database.row(Scope::Operator, Figures { since }).await?;
    let row = row.unwrap_or_default();
    let (received, processed, ignored, retrying, dead, discarded, median, p99) = row;
    let [median_to_effect, p99_to_effect] = [median, p99].map(|it| it.map(duration));
    Ok(InboxFigures {
        received,
        processed,
        ignored,
        retrying,
        dead,
        discarded,
        median_to_effect,
        p99_to_effect,
    })
}

/// Of microseconds; a clock that was set back meanwhile counts nothing.
fn duration(micros: i64) -> Duration {
    Duration::from_micros(u64::try_from(micros).unwrap_or_default())
}

pub(super) fn webhook(row: Row) -> Result<WebhookRow, Error> {
    let (id, gateway, event_id, kind, status, attempts, error, received_at, next_attempt_at) = row;
    Ok(WebhookRow {
        id: WebhookId(id),
        source: gateway.parse().map_err(anyhow::Error::from)?,
        event_id,
        kind,
        status: status_of(&status)?,
        attempts,
        error,
        received_at,
        next_attempt_at,
    })
}

pub(super) fn status_of(name: &str) -> Result<WebhookStatus, Error> {
    let unknown = || anyhow::anyhow!("`{name}` is not a status of a webhook").into();
    WebhookStatus::named(name).ok_or_else(unknown)
}

fn attempt((ended_at, outcome, error, micros): TryRow) -> Result<WebhookTry, Error> {
    let known = TryOutcome::ALL.into_iter().find(|known| known.name() == outcome);
    let outcome = known.ok_or_else(|| anyhow::anyhow!("`{outcome}` is not an outcome of a try"))?;
    Ok(WebhookTry { ended_at, outcome, error, duration: micros.map(duration) })
}

fn deed((id, at, what, actor, reason): ActionRow) -> Result<(Deed, WebhookAction), Error> {
    let known = Deed::ALL.into_iter().find(|known| known.name() == what);
    let what = known.ok_or_else(|| anyhow::anyhow!("`{what}` is not done about webhooks"))?;
    Ok((what, WebhookAction { id, at, actor, reason }))
}
