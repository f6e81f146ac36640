//! The SQL of the usage ledger. Every statement names its organizations.

use diesel::sql_types::{
    Array, BigInt, Bool, Nullable, SmallInt, Text, Timestamptz, Uuid as SqlUuid,
};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::statement::statement;

statement! {
    /// Locks the accounts, always in the same order.
    LockAccounts<'a> { organizations: &'a [Uuid] } -> (SqlUuid, BigInt);
    "SELECT organization_id, last_seq FROM usage_accounts WHERE organization_id = ANY("
    [organizations: Array<SqlUuid>] ") ORDER BY organization_id FOR NO KEY UPDATE"
}

statement! {
    /// The counts that are asked for.
    Counters<'a> {
        organizations: &'a [Uuid], owners: &'a [Uuid], meters: &'a [&'a str],
        windows: &'a [&'a str], starts: &'a [OffsetDateTime],
    } -> (
        SqlUuid, Text, Text, Timestamptz, BigInt, BigInt, SmallInt, Nullable<Timestamptz>
    );
    "SELECT c.organization_id, c.meter, c.limit_window, c.window_start, c.used, c.from_bonus, \
     c.warned, c.latest_at FROM unnest("
    [owners: Array<SqlUuid>] ", " [meters: Array<Text>] ", " [windows: Array<Text>] ", "
    [starts: Array<Timestamptz>] ") x (organization_id, meter, limit_window, window_start) \
     JOIN usage_counters c USING (organization_id, meter, limit_window, window_start) \
     WHERE c.organization_id = ANY(" [organizations: Array<SqlUuid>] ")"
}

statement! {
    /// Of the named values, those that were seen.
    SeenValues<'a> {
        organizations: &'a [Uuid], owners: &'a [Uuid], meters: &'a [&'a str],
        windows: &'a [&'a str], starts: &'a [OffsetDateTime], values: &'a [&'a str],
    } -> (SqlUuid, Text, Text, Timestamptz, Text);
    "SELECT v.organization_id, v.meter, v.limit_window, v.window_start, v.value FROM unnest("
    [owners: Array<SqlUuid>] ", " [meters: Array<Text>] ", " [windows: Array<Text>] ", "
    [starts: Array<Timestamptz>] ", " [values: Array<Text>]
    ") x (organization_id, meter, limit_window, window_start, value) \
     JOIN usage_values v USING (organization_id, meter, limit_window, window_start, value) \
     WHERE v.organization_id = ANY(" [organizations: Array<SqlUuid>] ")"
}

statement! {
    /// Bonuses that have not expired.
    Bonuses<'a> { organizations: &'a [Uuid], now: OffsetDateTime } -> (
        SqlUuid, SqlUuid, Text, BigInt, BigInt, Text, Timestamptz, Timestamptz
    );
    "SELECT organization_id, bonus_id, meter, amount, remaining, reason, expires_at, created_at \
     FROM usage_bonuses WHERE organization_id = ANY(" [organizations: Array<SqlUuid>]
    ") AND expires_at > " [now: Timestamptz]
}

statement! {
    /// The bonuses of these ids that have expired.
    ExpiredBonuses<'a> { organizations: &'a [Uuid], bonuses: &'a [Uuid], now: OffsetDateTime } -> (
        SqlUuid, SqlUuid, Text, BigInt, BigInt, Text, Timestamptz, Timestamptz
    );
    "SELECT organization_id, bonus_id, meter, amount, remaining, reason, expires_at, created_at \
     FROM usage_bonuses WHERE organization_id = ANY(" [organizations: Array<SqlUuid>]
    ") AND bonus_id = ANY(" [bonuses: Array<SqlUuid>] ") AND expires_at <= " [now: Timestamptz]
}

