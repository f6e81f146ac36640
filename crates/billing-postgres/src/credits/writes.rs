//! What the credit ledger writes after it decided. Every statement names its organizations.

use diesel::sql_types::{
    Array, BigInt, Bool, Jsonb, Nullable, SmallInt, Text, Timestamptz, Uuid as SqlUuid,
};
use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::statement::statement;

statement! {
    /// Moves the accounts on. Fewer rows than expected divide by zero: what row-level security
    /// hides must fail before the commit that may follow in the same flight.
    UpdateAccounts<'a> {
        organizations: &'a [Uuid], seqs: &'a [i64], dates: &'a [OffsetDateTime],
        balances: &'a [i64], overdrawn: &'a [i64], held: &'a [i64],
        dues: &'a [Option<OffsetDateTime>], hours: &'a [OffsetDateTime], in_hour: &'a [i64],
        in_day: &'a [i64],
    } -> BigInt;
    "WITH done AS (UPDATE credit_accounts a SET last_seq = x.seq, last_at = x.at, \
     balance = x.balance, overdrawn = x.overdrawn, held = x.held, next_due_at = x.due, \
     pace_hour = x.hour, used_in_hour = x.in_hour, used_in_day = x.in_day FROM unnest("
    [organizations: Array<SqlUuid>] ", " [seqs: Array<BigInt>] ", " [dates: Array<Timestamptz>]
    ", " [balances: Array<BigInt>] ", " [overdrawn: Array<BigInt>] ", " [held: Array<BigInt>] ", "
    [dues: Array<Nullable<Timestamptz>>] ", " [hours: Array<Timestamptz>] ", "
    [in_hour: Array<BigInt>] ", " [in_day: Array<BigInt>]
    ") x (organization_id, seq, at, balance, overdrawn, held, due, hour, in_hour, in_day) \
     WHERE a.organization_id = x.organization_id AND a.organization_id = ANY("
    [organizations: Array<SqlUuid>] ") RETURNING 1) \
     SELECT 1 / (count(*) = cardinality(" [organizations: Array<SqlUuid>]
    "))::int::bigint FROM done"
}

statement! {
    /// What changes on an account with a new day, or by its owner's will.
    ConfigureAccount<'a> {
        organization: Option<Uuid>, before: &'a [i64], overdraft_limit: i64, low_balance: i64,
        low_percent: i16, draw_order: Option<&'a str>,
    } -> BigInt;
    "WITH done AS (UPDATE credit_accounts SET used_before = " [before: Array<BigInt>]
    ", overdraft_limit = " [overdraft_limit: BigInt] ", low_balance = " [low_balance: BigInt]
    ", low_percent = " [low_percent: SmallInt] ", draw_order = " [draw_order: Nullable<Text>]
    " WHERE organization_id = " [organization: Nullable<SqlUuid>]
    " RETURNING 1) SELECT 1 / (count(*) = 1 OR " [organization: Nullable<SqlUuid>]
    " IS NULL)::int::bigint FROM done"
}
statement! {
    /// Writes what grants have left, all of them or none.
    UpdateGrants<'a> {
        organizations: &'a [Uuid], grants: &'a [Uuid], remaining: &'a [i64], held: &'a [i64],
        revoked: &'a [i64], started: &'a [bool], noticed: &'a [i16],
    } -> BigInt;
    "WITH done AS (UPDATE credit_grants g SET remaining = x.remaining, held = x.held, \
     revoked = x.revoked, started = x.started, noticed = x.noticed, \
     open = NOT x.started OR x.remaining > 0 FROM unnest("
    [organizations: Array<SqlUuid>] ", " [grants: Array<SqlUuid>] ", "
    [remaining: Array<BigInt>] ", " [held: Array<BigInt>] ", " [revoked: Array<BigInt>] ", "
    [started: Array<Bool>] ", " [noticed: Array<SmallInt>]
    ") x (organization_id, grant_id, remaining, held, revoked, started, noticed) \
     WHERE g.organization_id = x.organization_id AND g.grant_id = x.grant_id \
     AND g.organization_id = ANY(" [organizations: Array<SqlUuid>] ") RETURNING 1) \
     SELECT 1 / (count(*) = cardinality(" [grants: Array<SqlUuid>] "))::int::bigint FROM done"
}

