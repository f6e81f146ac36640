//! The SQL of the credit ledger. Every statement names its organizations.

use diesel::sql_types::{Array, BigInt, Bool, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::statement::statement;

statement! {
    /// Locks the accounts, always in the same order.
    LockAccounts<'a> { organizations: &'a [Uuid] }
        -> (SqlUuid, BigInt, Timestamptz, BigInt, BigInt);
    "SELECT organization_id, last_seq, last_at, overdrawn, overdraft_limit FROM credit_accounts \
     WHERE organization_id = ANY(" [organizations: Array<SqlUuid>]
    ") ORDER BY organization_id FOR NO KEY UPDATE"
}

statement! {
    /// Grants to which something can still happen.
    OpenGrants<'a> { organizations: &'a [Uuid] } -> (
        SqlUuid, SqlUuid, Text, BigInt, BigInt, Timestamptz, Nullable<Timestamptz>, Text, Text,
        Timestamptz, Bool
    );
    "SELECT organization_id, grant_id, kind, amount, remaining, starts_at, expires_at, \
     source_kind, source_id, granted_at, started FROM credit_grants \
     WHERE open AND organization_id = ANY(" [organizations: Array<SqlUuid>] ")"
}

statement! {
    /// What was decided under these keys, with the ledger row where there is one.
    DecidedKeys<'a> { organizations: &'a [Uuid], keys: &'a [&'a str] } -> (
        SqlUuid, Text, Timestamptz, SqlUuid, Text, BigInt, BigInt, Nullable<BigInt>,
        Nullable<BigInt>, Nullable<BigInt>, Nullable<Jsonb>
    );
    "SELECT k.organization_id, k.key, k.decided_at, k.decision_id, k.event, k.quantity, \
     k.required, k.available, t.seq, t.balance_after, t.touched \
     FROM credit_keys k LEFT JOIN credit_transactions t \
     ON t.organization_id = k.organization_id AND t.seq = k.seq \
     WHERE k.key = ANY(" [keys: Array<Text>] ") AND k.operation = 'consume' \
     AND k.organization_id = ANY(" [organizations: Array<SqlUuid>] ")"
}

statement! {
    /// Grants that these sources have given before.
    KnownSources<'a> { organizations: &'a [Uuid], kinds: &'a [&'a str], ids: &'a [&'a str] }
        -> (SqlUuid, Text, Text, SqlUuid);
    "SELECT organization_id, source_kind, source_id, grant_id FROM credit_grants \
     WHERE organization_id = ANY(" [organizations: Array<SqlUuid>]
    ") AND (source_kind, source_id) IN (SELECT * FROM unnest("
    [kinds: Array<Text>] ", " [ids: Array<Text>] "))"
}

statement! {
    /// Moves the accounts on. Fewer rows than expected divide by zero: what row-level security
    /// hides must fail before the commit that may follow in the same flight.
    UpdateAccounts<'a> {
        organizations: &'a [Uuid], seqs: &'a [i64], dates: &'a [OffsetDateTime],
        balances: &'a [i64], overdrawn: &'a [i64], dues: &'a [Option<OffsetDateTime>],
    } -> BigInt;
    "WITH done AS (UPDATE credit_accounts a SET last_seq = x.seq, last_at = x.at, balance = x.balance, \
     overdrawn = x.overdrawn, next_due_at = x.due FROM unnest("
    [organizations: Array<SqlUuid>] ", " [seqs: Array<BigInt>] ", " [dates: Array<Timestamptz>]
    ", " [balances: Array<BigInt>] ", " [overdrawn: Array<BigInt>] ", "
    [dues: Array<Nullable<Timestamptz>>]
    ") x (organization_id, seq, at, balance, overdrawn, due) \
     WHERE a.organization_id = x.organization_id AND a.organization_id = ANY("
    [organizations: Array<SqlUuid>] ") RETURNING 1) \
     SELECT 1 / (count(*) = cardinality(" [organizations: Array<SqlUuid>]
    "))::int::bigint FROM done"
}

statement! {
    /// Writes what grants have left, all of them or none.
    UpdateGrants<'a> {
        organizations: &'a [Uuid], grants: &'a [Uuid], remaining: &'a [i64], started: &'a [bool],
    } -> BigInt;
    "WITH done AS (UPDATE credit_grants g SET remaining = x.remaining, started = x.started, \
     open = NOT x.started OR x.remaining > 0 FROM unnest("
    [organizations: Array<SqlUuid>] ", " [grants: Array<SqlUuid>] ", "
    [remaining: Array<BigInt>] ", " [started: Array<Bool>]
    ") x (organization_id, grant_id, remaining, started) \
     WHERE g.organization_id = x.organization_id AND g.grant_id = x.grant_id \
     AND g.organization_id = ANY(" [organizations: Array<SqlUuid>] ") RETURNING 1) \
     SELECT 1 / (count(*) = cardinality(" [grants: Array<SqlUuid>] "))::int::bigint FROM done"
}

