//! What is sent next, and what became of it.

use billing_app::{
    Error,
    ports::{
        ClaimedDelivery, DeliveryClaim, DeliveryEnd, DeliveryRoom, DeliveryStatus, EndedDelivery,
        Scope, ToldEvent,
    },
};
use billing_domain::id::{DeliveryId, EndpointId, EventId, OrganizationId};
use diesel::sql_types::{
    Array, BigInt, Bool, Integer, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid,
};
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};
use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

use super::endpoints::{Columns, Row as EndpointRow, endpoint};
use crate::{Database, error::failed, statement::statement};

/// What is lost with the server is sent again, so nothing waits for the disk.
const MANNER: &str = "SET LOCAL synchronous_commit = off";

statement! {
    /// One claim at a time chooses, so that no endpoint has more under way than it should. Ends with
    /// the transaction.
    TakeTurns {} -> Bool;
    "SELECT pg_advisory_xact_lock(hashtext('billing deliveries')) IS NULL"
}

type EventColumns = (SqlUuid, SqlUuid, SqlUuid, SqlUuid, Timestamptz, Text, Jsonb, Integer);
type EventRow = (Uuid, Uuid, Uuid, Uuid, OffsetDateTime, String, Value, i32);

statement! {
    /// Claims what is due: of each endpoint as many as it has room for, of those that only fail no
    /// more than their share. The claim of one whose lease is over is written down as lapsed.
    Claim {
        wall: OffsetDateTime, until: OffsetDateTime, all: i64, failing: i64, each: i64,
    } -> (EventColumns, Columns);
    "WITH open AS MATERIALIZED (\
       SELECT endpoint_id, failing_since IS NOT NULL AS failing, \
         CASE WHEN failing_since IS NULL THEN " [each: BigInt] " ELSE 1 END - \
           (SELECT count(*) FROM deliveries WHERE deliveries.endpoint_id = webhook_endpoints.endpoint_id \
             AND claimed_until > " [wall: Timestamptz] ") AS room \
       FROM webhook_endpoints WHERE status = 'enabled' \
       AND (held_until IS NULL OR held_until <= " [wall: Timestamptz] ")), \
     due AS MATERIALIZED (\
       SELECT first.delivery_id, first.next_attempt_at, failing, row_number() OVER (\
         PARTITION BY failing ORDER BY first.next_attempt_at, first.delivery_id) AS place \
       FROM open, LATERAL (SELECT delivery_id, next_attempt_at FROM deliveries \
         WHERE deliveries.endpoint_id = open.endpoint_id AND next_attempt_at <= " [wall: Timestamptz]
    " ORDER BY next_attempt_at, delivery_id LIMIT greatest(open.room, 0)) first), \
     chosen AS MATERIALIZED (\
       SELECT delivery_id FROM due WHERE NOT failing OR place <= " [failing: BigInt]
    " ORDER BY failing, next_attempt_at, delivery_id LIMIT " [all: BigInt] "), \
     before AS MATERIALIZED (\
       SELECT delivery_id, fence, claimed_until FROM deliveries \
       WHERE delivery_id IN (SELECT delivery_id FROM chosen) AND next_attempt_at <= "
    [wall: Timestamptz] " FOR UPDATE SKIP LOCKED), \
     lapsed AS (\
       INSERT INTO delivery_attempts (delivery_id, fence, ended_at, outcome) \
       SELECT delivery_id, fence, claimed_until, 'lapsed' FROM before \
       WHERE fence IS NOT NULL ON CONFLICT DO NOTHING), \
     claimed AS (\
       UPDATE deliveries SET claimed_until = " [until: Timestamptz] ", next_attempt_at = "
    [until: Timestamptz] ", fence = gen_random_uuid(), attempts = attempts + 1 FROM before \
       WHERE deliveries.delivery_id = before.delivery_id RETURNING deliveries.*) \
     SELECT claimed.delivery_id, claimed.fence, claimed.organization_id, claimed.event_id, \
     claimed.happened_at, claimed.type, claimed.data, claimed.attempts - 1, \
     webhook_endpoints.endpoint_id, webhook_endpoints.organization_id, url, description, \
     event_types, webhook_endpoints.status, disabled_for, secret_version, old_secret_until, \
     failing_since, held_until, webhook_endpoints.created_at \
     FROM claimed JOIN webhook_endpoints USING (endpoint_id) ORDER BY claimed.delivery_id"
}

