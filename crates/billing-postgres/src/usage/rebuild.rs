//! Counters are compared with raw events, and corrected.

use billing_app::{Error, ports::Correction};
use billing_domain::{
    id::OrganizationId,
    usage::{RawUse, Recount},
};
use diesel::sql_types::{Array, BigInt, Nullable, SmallInt, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    columns::{CounterColumns, ValueColumns},
    known::{CounterRow, ValueRow, counter, counter_key},
    statements::LockAccounts,
};
use crate::{
    error::failed,
    statement::{statement, unless},
};

statement! {
    /// Raw events after a number, in the order of their numbers.
    RawUses { organization: Uuid, after: i64 } -> (
        BigInt, Text, Text, Timestamptz, BigInt, Timestamptz, Nullable<Text>
    );
    "SELECT seq, meter, limit_window, window_start, quantity, at, properties::text \
     FROM usage_events WHERE organization_id = " [organization: SqlUuid] " AND seq > "
    [after: BigInt] " ORDER BY seq LIMIT 10000"
}

statement! {
    /// All counters of an organization.
    AllCounters { organization: Uuid } -> (
        SqlUuid, Text, Text, Timestamptz, BigInt, BigInt, SmallInt, Nullable<Timestamptz>
    );
    "SELECT organization_id, meter, limit_window, window_start, used, from_bonus, warned, \
     latest_at FROM usage_counters WHERE organization_id = " [organization: SqlUuid]
}

statement! {
    /// All distinct values of an organization.
    AllValues { organization: Uuid } -> (SqlUuid, Text, Text, Timestamptz, Text);
    "SELECT organization_id, meter, limit_window, window_start, value FROM usage_values \
     WHERE organization_id = " [organization: SqlUuid]
}

statement! {
    /// Forgets values that were never seen.
    DeleteValues<'a> {
        organization: Uuid, meters: &'a [&'a str], windows: &'a [&'a str],
        starts: &'a [OffsetDateTime], values: &'a [&'a str],
    } -> BigInt;
    "DELETE FROM usage_values v USING unnest(" [meters: Array<Text>] ", " [windows: Array<Text>]
    ", " [starts: Array<Timestamptz>] ", " [values: Array<Text>]
    ") x (meter, limit_window, window_start, value) WHERE v.organization_id = "
    [organization: SqlUuid] " AND v.meter = x.meter AND v.limit_window = x.limit_window \
     AND v.window_start = x.window_start AND v.value = x.value"
}

type RawRow = (i64, String, String, OffsetDateTime, i64, OffsetDateTime, Option<String>);

pub(super) async fn raw_uses(
    connection: &mut AsyncPgConnection,
    organization: OrganizationId,
    after: i64,
) -> Result<Vec<RawUse>, Error> {
    let rows: Vec<RawRow> =
        RawUses { organization: organization.0, after }.load(connection).await.map_err(failed)?;
    let raw = |(seq, meter, window, start, applied, at, properties): RawRow| {
        let key = counter_key(&meter, &window, start)?;
        Ok(RawUse { seq, key, applied, at, properties })
    };
    rows.into_iter().map(raw).collect()
}

/// What is kept now, locked until the end of the transaction.
pub(super) async fn counts(
    connection: &mut AsyncPgConnection,
    organization: OrganizationId,
) -> Result<Recount, Error> {
    let owner = organization.0;
    let lock = LockAccounts { organizations: &[owner] };
    let locked: Vec<(Uuid, i64)> = lock.load(connection).await.map_err(failed)?;
    if locked.is_empty() {
        return Err(Error::NotFound(billing_app::Missing::Organization));
    }
    let counters: Vec<CounterRow> =
        AllCounters { organization: owner }.load(connection).await.map_err(failed)?;
    let values: Vec<ValueRow> =
        AllValues { organization: owner }.load(connection).await.map_err(failed)?;
    let mut kept = Recount::default();
    for row in counters {
        let (_, key, counter) = counter(row)?;
        kept.counters.insert(key, counter);
    }
    for (_, meter, window, start, value) in values {
        kept.values.insert((counter_key(&meter, &window, start)?, value));
    }
    Ok(kept)
}

pub(super) async fn correct(
    connection: &mut AsyncPgConnection,
    organization: OrganizationId,
    correction: &Correction,
) -> Result<(), Error> {
    let mut counters = CounterColumns::default();
    for (key, counter) in &correction.counters {
        counters.push(organization, key, counter)?;
    }
    let mut missing = ValueColumns::default();
    for (key, value) in &correction.missing_values {
        missing.push(organization, key, value);
    }
    let mut wrong = ValueColumns::default();
    for (key, value) in &correction.wrong_values {
        wrong.push(organization, key, value);
    }
    let deleted = DeleteValues {
        organization: organization.0,
        meters: &wrong.meters,
        windows: &wrong.windows,
        starts: &wrong.starts,
        values: &wrong.values,
    };
    unless(counters.used.is_empty(), connection, counters.statement()).await.map_err(failed)?;
    unless(missing.values.is_empty(), connection, missing.statement()).await.map_err(failed)?;
    unless(wrong.values.is_empty(), connection, deleted).await.map_err(failed)
}
