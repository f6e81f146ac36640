//! What the credit ledger reads before it decides. Every statement names its organizations.

use diesel::sql_types::{
    Array, BigInt, Jsonb, Nullable, SmallInt, Text, Timestamptz, Uuid as SqlUuid,
};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::statement::statement;

use crate::credits::rows::GrantSql;

statement! {
    /// Locks the accounts, always in the same order.
    LockAccounts<'a> { organizations: &'a [Uuid] } -> (
        SqlUuid, BigInt, Timestamptz, BigInt, BigInt, BigInt, Timestamptz, BigInt, BigInt,
        Array<BigInt>, BigInt, SmallInt, Nullable<Text>
    );
    "SELECT organization_id, last_seq, last_at, overdrawn, overdraft_limit, held, pace_hour, \
     used_in_hour, used_in_day, used_before, low_balance, low_percent, draw_order \
     FROM credit_accounts WHERE organization_id = ANY(" [organizations: Array<SqlUuid>]
    ") ORDER BY organization_id FOR NO KEY UPDATE"
}

statement! {
    /// Grants to which something can still happen.
    OpenGrants<'a> { organizations: &'a [Uuid] } -> GrantSql;
    "SELECT organization_id, grant_id, kind, amount, remaining, held, revoked, starts_at, \
     expires_at, source_kind, source_id, granted_at, started, noticed FROM credit_grants \
     WHERE open AND organization_id = ANY(" [organizations: Array<SqlUuid>] ")"
}

statement! {
    /// Grants of these sources.
    GrantsOfSources<'a> { owners: &'a [Uuid], kinds: &'a [&'a str], ids: &'a [&'a str] }
        -> GrantSql;
    "SELECT g.organization_id, grant_id, kind, amount, remaining, held, revoked, starts_at, \
     expires_at, g.source_kind, g.source_id, granted_at, started, noticed FROM unnest("
    [owners: Array<SqlUuid>] ", " [kinds: Array<Text>] ", " [ids: Array<Text>]
    ") x (organization_id, source_kind, source_id) \
     JOIN credit_grants g USING (organization_id, source_kind, source_id) \
     WHERE g.organization_id = ANY(" [owners: Array<SqlUuid>] ")"
}

statement! {
    /// Uses of credits that are to be given back, by row or by decision, with what was given back.
    Draws<'a> {
        owners: &'a [Uuid], seqs: &'a [Option<i64>], decisions: &'a [Option<Uuid>],
    } -> (SqlUuid, BigInt, SqlUuid, BigInt, BigInt, Jsonb, BigInt);
    "SELECT t.organization_id, t.seq, t.decision_id, t.amount, t.overdrawn_change, t.touched, \
     (SELECT coalesce(sum(r.amount), 0)::bigint FROM credit_transactions r \
     WHERE r.organization_id = t.organization_id AND r.refers_to = t.seq) FROM unnest("
    [owners: Array<SqlUuid>] ", " [seqs: Array<Nullable<BigInt>>] ", "
    [decisions: Array<Nullable<SqlUuid>>] ") x (organization_id, seq, decision_id) \
     JOIN credit_transactions t ON t.organization_id = x.organization_id \
     AND t.origin IN ('consume', 'settle') AND t.seq = coalesce(x.seq, (SELECT d.seq \
     FROM credit_transactions d WHERE d.organization_id = x.organization_id \
     AND d.decision_id = x.decision_id AND d.origin IN ('consume', 'settle'))) \
     WHERE t.organization_id = ANY(" [owners: Array<SqlUuid>] ")"
}

statement! {
    /// The grants that these uses were drawn from.
    GrantsOfDraws<'a> {
        owners: &'a [Uuid], seqs: &'a [Option<i64>], decisions: &'a [Option<Uuid>],
    } -> GrantSql;
    "SELECT g.organization_id, g.grant_id, g.kind, g.amount, g.remaining, g.held, g.revoked, \
     g.starts_at, g.expires_at, g.source_kind, g.source_id, g.granted_at, g.started, g.noticed \
     FROM unnest(" [owners: Array<SqlUuid>] ", " [seqs: Array<Nullable<BigInt>>] ", "
    [decisions: Array<Nullable<SqlUuid>>] ") x (organization_id, seq, decision_id) \
     JOIN credit_transactions t ON t.organization_id = x.organization_id \
     AND t.origin IN ('consume', 'settle') AND t.seq = coalesce(x.seq, (SELECT d.seq \
     FROM credit_transactions d WHERE d.organization_id = x.organization_id \
     AND d.decision_id = x.decision_id AND d.origin IN ('consume', 'settle'))) \
     CROSS JOIN jsonb_array_elements(t.touched) part \
     JOIN credit_grants g ON g.organization_id = t.organization_id \
     AND g.grant_id = (part->>'grant_id')::uuid \
     WHERE g.organization_id = ANY(" [owners: Array<SqlUuid>] ")"
}