statement! {
    /// Adds grants.
    InsertGrants<'a> {
        organizations: &'a [Uuid], ids: &'a [Uuid], kinds: &'a [&'a str], amounts: &'a [i64],
        remaining: &'a [i64], held: &'a [i64], revoked: &'a [i64], starts: &'a [OffsetDateTime],
        expiries: &'a [Option<OffsetDateTime>], source_kinds: &'a [&'a str],
        source_ids: &'a [&'a str], dates: &'a [OffsetDateTime], started: &'a [bool],
        noticed: &'a [i16],
    } -> BigInt;
    "INSERT INTO credit_grants (organization_id, grant_id, kind, amount, remaining, held, \
     revoked, starts_at, expires_at, source_kind, source_id, granted_at, started, noticed, open) \
     SELECT x.*, NOT x.started OR x.remaining > 0 FROM unnest("
    [organizations: Array<SqlUuid>] ", " [ids: Array<SqlUuid>] ", " [kinds: Array<Text>] ", "
    [amounts: Array<BigInt>] ", " [remaining: Array<BigInt>] ", " [held: Array<BigInt>] ", "
    [revoked: Array<BigInt>] ", " [starts: Array<Timestamptz>] ", "
    [expiries: Array<Nullable<Timestamptz>>] ", " [source_kinds: Array<Text>] ", "
    [source_ids: Array<Text>] ", " [dates: Array<Timestamptz>] ", " [started: Array<Bool>] ", "
    [noticed: Array<SmallInt>]
    ") x (organization_id, grant_id, kind, amount, remaining, held, revoked, starts_at, \
     expires_at, source_kind, source_id, granted_at, started, noticed)"
}

statement! {
    /// Adds rows to the ledger.
    InsertEntries<'a> {
        organizations: &'a [Uuid], seqs: &'a [i64], dates: &'a [OffsetDateTime],
        kinds: &'a [&'a str], amounts: &'a [i64], balances: &'a [i64], overdrawn: &'a [i64],
        held: &'a [i64], touched: &'a [String], origins: &'a [&'a str],
        source_kinds: &'a [Option<&'a str>], source_ids: &'a [Option<&'a str>], decisions: &'a [Option<Uuid>],
        keys: &'a [Option<&'a str>], events: &'a [Option<&'a str>],
        quantities: &'a [Option<i64>], unit_costs: &'a [Option<i64>],
        references: &'a [Option<i64>], details: &'a [Option<Value>],
    } -> BigInt;
    "INSERT INTO credit_transactions (organization_id, seq, at, kind, amount, balance_after, \
     overdrawn_change, held_change, touched, origin, source_kind, source_id, decision_id, key, \
     event, quantity, unit_cost, refers_to, detail) SELECT organization_id, seq, at, kind, amount, \
     balance_after, overdrawn_change, held_change, touched::jsonb, origin, source_kind, source_id, \
     decision_id, key, event, quantity, unit_cost, refers_to, detail FROM unnest("
    [organizations: Array<SqlUuid>] ", " [seqs: Array<BigInt>] ", " [dates: Array<Timestamptz>]
    ", " [kinds: Array<Text>] ", " [amounts: Array<BigInt>] ", " [balances: Array<BigInt>] ", "
    [overdrawn: Array<BigInt>] ", " [held: Array<BigInt>] ", " [touched: Array<Text>] ", " [origins: Array<Text>] ", "
    [source_kinds: Array<Nullable<Text>>] ", " [source_ids: Array<Nullable<Text>>] ", "
    [decisions: Array<Nullable<SqlUuid>>] ", " [keys: Array<Nullable<Text>>] ", "
    [events: Array<Nullable<Text>>] ", " [quantities: Array<Nullable<BigInt>>] ", "
    [unit_costs: Array<Nullable<BigInt>>] ", " [references: Array<Nullable<BigInt>>] ", "
    [details: Array<Nullable<Jsonb>>] ") x (organization_id, seq, at, kind, amount, \
     balance_after, overdrawn_change, held_change, touched, origin, source_kind, source_id, \
     decision_id, key, event, quantity, unit_cost, refers_to, detail)"
}

