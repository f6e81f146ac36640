//! Raw events of old months are put away: their partition goes, and what they come to stays.

use async_trait::async_trait;
use billing_app::{
    Error,
    ports::{ArchivedMonth, RawEvent, Scope, UsageArchive},
};
use billing_domain::{
    id::{OrganizationId, UsageEventId},
    period::Period,
    usage::{RawUse, Tallies, Tally},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use time::{Date, Month, OffsetDateTime, Time};
use uuid::Uuid;

use self::{
    columns::{TallyColumns, TallyValues},
    statements::{
        ArchivedCounts, ArchivedMonths, ArchivedValues, IsThere, MonthSums, Partitions,
        PutAwayMonth, RawEvents,
    },
};
use crate::{
    Database,
    database::bounded,
    error::{failed, unreachable},
    partitions::LOCKED,
    statement::unless,
    usage::{counted, known::counter_key, stored},
};

mod columns;
mod statements;

#[rustfmt::skip]
type RawEventRow = (
    Uuid, i64, OffsetDateTime, Uuid, String, i64, String, OffsetDateTime, String, Option<String>,
    OffsetDateTime,
);
type CheckpointRow = (String, String, OffsetDateTime, i64, i64, i64, i64, OffsetDateTime, i64);

const PREFIX: &str = "usage_events_";

#[async_trait]
impl UsageArchive for Database {
    async fn months_until(&self, end: OffsetDateTime) -> Result<Vec<Date>, Error> {
        let away: Vec<Date> = self.rows(Scope::Engine, ArchivedMonths {}).await?;
        let names: Vec<String> = self.rows(Scope::Engine, Partitions {}).await?;
        let months = names.iter().filter_map(|name| month_of(name));
        let over = months.filter(|month| period(*month).end <= end && !away.contains(month));
        let mut months: Vec<_> = over.collect();
        months.sort_unstable();
        Ok(months)
    }

    async fn raw_events(
        &self,
        month: Date,
        after: Option<(OrganizationId, i64)>,
    ) -> Result<Vec<RawEvent>, Error> {
        let Period { start, end } = period(month);
        let (organization, seq) = after.map_or((Uuid::nil(), 0), |(id, seq)| (id.0, seq));
        let asked = RawEvents { start, end, organization, seq };
        let rows: Vec<RawEventRow> = self.rows(Scope::Engine, asked).await?;
        rows.into_iter().map(raw_event).collect()
    }

    async fn checkpoint(
        &self,
        month: Date,
        organization: OrganizationId,
        tallies: &Tallies,
    ) -> Result<(), Error> {
        let mut columns = TallyColumns::default();
        for (key, tally) in &tallies.tallies {
            columns.push(key, tally)?;
        }
        let values: TallyValues<'_> = tallies.values.iter().collect();
        bounded(async {
            let mut session = self.session(Scope::Engine).await?;
            let connection = session.connection();
            let put = columns.statement(organization.0, month);
            unless(columns.is_empty(), connection, put).await.map_err(failed)?;
            let put = values.statement(organization.0, month);
            unless(values.is_empty(), connection, put).await.map_err(failed)?;
            session.commit().await
        })
        .await
    }

    async fn put_away(&self, month: &ArchivedMonth, now: OffsetDateTime) -> Result<bool, Error> {
        let connection = self.own_connection().await;
        put_away(&mut connection.map_err(unreachable)?, month, now).await
    }
}

/// Nobody writes into the partition while its events are compared with what was written; only the
/// last step stops all who use the table, for a moment, or gives up. A connection that is dropped
/// before the end has changed nothing.
async fn put_away(
    connection: &mut AsyncPgConnection,
    month: &ArchivedMonth,
    now: OffsetDateTime,
) -> Result<bool, Error> {
    let partition = partition(month.month);
    let begin = "BEGIN; SET LOCAL lock_timeout = '2s'; SET LOCAL statement_timeout = 0";
    execute(connection, &format!("{begin}; {LOCKED}")).await?;
    let there: Vec<bool> = IsThere { table: &partition }.load(connection).await.map_err(failed)?;
    if there != [true] {
        return Ok(false);
    }
    let lock = format!("SET LOCAL ROLE billing_owner; LOCK TABLE {partition} IN SHARE MODE");
    execute(connection, &lock).await?;
    execute(connection, "SET LOCAL ROLE billing_engine").await?;
    let Period { start, end } = period(month.month);
    let sums = MonthSums { start, end, month: month.month };
    let sums: Vec<(i64, i64, i64, i64, i64)> = sums.load(connection).await.map_err(failed)?;
    let (events, total) = (stored(month.events)?, narrow(month.total)?);
    if sums != [(events, total, events, total, 0)] {
        tracing::warn!(partition, ?sums, events, total, "the month is not what was written");
        return Err(Error::Conflict("the month"));
    }
    let (file, month) = (month.file.as_str(), month.month);
    let away = PutAwayMonth { month, file, events, total, now };
    away.execute(connection).await.map_err(failed)?;
    // Its parent is locked by it, too: whoever counts anew has read all events, or reads them after.
    let drop = format!("SET LOCAL ROLE billing_owner; DROP TABLE {partition}; COMMIT");
    execute(connection, &drop).await?;
    Ok(true)
}

async fn execute(connection: &mut AsyncPgConnection, sql: &str) -> Result<(), Error> {
    connection.batch_execute(sql).await.map_err(failed)
}

/// A sum as a column.
fn narrow(total: i128) -> Result<i64, Error> {
    Ok(i64::try_from(total).map_err(anyhow::Error::from)?)
}

/// What archived events come to. Holding the table keeps any month from being put away meanwhile.
pub(crate) async fn checkpoints(
    connection: &mut AsyncPgConnection,
    organization: OrganizationId,
) -> Result<Tallies, Error> {
    let organization = organization.0;
    let hold = "LOCK TABLE usage_events IN ACCESS SHARE MODE";
    execute(connection, hold).await?;
    let counts: Vec<CheckpointRow> =
        ArchivedCounts { organization }.load(connection).await.map_err(failed)?;
    let values: Vec<(String, String, OffsetDateTime, String)> =
        ArchivedValues { organization }.load(connection).await.map_err(failed)?;
    let mut tallies = Tallies::default();
    for (meter, window, start, events, total, largest, latest, latest_at, seq) in counts {
        let (events, total) = (counted(events)?, total.into());
        let tally = Tally { events, total, largest, latest: (latest_at, seq, latest) };
        tallies.put(counter_key(&meter, &window, start)?, tally);
    }
    for (meter, window, start, value) in values {
        tallies.values.insert((counter_key(&meter, &window, start)?, value));
    }
    Ok(tallies)
}

fn raw_event(row: RawEventRow) -> Result<RawEvent, Error> {
    let (organization, seq, at, id, meter, applied, window, start, key, properties, recorded_at) =
        row;
    let counted_in = counter_key(&meter, &window, start)?;
    Ok(RawEvent {
        organization_id: OrganizationId(organization),
        id: UsageEventId(id),
        raw: RawUse { seq, key: counted_in, applied, at, properties },
        key,
        recorded_at,
    })
}

fn period(month: Date) -> Period {
    Period::calendar_month(OffsetDateTime::new_utc(month, Time::MIDNIGHT))
}

fn partition(month: Date) -> String {
    format!("{PREFIX}{}_{:02}", month.year(), u8::from(month.month()))
}

/// The month of a partition; nothing of the default one.
fn month_of(partition: &str) -> Option<Date> {
    let (year, month) = partition.strip_prefix(PREFIX)?.split_once('_')?;
    let month = Month::try_from(month.parse::<u8>().ok()?).ok()?;
    Date::from_calendar_date(year.parse().ok()?, month, 1).ok()
}