statement! {
    /// What was decided under these keys, each looked up by itself, as the credit ledger does it.
    DecidedKeys<'a> {
        owners: &'a [Uuid], keys: &'a [&'a str], since: OffsetDateTime,
        until: OffsetDateTime,
    } -> (
        SqlUuid, Text, Text, SqlUuid, Text, BigInt, Bool, Nullable<BigInt>, Nullable<Text>,
        Nullable<BigInt>, Nullable<BigInt>, Nullable<Timestamptz>
    );
    "SELECT k.organization_id, k.key, operation, event_id, meter, quantity, recorded, most, \
     overage, used, bonus, resets_at FROM unnest(" [owners: Array<SqlUuid>] ", "
    [keys: Array<Text>] ") x (organization_id, key) CROSS JOIN LATERAL (SELECT * \
     FROM usage_keys k WHERE k.key = x.key AND k.organization_id = x.organization_id \
     AND k.decided_at >= " [since: Timestamptz] " AND k.decided_at <= " [until: Timestamptz]
    " OFFSET 0) k"
}

statement! {
    /// Moves the accounts on. Fewer rows than expected divide by zero: see the credit ledger.
    UpdateAccounts<'a> { organizations: &'a [Uuid], seqs: &'a [i64] } -> BigInt;
    "WITH done AS (UPDATE usage_accounts a SET last_seq = x.seq FROM unnest("
    [organizations: Array<SqlUuid>] ", " [seqs: Array<BigInt>]
    ") x (organization_id, seq) WHERE a.organization_id = x.organization_id \
     AND a.organization_id = ANY(" [organizations: Array<SqlUuid>] ") RETURNING 1) \
     SELECT 1 / (count(*) = cardinality(" [organizations: Array<SqlUuid>]
    "))::int::bigint FROM done"
}

statement! {
    /// Writes counts, in the order of their keys.
    PutCounters<'a> {
        organizations: &'a [Uuid], meters: &'a [&'a str], windows: &'a [&'a str],
        starts: &'a [OffsetDateTime], used: &'a [i64], from_bonus: &'a [i64], warned: &'a [i16],
        latest: &'a [Option<OffsetDateTime>],
    } -> BigInt;
    "INSERT INTO usage_counters (organization_id, meter, limit_window, window_start, used, \
     from_bonus, warned, latest_at) \
     SELECT * FROM unnest(" [organizations: Array<SqlUuid>] ", " [meters: Array<Text>] ", "
    [windows: Array<Text>] ", " [starts: Array<Timestamptz>] ", " [used: Array<BigInt>] ", "
    [from_bonus: Array<BigInt>] ", " [warned: Array<SmallInt>] ", "
    [latest: Array<Nullable<Timestamptz>>]
    ") ON CONFLICT (organization_id, meter, limit_window, window_start) \
     DO UPDATE SET used = excluded.used, from_bonus = excluded.from_bonus, \
     warned = excluded.warned, latest_at = excluded.latest_at"
}

statement! {
    /// Remembers values that were seen for the first time.
    InsertValues<'a> {
        organizations: &'a [Uuid], meters: &'a [&'a str], windows: &'a [&'a str],
        starts: &'a [OffsetDateTime], values: &'a [&'a str],
    } -> BigInt;
    "INSERT INTO usage_values (organization_id, meter, limit_window, window_start, value) \
     SELECT * FROM unnest(" [organizations: Array<SqlUuid>] ", " [meters: Array<Text>] ", "
    [windows: Array<Text>] ", " [starts: Array<Timestamptz>] ", " [values: Array<Text>] ")"
}

statement! {
    /// Gives bonuses.
    InsertBonuses<'a> {
        organizations: &'a [Uuid], bonuses: &'a [Uuid], meters: &'a [&'a str],
        amounts: &'a [i64], remaining: &'a [i64], reasons: &'a [&'a str],
        expires: &'a [OffsetDateTime], created: &'a [OffsetDateTime],
    } -> BigInt;
    "INSERT INTO usage_bonuses (organization_id, bonus_id, meter, amount, remaining, reason, \
     expires_at, created_at) SELECT * FROM unnest(" [organizations: Array<SqlUuid>] ", "
    [bonuses: Array<SqlUuid>] ", " [meters: Array<Text>] ", " [amounts: Array<BigInt>] ", "
    [remaining: Array<BigInt>] ", " [reasons: Array<Text>] ", " [expires: Array<Timestamptz>] ", "
    [created: Array<Timestamptz>] ")"
}

