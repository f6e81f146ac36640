//! The SQL of archives of use.

use diesel::sql_types::{
    Array, BigInt, Bool, Date as SqlDate, Nullable, Text, Timestamptz, Uuid as SqlUuid,
};
use time::{Date, OffsetDateTime};
use uuid::Uuid;

use crate::statement::statement;

statement! {
    /// The partitions of raw events.
    Partitions {} -> Text;
    "SELECT relname::text FROM pg_inherits JOIN pg_class ON oid = inhrelid \
     WHERE inhparent = 'usage_events'::regclass"
}

statement! {
    /// Months that were put away.
    ArchivedMonths {} -> SqlDate;
    "SELECT month FROM usage_archives"
}

statement! {
    /// Whether there is a table.
    IsThere<'a> { table: &'a str } -> Bool;
    "SELECT to_regclass(" [table: Text] ") IS NOT NULL"
}

statement! {
    /// Raw events of a stretch of time after one of them.
    RawEvents { start: OffsetDateTime, end: OffsetDateTime, organization: Uuid, seq: i64 } -> (
        SqlUuid, BigInt, Timestamptz, SqlUuid, Text, BigInt, Text, Timestamptz, Text,
        Nullable<Text>, Timestamptz
    );
    "SELECT organization_id, seq, at, event_id, meter, quantity, limit_window, window_start, key, \
     properties::text, recorded_at FROM usage_events WHERE at >= " [start: Timestamptz]
    " AND at < " [end: Timestamptz] " AND (organization_id, seq) > (" [organization: SqlUuid] ", "
    [seq: BigInt] ") ORDER BY organization_id, seq LIMIT 10000"
}

statement! {
    /// Writes what the events of a month come to in the counters of an organization.
    PutCheckpoints<'a> {
        organization: Uuid, month: Date, meters: &'a [&'a str], windows: &'a [&'a str],
        starts: &'a [OffsetDateTime], events: &'a [i64], totals: &'a [i64], largest: &'a [i64],
        latest: &'a [i64], latest_at: &'a [OffsetDateTime], latest_seqs: &'a [i64],
    } -> BigInt;
    "INSERT INTO usage_checkpoints (organization_id, month, meter, limit_window, window_start, \
     events, total, largest, latest, latest_at, latest_seq) SELECT " [organization: SqlUuid] ", "
    [month: SqlDate] ", * FROM unnest(" [meters: Array<Text>] ", " [windows: Array<Text>] ", "
    [starts: Array<Timestamptz>] ", " [events: Array<BigInt>] ", " [totals: Array<BigInt>] ", "
    [largest: Array<BigInt>] ", " [latest: Array<BigInt>] ", " [latest_at: Array<Timestamptz>] ", "
    [latest_seqs: Array<BigInt>]
    ") x WHERE NOT EXISTS (SELECT FROM usage_archives WHERE month = " [month: SqlDate]
    ") ON CONFLICT (organization_id, month, meter, limit_window, window_start) DO UPDATE SET \
     events = excluded.events, total = excluded.total, largest = excluded.largest, \
     latest = excluded.latest, latest_at = excluded.latest_at, latest_seq = excluded.latest_seq"
}

statement! {
    /// Remembers the distinct values of a month.
    PutCheckpointValues<'a> {
        organization: Uuid, month: Date, meters: &'a [&'a str], windows: &'a [&'a str],
        starts: &'a [OffsetDateTime], values: &'a [&'a str],
    } -> BigInt;
    "INSERT INTO usage_checkpoint_values (organization_id, month, meter, limit_window, \
     window_start, value) SELECT " [organization: SqlUuid] ", " [month: SqlDate]
    ", * FROM unnest(" [meters: Array<Text>] ", " [windows: Array<Text>] ", "
    [starts: Array<Timestamptz>] ", " [values: Array<Text>]
    ") x WHERE NOT EXISTS (SELECT FROM usage_archives WHERE month = " [month: SqlDate]
    ") ON CONFLICT DO NOTHING"
}

statement! {
    /// What a month has, what its checkpoints say, and how much of it is not in days of use.
    MonthSums { start: OffsetDateTime, end: OffsetDateTime, month: Date } -> (
        BigInt, BigInt, BigInt, BigInt, BigInt
    );
    "SELECT e.events, e.total, c.events, c.total, e.behind FROM (SELECT count(*) AS events, \
     coalesce(sum(quantity), 0)::bigint AS total, \
     count(*) FILTER (WHERE seq > coalesce(rolled_seq, 0)) AS behind FROM usage_events \
     LEFT JOIN usage_rollups USING (organization_id) WHERE at >= " [start: Timestamptz]
    " AND at < " [end: Timestamptz] ") e, (SELECT coalesce(sum(events), 0)::bigint AS events, \
     coalesce(sum(total), 0)::bigint AS total FROM usage_checkpoints WHERE month = "
    [month: SqlDate] ") c"
}

statement! {
    /// From now on the checkpoints of a month count.
    PutAwayMonth<'a> {
        month: Date, file: &'a str, events: i64, total: i64, now: OffsetDateTime,
    } -> BigInt;
    "INSERT INTO usage_archives (month, file, events, total, archived_at) VALUES ("
    [month: SqlDate] ", " [file: Text] ", " [events: BigInt] ", " [total: BigInt] ", "
    [now: Timestamptz] ")"
}

statement! {
    /// What archived events of an organization come to, month by month.
    ArchivedCounts { organization: Uuid } -> (
        Text, Text, Timestamptz, BigInt, BigInt, BigInt, BigInt, Timestamptz, BigInt
    );
    "SELECT meter, limit_window, window_start, c.events, c.total, largest, latest, latest_at, \
     latest_seq FROM usage_checkpoints c JOIN usage_archives USING (month) \
     WHERE organization_id = " [organization: SqlUuid]
}

statement! {
    /// The distinct values among them.
    ArchivedValues { organization: Uuid } -> (Text, Text, Timestamptz, Text);
    "SELECT meter, limit_window, window_start, value FROM usage_checkpoint_values \
     JOIN usage_archives USING (month) WHERE organization_id = " [organization: SqlUuid]
}