statement! {
    /// Adds grants.
    InsertGrants<'a> {
        organizations: &'a [Uuid], ids: &'a [Uuid], kinds: &'a [&'a str], amounts: &'a [i64],
        remaining: &'a [i64], starts: &'a [OffsetDateTime],
        expiries: &'a [Option<OffsetDateTime>], source_kinds: &'a [&'a str],
        source_ids: &'a [&'a str], dates: &'a [OffsetDateTime], started: &'a [bool],
    } -> BigInt;
    "INSERT INTO credit_grants (organization_id, grant_id, kind, amount, remaining, starts_at, \
     expires_at, source_kind, source_id, granted_at, started, open) \
     SELECT x.*, NOT x.started OR x.remaining > 0 FROM unnest("
    [organizations: Array<SqlUuid>] ", " [ids: Array<SqlUuid>] ", " [kinds: Array<Text>] ", "
    [amounts: Array<BigInt>] ", " [remaining: Array<BigInt>] ", " [starts: Array<Timestamptz>]
    ", " [expiries: Array<Nullable<Timestamptz>>] ", " [source_kinds: Array<Text>] ", "
    [source_ids: Array<Text>] ", " [dates: Array<Timestamptz>] ", " [started: Array<Bool>]
    ") x (organization_id, grant_id, kind, amount, remaining, starts_at, expires_at, \
     source_kind, source_id, granted_at, started)"
}

statement! {
    /// Adds rows to the ledger.
    InsertEntries<'a> {
        organizations: &'a [Uuid], seqs: &'a [i64], dates: &'a [OffsetDateTime],
        kinds: &'a [&'a str], amounts: &'a [i64], balances: &'a [i64], overdrawn: &'a [i64],
        touched: &'a [Value], origins: &'a [&'a str], source_kinds: &'a [Option<&'a str>],
        source_ids: &'a [Option<&'a str>], decisions: &'a [Option<Uuid>],
        keys: &'a [Option<&'a str>], events: &'a [Option<&'a str>],
        quantities: &'a [Option<i64>], unit_costs: &'a [Option<i64>],
    } -> BigInt;
    "INSERT INTO credit_transactions (organization_id, seq, at, kind, amount, balance_after, \
     overdrawn_change, touched, origin, source_kind, source_id, decision_id, key, event, \
     quantity, unit_cost) SELECT * FROM unnest("
    [organizations: Array<SqlUuid>] ", " [seqs: Array<BigInt>] ", " [dates: Array<Timestamptz>]
    ", " [kinds: Array<Text>] ", " [amounts: Array<BigInt>] ", " [balances: Array<BigInt>] ", "
    [overdrawn: Array<BigInt>] ", " [touched: Array<Jsonb>] ", " [origins: Array<Text>] ", "
    [source_kinds: Array<Nullable<Text>>] ", " [source_ids: Array<Nullable<Text>>] ", "
    [decisions: Array<Nullable<SqlUuid>>] ", " [keys: Array<Nullable<Text>>] ", "
    [events: Array<Nullable<Text>>] ", " [quantities: Array<Nullable<BigInt>>] ", "
    [unit_costs: Array<Nullable<BigInt>>] ")"
}

statement! {
    /// Keeps what was decided under keys.
    InsertKeys<'a> {
        keys: &'a [&'a str], organizations: &'a [Uuid], dates: &'a [OffsetDateTime],
        decisions: &'a [Uuid], events: &'a [&'a str], quantities: &'a [i64],
        required: &'a [i64], seqs: &'a [Option<i64>], available: &'a [Option<i64>],
    } -> BigInt;
    "INSERT INTO credit_keys (key, organization_id, operation, decided_at, decision_id, event, \
     quantity, required, seq, available) SELECT key, organization_id, 'consume', decided_at, \
     decision_id, event, quantity, required, seq, available FROM unnest("
    [keys: Array<Text>] ", " [organizations: Array<SqlUuid>] ", " [dates: Array<Timestamptz>]
    ", " [decisions: Array<SqlUuid>] ", " [events: Array<Text>] ", "
    [quantities: Array<BigInt>] ", " [required: Array<BigInt>] ", "
    [seqs: Array<Nullable<BigInt>>] ", " [available: Array<Nullable<BigInt>>]
    ") x (key, organization_id, decided_at, decision_id, event, quantity, required, seq, available)"
}

statement! {
    /// Accounts on which something is due.
    Due { now: OffsetDateTime, limit: i64 } -> SqlUuid;
    "SELECT organization_id FROM credit_accounts WHERE next_due_at <= " [now: Timestamptz]
    " ORDER BY next_due_at LIMIT " [limit: BigInt]
}
