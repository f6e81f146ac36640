//! The SQL of the usage ledger. Every statement names its organizations.

use diesel::sql_types::{Array, BigInt, Bool, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use serde_json::Value;
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
    } -> (SqlUuid, Text, Text, Timestamptz, BigInt);
    "SELECT c.organization_id, c.meter, c.limit_window, c.window_start, c.used FROM unnest("
    [owners: Array<SqlUuid>] ", " [meters: Array<Text>] ", " [windows: Array<Text>] ", "
    [starts: Array<Timestamptz>] ") x (organization_id, meter, limit_window, window_start) \
     JOIN usage_counters c USING (organization_id, meter, limit_window, window_start) \
     WHERE c.organization_id = ANY(" [organizations: Array<SqlUuid>] ")"
}

statement! {
    /// Bonuses that can still be used.
    Bonuses<'a> { organizations: &'a [Uuid], now: OffsetDateTime } -> (
        SqlUuid, SqlUuid, Text, BigInt, BigInt, Text, Timestamptz, Timestamptz
    );
    "SELECT organization_id, bonus_id, meter, amount, remaining, reason, expires_at, created_at \
     FROM usage_bonuses WHERE organization_id = ANY(" [organizations: Array<SqlUuid>]
    ") AND remaining > 0 AND expires_at > " [now: Timestamptz]
}

statement! {
    /// What was decided under these keys.
    DecidedKeys<'a> { organizations: &'a [Uuid], keys: &'a [&'a str] } -> (
        SqlUuid, Text, Text, SqlUuid, Text, BigInt, Bool, Nullable<BigInt>, Text, BigInt, BigInt,
        Nullable<Timestamptz>
    );
    "SELECT organization_id, key, operation, event_id, meter, quantity, recorded, most, overage, \
     used, bonus, resets_at FROM usage_keys WHERE key = ANY(" [keys: Array<Text>]
    ") AND organization_id = ANY(" [organizations: Array<SqlUuid>] ")"
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
        starts: &'a [OffsetDateTime], used: &'a [i64],
    } -> BigInt;
    "INSERT INTO usage_counters (organization_id, meter, limit_window, window_start, used) \
     SELECT * FROM unnest(" [organizations: Array<SqlUuid>] ", " [meters: Array<Text>] ", "
    [windows: Array<Text>] ", " [starts: Array<Timestamptz>] ", " [used: Array<BigInt>]
    ") ON CONFLICT (organization_id, meter, limit_window, window_start) \
     DO UPDATE SET used = excluded.used"
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
    /// Adds raw events.
    InsertEvents<'a> {
        organizations: &'a [Uuid], seqs: &'a [i64], dates: &'a [OffsetDateTime],
        ids: &'a [Uuid], meters: &'a [&'a str], quantities: &'a [i64], windows: &'a [&'a str],
        starts: &'a [OffsetDateTime], keys: &'a [&'a str], properties: &'a [Option<Value>],
        now: OffsetDateTime,
    } -> BigInt;
    "INSERT INTO usage_events (organization_id, seq, at, event_id, meter, quantity, \
     limit_window, window_start, key, properties, recorded_at) SELECT x.*, "
    [now: Timestamptz] " FROM unnest(" [organizations: Array<SqlUuid>] ", "
    [seqs: Array<BigInt>] ", " [dates: Array<Timestamptz>] ", " [ids: Array<SqlUuid>] ", "
    [meters: Array<Text>] ", " [quantities: Array<BigInt>] ", " [windows: Array<Text>] ", "
    [starts: Array<Timestamptz>] ", " [keys: Array<Text>] ", "
    [properties: Array<Nullable<Jsonb>>] ") x"
}

statement! {
    /// Keeps what was decided under keys.
    InsertKeys<'a> {
        keys: &'a [&'a str], organizations: &'a [Uuid], operations: &'a [&'a str],
        ids: &'a [Uuid], meters: &'a [&'a str], quantities: &'a [i64], recorded: &'a [bool],
        most: &'a [Option<i64>], overage: &'a [&'a str], used: &'a [i64], bonus: &'a [i64],
        resets_at: &'a [Option<OffsetDateTime>], now: OffsetDateTime,
    } -> BigInt;
    "INSERT INTO usage_keys (key, organization_id, operation, event_id, meter, quantity, \
     recorded, most, overage, used, bonus, resets_at, decided_at) SELECT x.*, "
    [now: Timestamptz] " FROM unnest(" [keys: Array<Text>] ", "
    [organizations: Array<SqlUuid>] ", " [operations: Array<Text>] ", " [ids: Array<SqlUuid>]
    ", " [meters: Array<Text>] ", " [quantities: Array<BigInt>] ", " [recorded: Array<Bool>]
    ", " [most: Array<Nullable<BigInt>>] ", " [overage: Array<Text>] ", "
    [used: Array<BigInt>] ", " [bonus: Array<BigInt>] ", "
    [resets_at: Array<Nullable<Timestamptz>>] ") x"
}