statement! {
    /// Keeps what was decided under keys.
    InsertKeys<'a> {
        keys: &'a [&'a str], organizations: &'a [Uuid], operations: &'a [&'a str],
        dates: &'a [OffsetDateTime], decisions: &'a [Uuid], events: &'a [&'a str],
        quantities: &'a [i64], required: &'a [i64], seqs: &'a [i64],
        available: &'a [Option<i64>],
    } -> BigInt;
    "INSERT INTO credit_keys (key, organization_id, operation, decided_at, decision_id, event, \
     quantity, required, seq, available) SELECT * FROM unnest("
    [keys: Array<Text>] ", " [organizations: Array<SqlUuid>] ", " [operations: Array<Text>] ", "
    [dates: Array<Timestamptz>] ", " [decisions: Array<SqlUuid>] ", " [events: Array<Text>] ", "
    [quantities: Array<BigInt>] ", " [required: Array<BigInt>] ", " [seqs: Array<BigInt>] ", "
    [available: Array<Nullable<BigInt>>] ")"
}

statement! {
    /// Adds holds.
    InsertHolds<'a> {
        organizations: &'a [Uuid], ids: &'a [Uuid], events: &'a [&'a str], amounts: &'a [i64],
        parts: &'a [Value], untils: &'a [OffsetDateTime], hows: &'a [Option<&'a str>],
        settled: &'a [Option<i64>], seqs: &'a [Option<i64>], balances: &'a [Option<i64>],
    } -> BigInt;
    "INSERT INTO credit_holds (organization_id, hold_id, event, amount, parts, until, how, \
     settled, seq, balance_after, open) SELECT x.*, x.how IS NULL FROM unnest("
    [organizations: Array<SqlUuid>] ", " [ids: Array<SqlUuid>] ", " [events: Array<Text>] ", "
    [amounts: Array<BigInt>] ", " [parts: Array<Jsonb>] ", " [untils: Array<Timestamptz>] ", "
    [hows: Array<Nullable<Text>>] ", " [settled: Array<Nullable<BigInt>>] ", "
    [seqs: Array<Nullable<BigInt>>] ", " [balances: Array<Nullable<BigInt>>]
    ") x (organization_id, hold_id, event, amount, parts, until, how, settled, seq, balance_after)"
}

statement! {
    /// Resolves holds, all of them or none, and each only once.
    ResolveHolds<'a> {
        organizations: &'a [Uuid], ids: &'a [Uuid], hows: &'a [Option<&'a str>],
        settled: &'a [Option<i64>], seqs: &'a [Option<i64>], balances: &'a [Option<i64>],
    } -> BigInt;
    "WITH done AS (UPDATE credit_holds h SET open = false, how = x.how, settled = x.settled, \
     seq = x.seq, balance_after = x.balance_after FROM unnest("
    [organizations: Array<SqlUuid>] ", " [ids: Array<SqlUuid>] ", " [hows: Array<Nullable<Text>>]
    ", " [settled: Array<Nullable<BigInt>>] ", " [seqs: Array<Nullable<BigInt>>] ", "
    [balances: Array<Nullable<BigInt>>]
    ") x (organization_id, hold_id, how, settled, seq, balance_after) \
     WHERE h.organization_id = x.organization_id AND h.hold_id = x.hold_id AND h.open \
     AND h.organization_id = ANY(" [organizations: Array<SqlUuid>] ") RETURNING 1) \
     SELECT 1 / (count(*) = cardinality(" [ids: Array<SqlUuid>] "))::int::bigint FROM done"
}
