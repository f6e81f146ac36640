//! Events handed on in the order of their commits.
//!
//! An event carries the number of the transaction that wrote it. One is handed on only when every
//! transaction with a smaller number has ended (`pg_snapshot_xmin`), so none can come before it any
//! more. A transaction of anybody in the cluster that writes and does not end holds all of them back.

use anyhow::Context as _;
use async_trait::async_trait;
use billing_app::{
    Error,
    ports::{
        EventSubscriber, Happened, Outbox, OutboxBatch, OutboxCursors, OutboxLag, OutboxPlace,
        Scope, ToldEvent,
    },
};
use billing_domain::id::{EventId, OrganizationId};
use diesel::sql_types::{Array, BigInt, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{Database, error::failed, statement::statement, unit_of_work::PostgresUnit};

statement! {
    /// Where the cursor of a subscriber stands.
    Cursor<'a> { subscriber: &'a str } -> (BigInt, SqlUuid, SqlUuid);
    "SELECT xid, organization_id, event_id FROM event_subscribers WHERE subscriber = "
    [subscriber: Text]
}

statement! {
    /// The next events after a place before which none can come any more.
    Next { xid: i64, organization: Uuid, event: Uuid, limit: i64 }
        -> (BigInt, SqlUuid, SqlUuid, Timestamptz, Text, Jsonb);
    "SELECT xid, organization_id, event_id, at, type, data FROM outbox \
     WHERE (xid, organization_id, event_id) > (" [xid: BigInt] ", " [organization: SqlUuid] ", "
    [event: SqlUuid] ") AND xid < pg_snapshot_xmin(pg_current_snapshot())::text::bigint \
     ORDER BY xid, organization_id, event_id LIMIT " [limit: BigInt]
}

statement! {
    /// What happened in a while, the oldest first.
    Past<'a> {
        organization: Option<Uuid>, kinds: &'a [&'a str], since: OffsetDateTime,
        until: Option<OffsetDateTime>, dead_at: Option<Uuid>, limit: i64,
    } -> (BigInt, SqlUuid, SqlUuid, Timestamptz, Text, Jsonb);
    "SELECT xid, organization_id, event_id, at, type, data FROM outbox WHERE at >= "
    [since: Timestamptz] " AND (" [until: Nullable<Timestamptz>] " IS NULL OR at < "
    [until: Nullable<Timestamptz>] ") AND (" [organization: Nullable<SqlUuid>]
    " IS NULL OR organization_id = " [organization: Nullable<SqlUuid>] ") AND type = ANY("
    [kinds: Array<Text>] ") AND (" [dead_at: Nullable<SqlUuid>] " IS NULL OR EXISTS (       SELECT FROM deliveries WHERE deliveries.endpoint_id = " [dead_at: Nullable<SqlUuid>]
    " AND deliveries.organization_id = outbox.organization_id        AND deliveries.event_id = outbox.event_id AND deliveries.status = 'dead'))      ORDER BY at, xid, organization_id, event_id LIMIT " [limit: BigInt]
}

statement! {
    /// How many come after a place, as far as it is worth counting, and when the first happened.
    Lag { xid: i64, organization: Uuid, event: Uuid } -> (BigInt, Nullable<Timestamptz>);
    "SELECT count(*), min(at) FROM (SELECT at FROM outbox WHERE (xid, organization_id, event_id) > ("
    [xid: BigInt] ", " [organization: SqlUuid] ", " [event: SqlUuid]
    ") ORDER BY xid, organization_id, event_id LIMIT 10000) waiting"
}

statement! {
    /// Moves a cursor from one place to another, if it stands there.
    Move<'a> {
        subscriber: &'a str, xid: i64, organization: Uuid, event: Uuid,
        from_xid: i64, from_organization: Uuid, from_event: Uuid,
    } -> BigInt;
    "UPDATE event_subscribers SET xid = " [xid: BigInt] ", organization_id = "
    [organization: SqlUuid] ", event_id = " [event: SqlUuid] " WHERE subscriber = "
    [subscriber: Text] " AND (xid, organization_id, event_id) = (" [from_xid: BigInt] ", "
    [from_organization: SqlUuid] ", " [from_event: SqlUuid] ")"
}

/// A cluster begins its numbers anew. Where a database comes from another one, its numbers are moved
/// below those that are given here, all by as much: so the order stays, and cursors stay where they
/// are.
const COME_FROM_ELSEWHERE: &str = "DO $$ DECLARE \
       last bigint := greatest((SELECT max(xid) FROM outbox), (SELECT max(xid) FROM event_subscribers)); \
       away bigint := last + 1 - pg_snapshot_xmin(pg_current_snapshot())::text::bigint; \
     BEGIN \
       IF last >= pg_snapshot_xmax(pg_current_snapshot())::text::bigint THEN \
         UPDATE outbox SET xid = xid - away; \
         UPDATE event_subscribers SET xid = xid - away; \
         RAISE WARNING 'the outbox comes from another cluster: its numbers were moved'; \
       END IF; \
     END $$";