statement! {
    /// Holds that are named; of accounts that hold something those that are due at its instant, and
    /// of the other open ones so many that the next to be due is known whatever becomes of those
    /// that are named.
    Holds<'a> {
        owners: &'a [Uuid], named: &'a [Uuid], holding: &'a [Uuid], instants: &'a [OffsetDateTime],
    } -> (
        SqlUuid, SqlUuid, Text, BigInt, Jsonb, Timestamptz, Nullable<Text>, Nullable<BigInt>,
        Nullable<BigInt>, Nullable<BigInt>
    );
    "SELECT organization_id, hold_id, event, amount, parts, until, how, settled, seq, \
     balance_after FROM credit_holds WHERE organization_id = ANY(" [owners: Array<SqlUuid>]
    ") AND hold_id = ANY(" [named: Array<SqlUuid>]
    ") UNION ALL SELECT h.organization_id, hold_id, event, amount, parts, until, how, settled, \
     seq, balance_after FROM unnest(" [holding: Array<SqlUuid>] ", " [instants: Array<Timestamptz>]
    ") a (organization_id, instant) JOIN credit_holds h USING (organization_id) \
     WHERE h.open AND h.until <= a.instant AND h.organization_id = ANY(" [holding: Array<SqlUuid>]
    ") UNION ALL SELECT next.* FROM unnest(" [holding: Array<SqlUuid>] ", "
    [instants: Array<Timestamptz>] ") a (organization_id, instant) CROSS JOIN LATERAL (SELECT \
     h.organization_id, hold_id, event, amount, parts, until, how, settled, seq, balance_after \
     FROM credit_holds h WHERE h.organization_id = a.organization_id AND h.open \
     AND h.until > a.instant ORDER BY until LIMIT 1 + cardinality(" [named: Array<SqlUuid>]
    ")) next"
}

statement! {
    /// What was decided under these keys, with the ledger row where there is one. Each pair is looked
    /// up by itself, whatever the planner knows of the table: both lists at once would be a product.
    DecidedKeys<'a> {
        owners: &'a [Uuid], keys: &'a [&'a str], since: OffsetDateTime,
        until: OffsetDateTime,
    } -> (
        SqlUuid, Text, Text, Timestamptz, SqlUuid, Text, BigInt, BigInt, Nullable<BigInt>,
        Nullable<BigInt>, Nullable<BigInt>, Nullable<Jsonb>, Nullable<BigInt>, Nullable<Jsonb>
    );
    "SELECT k.organization_id, k.key, k.operation, k.decided_at, k.decision_id, k.event, \
     k.quantity, k.required, k.available, k.seq, t.balance_after, t.touched, t.refers_to, \
     t.detail FROM unnest(" [owners: Array<SqlUuid>] ", " [keys: Array<Text>]
    ") x (organization_id, key) CROSS JOIN LATERAL (SELECT * FROM credit_keys k \
     WHERE k.key = x.key AND k.organization_id = x.organization_id AND k.decided_at >= "
    [since: Timestamptz] " AND k.decided_at <= " [until: Timestamptz]
    " OFFSET 0) k LEFT JOIN LATERAL (SELECT * FROM credit_transactions t \
     WHERE t.organization_id = k.organization_id AND t.seq = k.seq \
     AND k.available IS NULL OFFSET 0) t ON true"
}

statement! {
    /// Accounts on which something is due.
    Due { now: OffsetDateTime, limit: i64 } -> SqlUuid;
    "SELECT organization_id FROM credit_accounts WHERE next_due_at <= " [now: Timestamptz]
    " ORDER BY next_due_at LIMIT " [limit: BigInt]
}

