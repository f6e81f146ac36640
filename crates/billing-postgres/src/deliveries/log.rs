//! Deliveries as people see them.

use std::time::Duration;

use billing_app::{
    Error,
    ports::{
        DeliveryAttempt, DeliveryFigures, DeliveryFilter, DeliveryRow, DeliveryStatus, Page, Scope,
        ToldEvent,
    },
};
use billing_domain::id::{DeliveryId, EndpointId, EventId, OrganizationId};
use diesel::sql_types::{BigInt, Integer, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{Database, error::failed, statement::statement};

type Columns =
    (SqlUuid, SqlUuid, Text, Text, Integer, Nullable<Text>, Timestamptz, Nullable<Timestamptz>);
type Row =
    (Uuid, Uuid, String, String, i32, Option<String>, OffsetDateTime, Option<OffsetDateTime>);

statement! {
    /// A page of what an endpoint is told.
    List<'a> {
        endpoint: Uuid, status: Option<&'a str>, kind: Option<&'a str>,
        since: Option<OffsetDateTime>, until: Option<OffsetDateTime>, after: Option<Uuid>,
        limit: i64,
    } -> Columns;
    "SELECT delivery_id, event_id, type, status, attempts, error, created_at, next_attempt_at \
     FROM deliveries WHERE endpoint_id = " [endpoint: SqlUuid] " AND (" [status: Nullable<Text>]
    " IS NULL OR status = " [status: Nullable<Text>] ") AND (" [kind: Nullable<Text>]
    " IS NULL OR type = " [kind: Nullable<Text>] ") AND (" [since: Nullable<Timestamptz>]
    " IS NULL OR happened_at >= " [since: Nullable<Timestamptz>] ") AND ("
    [until: Nullable<Timestamptz>] " IS NULL OR happened_at < " [until: Nullable<Timestamptz>]
    ") AND (" [after: Nullable<SqlUuid>] " IS NULL OR delivery_id < " [after: Nullable<SqlUuid>]
    ") ORDER BY delivery_id DESC LIMIT " [limit: BigInt]
}

statement! {
    /// A delivery of an endpoint, with its event.
    One { endpoint: Uuid, id: Uuid } -> (Columns, SqlUuid, Timestamptz, Jsonb);
    "SELECT delivery_id, event_id, type, status, attempts, error, created_at, next_attempt_at, \
     organization_id, happened_at, data FROM deliveries WHERE endpoint_id = " [endpoint: SqlUuid]
    " AND delivery_id = " [id: SqlUuid]
}

statement! {
    /// Its tries.
    Tries { id: Uuid } -> (
        Timestamptz, Text, Nullable<Integer>, Nullable<Text>, Nullable<Text>, Nullable<BigInt>
    );
    "SELECT ended_at, outcome, status_code, error, answer, duration_us FROM delivery_attempts \
     WHERE delivery_id = " [id: SqlUuid] " ORDER BY ended_at, fence"
}
type TryRow = (OffsetDateTime, String, Option<i32>, Option<String>, Option<String>, Option<i64>);

statement! {
    /// How deliveries do.
    Figures { since: OffsetDateTime, wall: OffsetDateTime } -> (
        (BigInt, BigInt, BigInt, BigInt, Nullable<BigInt>, Nullable<BigInt>),
        BigInt, Nullable<Timestamptz>, BigInt
    );
    "SELECT planned.*, due.*, (SELECT count(*) FROM webhook_endpoints \
       WHERE failing_since IS NOT NULL AND status = 'enabled') \
     FROM (SELECT count(*), count(*) FILTER (WHERE status = 'delivered'), \
         count(*) FILTER (WHERE status = 'retrying'), count(*) FILTER (WHERE status = 'dead'), \
         percentile_disc(0.5) WITHIN GROUP (ORDER BY took) FILTER (WHERE status = 'delivered'), \
         percentile_disc(0.99) WITHIN GROUP (ORDER BY took) FILTER (WHERE status = 'delivered') \
       FROM (SELECT status, (extract(epoch FROM done_at - created_at) * 1000000)::bigint AS took \
         FROM deliveries WHERE created_at >= " [since: Timestamptz] ") came) planned, \
     (SELECT count(*), min(next_attempt_at) FROM (SELECT deliveries.next_attempt_at \
       FROM deliveries JOIN webhook_endpoints USING (endpoint_id) \
       WHERE webhook_endpoints.status = 'enabled' AND next_attempt_at <= " [wall: Timestamptz]
    " LIMIT 10000) waiting) due"
}