statement! {
    /// Records tries whose claims are still held, each with its delivery and how its endpoint does.
    Record<'a> {
        ids: &'a [Uuid], fences: &'a [Uuid], statuses: &'a [&'a str],
        again: &'a [Option<OffsetDateTime>], holds: &'a [Option<OffsetDateTime>],
        dates: &'a [OffsetDateTime], errors: &'a [Option<&'a str>], codes: &'a [Option<i32>],
        answers: &'a [Option<&'a str>], durations: &'a [i64],
    } -> BigInt;
    "WITH ended AS MATERIALIZED (SELECT * FROM unnest(" [ids: Array<SqlUuid>] ", "
    [fences: Array<SqlUuid>] ", " [statuses: Array<Text>] ", "
    [again: Array<Nullable<Timestamptz>>] ", " [holds: Array<Nullable<Timestamptz>>] ", "
    [dates: Array<Timestamptz>] ", " [errors: Array<Nullable<Text>>] ", "
    [codes: Array<Nullable<Integer>>] ", " [answers: Array<Nullable<Text>>] ", "
    [durations: Array<BigInt>]
    ") AS ended (id, claim, became, again_at, hold, at, why, code, said, took)), \
     done AS (\
       UPDATE deliveries SET status = became, error = why, claimed_until = NULL, fence = NULL, \
         next_attempt_at = again_at, done_at = CASE WHEN again_at IS NULL THEN at END FROM ended \
       WHERE delivery_id = id AND fence = claim \
       RETURNING endpoint_id, id, claim, became, hold, at, why, code, said, took), \
     tried AS (\
       INSERT INTO delivery_attempts (delivery_id, fence, ended_at, outcome, status_code, error, \
         answer, duration_us) \
       SELECT id, claim, at, CASE WHEN became = 'delivered' THEN 'delivered' ELSE 'failed' END, \
         code, why, said, took FROM done) \
     UPDATE webhook_endpoints SET held_until = greatest(held_until, hold), \
       failing_since = CASE WHEN well THEN NULL ELSE coalesce(failing_since, began) END \
     FROM (SELECT endpoint_id, bool_or(became = 'delivered') AS well, min(at) AS began, \
         max(hold) AS hold FROM done GROUP BY endpoint_id) told \
     WHERE webhook_endpoints.endpoint_id = told.endpoint_id \
     AND (hold IS NOT NULL OR well = (failing_since IS NOT NULL))"
}

statement! {
    /// Puts a delivery back, unless somebody sends it: then it is tried again when that fails.
    Resend { endpoint: Uuid, id: Uuid, wall: OffsetDateTime } -> BigInt;
    "UPDATE deliveries SET \
       status = CASE WHEN claimed_until > " [wall: Timestamptz] " THEN status ELSE 'pending' END, \
       next_attempt_at = CASE WHEN claimed_until > " [wall: Timestamptz]
    " THEN next_attempt_at ELSE " [wall: Timestamptz] " END, \
       done_at = NULL, error = NULL, attempts = 0 \
     WHERE endpoint_id = " [endpoint: SqlUuid] " AND delivery_id = " [id: SqlUuid]
}

statement! {
    /// Forgets deliveries that came to an end.
    Forget { before: OffsetDateTime, limit: i64 } -> BigInt;
    "DELETE FROM deliveries WHERE delivery_id IN (SELECT delivery_id FROM deliveries \
     WHERE next_attempt_at IS NULL AND created_at < " [before: Timestamptz] " LIMIT "
    [limit: BigInt] ")"
}