statement! {
    /// What was decided, by the decision's id.
    FindDecision { id: Uuid, of: Option<Uuid> } -> (
        SqlUuid, Text, Text, Timestamptz, SqlUuid, Text, BigInt, BigInt, Nullable<BigInt>,
        Nullable<BigInt>
    );
    "SELECT organization_id, key, operation, decided_at, decision_id, event, quantity, required, \
     available, seq FROM credit_keys WHERE decision_id = " [id: SqlUuid]
    " AND organization_id = coalesce(" [of: Nullable<SqlUuid>] ", organization_id)"
}

statement! {
    /// What an account owed and held after a row, by which settings, and the date of that row.
    SinceThen { organization: Uuid, seq: i64 } -> (
        BigInt, BigInt, Nullable<Jsonb>, Nullable<Timestamptz>
    );
    "SELECT (a.overdrawn - coalesce(sum(t.overdrawn_change), 0))::bigint, \
     (a.held - coalesce(sum(t.held_change), 0))::bigint, (SELECT s.detail \
     FROM credit_transactions s WHERE s.organization_id = a.organization_id \
     AND s.origin = 'settings' AND s.seq <= " [seq: BigInt]
    " ORDER BY s.seq DESC LIMIT 1), (SELECT l.at FROM credit_transactions l \
     WHERE l.organization_id = a.organization_id AND l.seq = " [seq: BigInt]
    ") FROM credit_accounts a LEFT JOIN credit_transactions t \
     ON t.organization_id = a.organization_id AND t.seq > " [seq: BigInt]
    " WHERE a.organization_id = " [organization: SqlUuid]
    " GROUP BY a.organization_id, a.overdrawn, a.held"
}

statement! {
    /// Grants that had started and had something left after a row, with what they had then, and
    /// what is taken back of them by now. What is told of their end decides nothing.
    GrantsAsOf { organization: Uuid, seq: i64 } -> GrantSql;
    "WITH since AS (SELECT (part->>'grant_id')::uuid AS grant_id, \
     sum((part->>'amount')::bigint) AS amount, \
     sum(coalesce((part->>'held')::bigint, 0)) AS held \
     FROM credit_transactions t, jsonb_array_elements(t.touched) part \
     WHERE t.organization_id = " [organization: SqlUuid] " AND t.seq > " [seq: BigInt]
    " GROUP BY 1), past AS (SELECT g.*, (g.remaining - coalesce(s.amount, 0))::bigint AS had, \
     (g.held - coalesce(s.held, 0))::bigint AS had_held FROM credit_grants g \
     LEFT JOIN since s USING (grant_id) WHERE g.organization_id = " [organization: SqlUuid]
    " AND g.started AND (g.open OR s.grant_id IS NOT NULL)) \
     SELECT organization_id, grant_id, kind, amount, had, had_held, revoked, starts_at, \
     expires_at, source_kind, source_id, granted_at, true, 1::smallint FROM past WHERE had > 0"
}

statement! {
    /// A use of credits that was given back, with what had been given back of it up to a row.
    DrawAsOf {
        organization: Uuid, seq: Option<i64>, decision: Option<Uuid>, before: i64,
    } -> (SqlUuid, BigInt, SqlUuid, BigInt, BigInt, Jsonb, BigInt);
    "SELECT t.organization_id, t.seq, t.decision_id, t.amount, t.overdrawn_change, t.touched, \
     (SELECT coalesce(sum(r.amount), 0)::bigint FROM credit_transactions r \
     WHERE r.organization_id = t.organization_id AND r.refers_to = t.seq AND r.seq <= "
    [before: BigInt] ") FROM credit_transactions t WHERE t.organization_id = "
    [organization: SqlUuid] " AND t.origin IN ('consume', 'settle') AND (t.seq = "
    [seq: Nullable<BigInt>] " OR t.decision_id = " [decision: Nullable<SqlUuid>] ")"
}

statement! {
    /// How much was taken back of grants after a row.
    RevokedSince { organization: Uuid, seq: i64 } -> (SqlUuid, BigInt);
    "SELECT g.grant_id, (-sum(t.amount))::bigint FROM credit_transactions t \
     JOIN credit_grants g USING (organization_id, source_kind, source_id) \
     WHERE t.organization_id = " [organization: SqlUuid] " AND t.seq > " [seq: BigInt]
    " AND t.origin = 'revoke' GROUP BY g.grant_id"
}