impl Database {
    /// Makes the order of events hold in this cluster. To be called before any event is written.
    pub async fn settle_outbox(&self) -> anyhow::Result<()> {
        let mut session = self.session(Scope::Engine).await?;
        let alone = "SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = '60s'; \
             SELECT pg_advisory_xact_lock(hashtext('billing outbox'))";
        session.connection().batch_execute(alone).await?;
        let settled = session.connection().batch_execute(COME_FROM_ELSEWHERE).await;
        settled.context("cannot settle the order of events")?;
        Ok(session.commit().await?)
    }
}

async fn cursor(
    connection: &mut AsyncPgConnection,
    subscriber: EventSubscriber,
) -> Result<OutboxPlace, Error> {
    let cursor = Cursor { subscriber: subscriber.name() };
    let rows: Vec<(i64, Uuid, Uuid)> = cursor.load(connection).await.map_err(failed)?;
    let row = rows.into_iter().next();
    let unknown = || anyhow::anyhow!("no migration made `{}` a subscriber", subscriber.name());
    row.map(|(xid, organization, event)| place(xid, organization, event))
        .ok_or_else(|| unknown().into())
}

fn place(xid: i64, organization: Uuid, event: Uuid) -> OutboxPlace {
    OutboxPlace {
        transaction: xid,
        organization_id: OrganizationId(organization),
        event_id: EventId(event),
    }
}

type EventRow = (i64, Uuid, Uuid, OffsetDateTime, String, Value);

fn told((_, organization, event, at, kind, data): EventRow) -> ToldEvent {
    let (id, organization_id) = (EventId(event), OrganizationId(organization));
    ToldEvent { id, organization_id, at, kind, data }
}

#[async_trait]
impl Outbox for Database {
    async fn next(&self, subscriber: EventSubscriber, limit: i64) -> Result<OutboxBatch, Error> {
        let mut session = self.reading(Scope::Engine).await?;
        let from = cursor(session.connection(), subscriber).await?;
        let OutboxPlace { transaction: xid, organization_id, event_id } = from;
        let next = Next { xid, organization: organization_id.0, event: event_id.0, limit };
        let rows: Vec<EventRow> = next.load(session.connection()).await.map_err(failed)?;
        session.commit().await?;
        let last = rows.last().map(|row| place(row.0, row.1, row.2));
        let events = rows.into_iter().map(told).collect();
        Ok(OutboxBatch { subscriber, from, to: last.unwrap_or(from), events })
    }

    async fn happened(&self, wanted: &Happened) -> Result<Vec<ToldEvent>, Error> {
        let past = Past {
            organization: wanted.organization.map(|id| id.0),
            kinds: &wanted.kinds,
            since: wanted.since,
            until: wanted.until,
            dead_at: wanted.dead_at.map(|id| id.0),
            limit: wanted.limit,
        };
        let mut session = self.reading(Scope::Operator).await?;
        let rows: Vec<EventRow> = past.load(session.connection()).await.map_err(failed)?;
        session.commit().await?;
        Ok(rows.into_iter().map(told).collect())
    }

    async fn lag(&self, subscriber: EventSubscriber) -> Result<OutboxLag, Error> {
        let mut session = self.reading(Scope::Engine).await?;
        let from = cursor(session.connection(), subscriber).await?;
        let OutboxPlace { transaction: xid, organization_id, event_id } = from;
        let lag = Lag { xid, organization: organization_id.0, event: event_id.0 };
        let rows: Vec<(i64, Option<OffsetDateTime>)> =
            lag.load(session.connection()).await.map_err(failed)?;
        session.commit().await?;
        let (waiting, oldest_at) = rows.into_iter().next().unwrap_or_default();
        Ok(OutboxLag { waiting, oldest_at })
    }
}

#[async_trait]
impl OutboxCursors for PostgresUnit {
    async fn handed_on(&mut self, batch: &OutboxBatch) -> Result<(), Error> {
        let OutboxBatch { subscriber, from, to, events: _ } = batch;
        let moved = Move {
            subscriber: subscriber.name(),
            xid: to.transaction,
            organization: to.organization_id.0,
            event: to.event_id.0,
            from_xid: from.transaction,
            from_organization: from.organization_id.0,
            from_event: from.event_id.0,
        };
        match moved.execute(self.connection()).await.map_err(failed)? {
            0 => Err(Error::Conflict("the cursor of the subscriber")),
            _ => Ok(()),
        }
    }
}