/// Claims deliveries as the port promises.
pub(super) async fn claim(
    database: &Database,
    (wall, until): (OffsetDateTime, OffsetDateTime),
    room: DeliveryRoom,
) -> Result<Vec<ClaimedDelivery>, Error> {
    let DeliveryRoom { all, failing, each } = room;
    let mut session = database.session(Scope::Engine).await?;
    session.connection().batch_execute(MANNER).await.map_err(failed)?;
    TakeTurns {}.execute(session.connection()).await.map_err(failed)?;
    let claim = Claim { wall, until, all: all.max(0), failing: failing.max(0), each };
    let rows: Vec<(EventRow, EndpointRow)> =
        claim.load(session.connection()).await.map_err(failed)?;
    session.commit().await?;
    rows.into_iter().map(claimed).collect()
}

fn claimed((row, told): (EventRow, EndpointRow)) -> Result<ClaimedDelivery, Error> {
    let (id, fence, organization, event, at, kind, data, attempts) = row;
    let (id, organization_id) = (DeliveryId(id), OrganizationId(organization));
    let event = ToldEvent { id: EventId(event), organization_id, at, kind, data };
    let claim = DeliveryClaim { id, fence };
    Ok(ClaimedDelivery { claim, endpoint: endpoint(told)?, event, attempts })
}

/// Records tries as the port promises.
pub(super) async fn record(database: &Database, ended: &[EndedDelivery]) -> Result<(), Error> {
    if ended.is_empty() {
        return Ok(());
    }
    let all = || ended.iter();
    let record = Record {
        ids: &all().map(|it| it.claim.id.0).collect::<Vec<_>>(),
        fences: &all().map(|it| it.claim.fence).collect::<Vec<_>>(),
        statuses: &all().map(|it| became(&it.end).name()).collect::<Vec<_>>(),
        again: &all().map(|it| said(&it.end).1).collect::<Vec<_>>(),
        holds: &all().map(|it| said(&it.end).2).collect::<Vec<_>>(),
        dates: &all().map(|it| it.tried.ended_at).collect::<Vec<_>>(),
        errors: &all().map(|it| said(&it.end).0).collect::<Vec<_>>(),
        codes: &all().map(|it| it.status_code.map(i32::from)).collect::<Vec<_>>(),
        answers: &all().map(|it| it.answer.as_deref()).collect::<Vec<_>>(),
        durations: &all().map(micros).collect::<Vec<_>>(),
    };
    let mut session = database.session(Scope::Engine).await?;
    session.connection().batch_execute(MANNER).await.map_err(failed)?;
    record.execute(session.connection()).await.map_err(failed)?;
    session.commit().await
}

fn became(end: &DeliveryEnd) -> DeliveryStatus {
    match end {
        DeliveryEnd::Delivered => DeliveryStatus::Delivered,
        DeliveryEnd::Failed { again_at: Some(_), .. } => DeliveryStatus::Retrying,
        DeliveryEnd::Failed { again_at: None, .. } => DeliveryStatus::Dead,
    }
}

/// Why it failed, when it is tried again, until when its endpoint wants to be sent nothing.
fn said(end: &DeliveryEnd) -> (Option<&str>, Option<OffsetDateTime>, Option<OffsetDateTime>) {
    match end {
        DeliveryEnd::Delivered => (None, None, None),
        DeliveryEnd::Failed { error, again_at, hold_until } => {
            (Some(error), *again_at, *hold_until)
        }
    }
}

fn micros(ended: &EndedDelivery) -> i64 {
    i64::try_from(ended.tried.duration().as_micros()).unwrap_or(i64::MAX)
}

/// Puts one back.
pub(super) async fn resend(
    database: &Database,
    (endpoint, id): (EndpointId, DeliveryId),
    wall: OffsetDateTime,
) -> Result<bool, Error> {
    let mut session = database.session(Scope::Operator).await?;
    let resend = Resend { endpoint: endpoint.0, id: id.0, wall };
    let there = resend.execute(session.connection()).await.map_err(failed)?;
    session.commit().await?;
    Ok(there > 0)
}

/// Forgets old ones.
pub(super) async fn forget(
    database: &Database,
    before: OffsetDateTime,
    limit: i64,
) -> Result<usize, Error> {
    let mut session = database.session(Scope::Engine).await?;
    let forget = Forget { before, limit };
    let forgotten = forget.execute(session.connection()).await.map_err(failed)?;
    session.commit().await?;
    Ok(forgotten)
}
