//! What was counted in billing periods.

use billing_app::Error;
use billing_domain::{catalogue::Meter, id::OrganizationId, usage::Counter};
use diesel::sql_types::{Array, BigInt, Nullable, SmallInt, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use time::OffsetDateTime;
use uuid::Uuid;

use super::known::{CounterRow, counter};
use crate::{error::failed, statement::statement};

statement! {
    /// The counters of a meter in billing periods, by their starts.
    CountersOfPeriods<'a> { organization: Uuid, meter: &'a str, starts: &'a [OffsetDateTime] } -> (
        SqlUuid, Text, Text, Timestamptz, BigInt, BigInt, SmallInt, Nullable<Timestamptz>
    );
    "SELECT organization_id, meter, limit_window, window_start, used, from_bonus, warned, \
     latest_at FROM usage_counters WHERE organization_id = " [organization: SqlUuid]
    " AND meter = " [meter: Text] " AND limit_window = 'billing_period' AND window_start = ANY("
    [starts: Array<Timestamptz>] ")"
}

statement! {
    /// How many distinct values were seen in them.
    ValuesOfPeriods<'a> { organization: Uuid, meter: &'a str, starts: &'a [OffsetDateTime] }
    -> BigInt;
    "SELECT count(DISTINCT value) FROM usage_values WHERE organization_id = "
    [organization: SqlUuid] " AND meter = " [meter: Text] " AND limit_window = 'billing_period' \
     AND window_start = ANY(" [starts: Array<Timestamptz>] ")"
}

pub(super) async fn read(
    connection: &mut AsyncPgConnection,
    organization: OrganizationId,
    meter: &Meter,
    starts: &[OffsetDateTime],
) -> Result<Counter, Error> {
    let (organization, key) = (organization.0, meter.key.as_str());
    let counters = CountersOfPeriods { organization, meter: key, starts };
    let rows: Vec<CounterRow> = counters.load(connection).await.map_err(failed)?;
    let counters = rows.into_iter().map(|row| Ok(counter(row)?.2));
    let counters = counters.collect::<Result<Vec<_>, Error>>()?;
    let mut together = Counter::together(&meter.aggregation, counters.into_iter());
    if meter.aggregation.property().is_some() {
        let values = ValuesOfPeriods { organization, meter: key, starts };
        let seen: i64 = values.get_result(connection).await.map_err(failed)?;
        together.used = super::counted(seen)?;
    }
    Ok(together)
}
