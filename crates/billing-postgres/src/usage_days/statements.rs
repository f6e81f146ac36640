//! The SQL of use by day.

use diesel::sql_types::{BigInt, Date as SqlDate, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use time::Date;
use uuid::Uuid;

use crate::statement::statement;

statement! {
    /// Organizations with events that are not rolled up.
    Behind { after: Option<Uuid>, limit: i64 } -> SqlUuid;
    "SELECT a.organization_id FROM usage_accounts a LEFT JOIN usage_rollups r \
     USING (organization_id) WHERE a.last_seq > coalesce(r.rolled_seq, 0) AND (a.organization_id > "
    [after: Nullable<SqlUuid>] " OR " [after: Nullable<SqlUuid>]
    " IS NULL) ORDER BY a.organization_id LIMIT " [limit: BigInt]
}

statement! {
    /// An organization that was never rolled up begins.
    BeginRollup { organization: Uuid } -> BigInt;
    "INSERT INTO usage_rollups (organization_id, rolled_seq) VALUES ("
    [organization: SqlUuid] ", 0) ON CONFLICT (organization_id) DO NOTHING"
}

statement! {
    /// How far it is rolled up; nothing where somebody else is about it.
    LockRollup { organization: Uuid } -> BigInt;
    "SELECT rolled_seq FROM usage_rollups WHERE organization_id = " [organization: SqlUuid]
    " FOR NO KEY UPDATE SKIP LOCKED"
}

statement! {
    /// The number of the last event.
    LastEvent { organization: Uuid } -> BigInt;
    "SELECT last_seq FROM usage_accounts WHERE organization_id = " [organization: SqlUuid]
}

statement! {
    /// Adds events to their days, each in the way of its meter.
    AddDays { organization: Uuid, after: i64, last: i64 } -> BigInt;
    "WITH fresh AS (SELECT e.meter, (e.at AT TIME ZONE 'UTC')::date AS day, e.quantity, e.at, \
     e.seq, coalesce(m.aggregation, 'sum') AS aggregation, \
     coalesce((e.properties -> m.property)::text, '') AS value \
     FROM usage_events e LEFT JOIN meters m USING (meter) WHERE e.organization_id = "
    [organization: SqlUuid] " AND e.seq > " [after: BigInt] " AND e.seq <= " [last: BigInt]
    "), seen AS (INSERT INTO usage_day_values (organization_id, day, meter, value) \
     SELECT DISTINCT " [organization: SqlUuid] ", day, meter, value FROM fresh \
     WHERE aggregation = 'unique' ON CONFLICT DO NOTHING RETURNING meter, day), \
     added AS (SELECT meter, day, aggregation, count(*) AS events, max(at) AS latest_at, \
     CASE aggregation WHEN 'max' THEN max(quantity) \
     WHEN 'latest' THEN (array_agg(quantity ORDER BY at DESC, seq DESC))[1] \
     ELSE sum(quantity) END AS used FROM fresh GROUP BY meter, day, aggregation) \
     INSERT INTO usage_days AS d (organization_id, day, meter, used, events, latest_at) \
     SELECT " [organization: SqlUuid] ", a.day, a.meter, CASE a.aggregation WHEN 'unique' THEN \
     coalesce(n.new, 0) ELSE a.used END, a.events, a.latest_at FROM added a LEFT JOIN \
     (SELECT meter, day, count(*) AS new FROM seen GROUP BY meter, day) n USING (meter, day) \
     ON CONFLICT (organization_id, day, meter) DO UPDATE SET events = d.events + excluded.events, \
     latest_at = greatest(d.latest_at, excluded.latest_at), used = CASE \
     (SELECT aggregation FROM meters m WHERE m.meter = d.meter) \
     WHEN 'max' THEN greatest(d.used, excluded.used) \
     WHEN 'latest' THEN CASE WHEN excluded.latest_at >= d.latest_at THEN excluded.used \
     ELSE d.used END ELSE d.used + excluded.used END"
}

statement! {
    /// Events up to this number are rolled up.
    MoveRollup { organization: Uuid, rolled: i64 } -> BigInt;
    "UPDATE usage_rollups SET rolled_seq = " [rolled: BigInt] " WHERE organization_id = "
    [organization: SqlUuid]
}

statement! {
    /// Forgets distinct values of old days.
    ForgetValues { before: Date } -> BigInt;
    "DELETE FROM usage_day_values WHERE day < " [before: SqlDate]
}

statement! {
    /// When the first event of an organization was recorded that is not rolled up.
    Until { organization: Uuid } -> Nullable<Timestamptz>;
    "SELECT e.recorded_at FROM usage_accounts a LEFT JOIN usage_rollups r USING (organization_id) \
     JOIN usage_events e ON e.organization_id = a.organization_id \
     AND e.seq = coalesce(r.rolled_seq, 0) + 1 WHERE a.organization_id = " [organization: SqlUuid]
    " AND e.organization_id = " [organization: SqlUuid]
    " AND a.last_seq > coalesce(r.rolled_seq, 0)"
}

statement! {
    /// The same for the organization that is furthest behind.
    AllUntil {} -> Nullable<Timestamptz>;
    "SELECT min(e.recorded_at) FROM usage_accounts a LEFT JOIN usage_rollups r \
     USING (organization_id) JOIN usage_events e ON e.organization_id = a.organization_id \
     AND e.seq = coalesce(r.rolled_seq, 0) + 1 WHERE a.last_seq > coalesce(r.rolled_seq, 0)"
}

statement! {
    /// The first day on which an organization used anything.
    FirstDay { organization: Uuid } -> Nullable<SqlDate>;
    "SELECT min(day) FROM usage_days WHERE organization_id = " [organization: SqlUuid]
}

statement! {
    /// Days of an organization.
    Days<'a> { organization: Uuid, meter: Option<&'a str>, first: Date, last: Date } -> (
        Text, SqlDate, BigInt, BigInt
    );
    "SELECT meter, day, used, events FROM usage_days WHERE organization_id = "
    [organization: SqlUuid] " AND day >= " [first: SqlDate] " AND day <= " [last: SqlDate]
    " AND meter = coalesce(" [meter: Nullable<Text>] ", meter) ORDER BY meter, day"
}

statement! {
    /// Days of all organizations together.
    DaysOfAll<'a> { meter: Option<&'a str>, first: Date, last: Date } -> (
        Text, SqlDate, BigInt, BigInt, BigInt
    );
    "SELECT d.meter, d.day, least(CASE m.aggregation WHEN 'max' THEN max(d.used) \
     ELSE sum(d.used) END, 9223372036854775807)::bigint, sum(d.events)::bigint, count(*) \
     FROM usage_days d LEFT JOIN meters m USING (meter) WHERE d.day >= " [first: SqlDate]
    " AND d.day <= " [last: SqlDate] " AND d.meter = coalesce(" [meter: Nullable<Text>]
    ", d.meter) GROUP BY d.meter, d.day, m.aggregation ORDER BY d.meter, d.day"
}

statement! {
    /// Organizations that used something on these days.
    Users<'a> {
        meter: Option<&'a str>, first: Date, last: Date, after: Option<Uuid>, limit: i64,
    } -> SqlUuid;
    "SELECT DISTINCT organization_id FROM usage_days WHERE day >= " [first: SqlDate]
    " AND day <= " [last: SqlDate] " AND meter = coalesce(" [meter: Nullable<Text>]
    ", meter) AND (organization_id > " [after: Nullable<SqlUuid>] " OR "
    [after: Nullable<SqlUuid>] " IS NULL) ORDER BY organization_id LIMIT " [limit: BigInt]
}