/// A page of what an endpoint is told.
pub(super) async fn list(
    database: &Database,
    endpoint: EndpointId,
    filter: &DeliveryFilter,
    page: Page<DeliveryId>,
) -> Result<Vec<DeliveryRow>, Error> {
    let list = List {
        endpoint: endpoint.0,
        status: filter.status.map(DeliveryStatus::name),
        kind: filter.kind.as_deref(),
        since: filter.since,
        until: filter.until,
        after: page.after.map(|id| id.0),
        limit: page.limit,
    };
    let mut session = database.reading(Scope::Operator).await?;
    let rows: Vec<Row> = list.load(session.connection()).await.map_err(failed)?;
    session.commit().await?;
    rows.into_iter().map(delivery).collect()
}

/// All that is known of a delivery.
pub(super) async fn find(
    database: &Database,
    endpoint: EndpointId,
    id: DeliveryId,
) -> Result<Option<(DeliveryRow, ToldEvent, Vec<DeliveryAttempt>)>, Error> {
    let mut session = database.reading(Scope::Operator).await?;
    let one = One { endpoint: endpoint.0, id: id.0 };
    let rows: Vec<(Row, Uuid, OffsetDateTime, Value)> =
        one.load(session.connection()).await.map_err(failed)?;
    let tries: Vec<TryRow> = Tries { id: id.0 }.load(session.connection()).await.map_err(failed)?;
    session.commit().await?;
    let Some((row, organization, at, data)) = rows.into_iter().next() else { return Ok(None) };
    let (id, kind) = (EventId(row.1), row.2.clone());
    let event = ToldEvent { id, organization_id: OrganizationId(organization), at, kind, data };
    let tries = tries.into_iter().map(attempt).collect::<Result<_, _>>()?;
    Ok(Some((delivery(row)?, event, tries)))
}

type FigureRow = ((i64, i64, i64, i64, Option<i64>, Option<i64>), i64, Option<OffsetDateTime>, i64);

/// How deliveries do.
pub(super) async fn figures(
    database: &Database,
    since: OffsetDateTime,
    wall: OffsetDateTime,
) -> Result<DeliveryFigures, Error> {
    let row: Option<FigureRow> = database.row(Scope::Operator, Figures { since, wall }).await?;
    let (planned, due, oldest_due_at, failing_endpoints) = row.unwrap_or_default();
    let (planned, delivered, retrying, dead, median, p99) = planned;
    let [median_to_accepted, p99_to_accepted] = [median, p99].map(|it| it.map(duration));
    Ok(DeliveryFigures {
        planned,
        delivered,
        retrying,
        dead,
        median_to_accepted,
        p99_to_accepted,
        due,
        oldest_due_at,
        failing_endpoints,
    })
}

/// Of microseconds; a clock that was set back meanwhile counts nothing.
fn duration(micros: i64) -> Duration {
    Duration::from_micros(u64::try_from(micros).unwrap_or_default())
}

fn delivery(row: Row) -> Result<DeliveryRow, Error> {
    let (id, event, kind, status, attempts, error, created_at, next_attempt_at) = row;
    let known = DeliveryStatus::named(&status);
    let status = known.ok_or_else(|| anyhow::anyhow!("`{status}` is no status of a delivery"))?;
    let (id, event_id) = (DeliveryId(id), EventId(event));
    Ok(DeliveryRow { id, event_id, kind, status, attempts, error, created_at, next_attempt_at })
}

fn attempt(row: TryRow) -> Result<DeliveryAttempt, Error> {
    let (ended_at, outcome, status_code, error, answer, micros) = row;
    let known = ["delivered", "failed", "lapsed"].into_iter().find(|known| *known == outcome);
    let outcome = known.ok_or_else(|| anyhow::anyhow!("`{outcome}` is no outcome of a try"))?;
    let duration = micros.map(duration);
    Ok(DeliveryAttempt { ended_at, outcome, status_code, error, answer, duration })
}