statement! {
    /// Writes what bonuses have left.
    UpdateBonuses<'a> { organizations: &'a [Uuid], bonuses: &'a [Uuid], remaining: &'a [i64] }
    -> BigInt;
    "UPDATE usage_bonuses b SET remaining = x.remaining FROM unnest("
    [organizations: Array<SqlUuid>] ", " [bonuses: Array<SqlUuid>] ", "
    [remaining: Array<BigInt>] ") x (organization_id, bonus_id, remaining) \
     WHERE b.organization_id = x.organization_id AND b.bonus_id = x.bonus_id \
     AND b.organization_id = ANY(" [organizations: Array<SqlUuid>] ")"
}

statement! {
    /// Writes raw events.
    InsertEvents<'a> {
        organizations: &'a [Uuid], seqs: &'a [i64], dates: &'a [OffsetDateTime],
        ids: &'a [Uuid], meters: &'a [&'a str], quantities: &'a [i64], windows: &'a [&'a str],
        starts: &'a [OffsetDateTime], keys: &'a [&'a str], properties: &'a [Option<&'a str>],
        now: OffsetDateTime,
    } -> BigInt;
    "INSERT INTO usage_events (organization_id, seq, at, event_id, meter, quantity, \
     limit_window, window_start, key, properties, recorded_at) \
     SELECT organization_id, seq, at, event_id, meter, quantity, limit_window, window_start, key, \
     properties::jsonb, " [now: Timestamptz] " FROM unnest(" [organizations: Array<SqlUuid>] ", "
    [seqs: Array<BigInt>] ", " [dates: Array<Timestamptz>] ", " [ids: Array<SqlUuid>] ", "
    [meters: Array<Text>] ", " [quantities: Array<BigInt>] ", " [windows: Array<Text>] ", "
    [starts: Array<Timestamptz>] ", " [keys: Array<Text>] ", "
    [properties: Array<Nullable<Text>>] ") x (organization_id, seq, at, event_id, meter, \
     quantity, limit_window, window_start, key, properties)"
}

statement! {
    /// Keeps what was decided under keys.
    InsertKeys<'a> {
        keys: &'a [&'a str], organizations: &'a [Uuid], operations: &'a [&'a str],
        dates: &'a [OffsetDateTime], ids: &'a [Uuid], meters: &'a [&'a str],
        quantities: &'a [i64], recorded: &'a [bool], most: &'a [Option<i64>],
        overage: &'a [Option<&'a str>], used: &'a [Option<i64>], bonus: &'a [Option<i64>],
        resets_at: &'a [Option<OffsetDateTime>], versions: &'a [Option<Uuid>],
    } -> BigInt;
    "INSERT INTO usage_keys (key, organization_id, operation, decided_at, event_id, meter, \
     quantity, recorded, most, overage, used, bonus, resets_at, plan_version_id) \
     SELECT * FROM unnest(" [keys: Array<Text>] ", "
    [organizations: Array<SqlUuid>] ", " [operations: Array<Text>] ", "
    [dates: Array<Timestamptz>] ", " [ids: Array<SqlUuid>] ", " [meters: Array<Text>] ", "
    [quantities: Array<BigInt>] ", " [recorded: Array<Bool>] ", "
    [most: Array<Nullable<BigInt>>] ", " [overage: Array<Nullable<Text>>] ", "
    [used: Array<Nullable<BigInt>>] ", " [bonus: Array<Nullable<BigInt>>] ", "
    [resets_at: Array<Nullable<Timestamptz>>] ", " [versions: Array<Nullable<SqlUuid>>] ")"
}
