//! What must hold in every database, whatever happened to it.

mod changes;
mod collections;
mod discounts;
mod invoices;

use std::sync::LazyLock;

use anyhow::Context;
use billing_app::ports::Scope;
use diesel::{QueryableByName, sql_query, sql_types::Jsonb};
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};

use crate::Database;

mod usage;

/// Something that does not hold.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Violation {
    /// What should hold.
    pub invariant: &'static str,
    /// Rows that break it, ten at most.
    pub rows: serde_json::Value,
}

impl Database {
    /// Looks for rows that break an invariant, as one instant shows them. Nothing is changed, and
    /// nobody waits for it.
    pub async fn violations(&self) -> anyhow::Result<Vec<Violation>> {
        let mut session = self.reading(Scope::Operator).await?;
        session.connection().batch_execute("SET LOCAL statement_timeout = 0").await?;
        let mut violations = Vec::new();
        for (invariant, query) in INVARIANTS.iter().copied() {
            let found = format!(
                "SELECT coalesce(jsonb_agg(to_jsonb(v)), '[]') AS rows FROM (SELECT * FROM \
                 ({query}) broken LIMIT 10) v"
            );
            let found: Found = sql_query(found)
                .get_result(session.connection())
                .await
                .with_context(|| format!("cannot check \"{invariant}\""))?;
            if found.rows.as_array().is_none_or(|rows| !rows.is_empty()) {
                violations.push(Violation { invariant, rows: found.rows });
            }
        }
        session.commit().await?;
        Ok(violations)
    }
}

#[derive(QueryableByName)]
struct Found {
    #[diesel(sql_type = Jsonb)]
    rows: serde_json::Value,
}

/// What must hold, and a query that finds what breaks it.
pub static INVARIANTS: LazyLock<Vec<(&str, &str)>> =
    LazyLock::new(|| [LEDGER, usage::USAGE, RECORDS].concat());

/// What must hold of credits.
const LEDGER: &[(&str, &str)] = &[
    (
        "L1 conservation: a balance is the sum of its ledger",
        "SELECT organization_id, a.balance, sum(t.amount) FROM credit_accounts a \
         FULL JOIN credit_transactions t USING (organization_id) \
         GROUP BY organization_id, a.balance \
         HAVING a.balance IS DISTINCT FROM coalesce(sum(t.amount), 0)",
    ),
    (
        "L2 no overdraft: use and holds end at the limit; only what is taken back goes beyond",
        "SELECT * FROM (SELECT organization_id, seq, origin, overdrawn_change, balance_after \
         - sum(held_change) OVER account AS available, max((detail->>'overdraft_limit')::bigint) \
         FILTER (WHERE origin = 'settings') OVER account AS most FROM credit_transactions \
         WINDOW account AS (PARTITION BY organization_id ORDER BY seq)) ledger \
         WHERE (overdrawn_change > 0 OR origin = 'hold') \
         AND origin IN ('consume', 'hold', 'transfer') AND available < -coalesce(most, 0)",
    ),
    (
        "L3 append only: nobody may change or remove a row of the ledger",
        "SELECT role, privilege FROM unnest(ARRAY['billing_app', 'billing_engine']) role, \
         unnest(ARRAY['UPDATE', 'DELETE', 'TRUNCATE']) privilege, \
         unnest(ARRAY['credit_transactions', 'credit_keys', 'usage_events', 'outbox']) owned \
         WHERE has_table_privilege(role, owned, privilege)",
    ),
    (
        "L4 rows are numbered without gaps",
        "SELECT organization_id, a.last_seq, count(t.seq), min(t.seq), max(t.seq) \
         FROM credit_accounts a FULL JOIN credit_transactions t USING (organization_id) \
         GROUP BY organization_id, a.last_seq HAVING a.last_seq IS DISTINCT FROM count(t.seq) \
         OR count(t.seq) <> coalesce(max(t.seq), 0) OR min(t.seq) <> 1",
    ),
    (
        "L4 running balance: each row goes on from the one before",
        "SELECT * FROM (SELECT organization_id, seq, balance_after, sum(amount) \
         OVER (PARTITION BY organization_id ORDER BY seq) AS running, \
         at < lag(at) OVER (PARTITION BY organization_id ORDER BY seq) AS backwards \
         FROM credit_transactions) ledger WHERE balance_after <> running OR backwards",
    ),
    (
        "L5 one effect per key: keys and rows of use lead to each other",
        "SELECT coalesce(t.organization_id, k.organization_id) AS organization_id, \
         coalesce(t.decision_id, k.decision_id) AS decision_id, count(*) \
         FROM (SELECT * FROM credit_transactions \
         WHERE origin IN ('consume', 'hold', 'refund', 'transfer')) t \
         FULL JOIN (SELECT * FROM credit_keys WHERE available IS NULL) k \
         ON (t.organization_id, t.key, t.seq, t.decision_id, t.origin) \
         = (k.organization_id, k.key, k.seq, k.decision_id, k.operation) \
         GROUP BY 1, 2 HAVING count(*) <> 1 OR count(t.at) <> 1 OR count(k.decided_at) <> 1",
    ),
    (
        "L5 one decision per key, for as long as keys are kept",
        "SELECT * FROM (SELECT organization_id, key, operation, decided_at, decided_at \
         - lag(decided_at) OVER (PARTITION BY organization_id, key, operation \
         ORDER BY decided_at) AS after FROM (SELECT organization_id, key, operation, decided_at \
         FROM credit_keys UNION ALL SELECT organization_id, key, operation, decided_at \
         FROM usage_keys) k) keys WHERE after < interval '30 days'",
    ),
    (
        "L6 a hold resolves once: what was held is used and returned by one row",
        "SELECT organization_id, hold_id, open, how, count(t.seq) FROM credit_holds h \
         FULL JOIN (SELECT organization_id, decision_id AS hold_id, seq, origin, amount, \
         held_change FROM credit_transactions \
         WHERE origin IN ('hold', 'settle', 'release', 'time_out')) t \
         USING (organization_id, hold_id) GROUP BY organization_id, hold_id, open, how, h.amount, \
         h.settled HAVING h.amount IS NULL OR count(*) <> CASE WHEN open THEN 1 ELSE 2 END \
         OR count(*) FILTER (WHERE origin = 'hold') <> 1 \
         OR sum(held_change) <> CASE WHEN open THEN h.amount ELSE 0 END \
         OR coalesce(h.settled, 0) <> -sum(t.amount) \
         OR (NOT open AND min(origin) FILTER (WHERE origin <> 'hold') <> CASE how \
         WHEN 'settled' THEN 'settle' WHEN 'released' THEN 'release' ELSE 'time_out' END)",
    ),
    (
        "L6 what is held is the sum of the open holds",
        "SELECT organization_id, a.held, h.held, t.held FROM credit_accounts a \
         FULL JOIN (SELECT organization_id, sum(amount) AS held FROM credit_holds WHERE open \
         GROUP BY organization_id) h USING (organization_id) \
         FULL JOIN (SELECT organization_id, sum(held_change) AS held FROM credit_transactions \
         GROUP BY organization_id) t USING (organization_id) \
         WHERE a.held IS DISTINCT FROM coalesce(h.held, 0) \
         OR a.held IS DISTINCT FROM coalesce(t.held, 0)",
    ),
    (
        "L6 no refund above the use",
        "SELECT organization_id, d.seq, d.amount, sum(r.amount) FROM credit_transactions d \
         JOIN credit_transactions r USING (organization_id) WHERE r.refers_to = d.seq \
         GROUP BY organization_id, d.seq, d.amount, d.origin \
         HAVING sum(r.amount) > -d.amount OR d.origin NOT IN ('consume', 'settle')",
    ),
    (
        "L1 conservation: what is given to another arrives there",
        "SELECT decision_id, -t.amount, sum(g.amount) FROM credit_transactions t \
         LEFT JOIN credit_grants g ON g.organization_id = (t.detail->>'to')::uuid \
         AND g.source_kind = 'transfer' AND g.source_id LIKE t.decision_id::text || ':%' \
         WHERE t.origin = 'transfer' GROUP BY t.organization_id, t.seq, decision_id, t.amount \
         HAVING sum(g.amount) IS DISTINCT FROM -t.amount",
    ),
    (
        "L7 buckets: what grants have left, less what is overdrawn, is the balance",
        "SELECT organization_id, a.balance, a.overdrawn, sum(g.remaining) FROM credit_accounts a \
         FULL JOIN (SELECT * FROM credit_grants WHERE started) g USING (organization_id) \
         GROUP BY organization_id, a.balance, a.overdrawn \
         HAVING a.balance IS DISTINCT FROM coalesce(sum(g.remaining), 0) - a.overdrawn",
    ),
    (
        "L7 buckets: what rows did to a grant is what it has left",
        "SELECT organization_id, grant_id, g.started, g.amount, g.remaining, g.held, \
         sum(touch.amount), sum(touch.held) FROM credit_grants g FULL JOIN (SELECT \
         organization_id, (part->>'grant_id')::uuid AS grant_id, \
         (part->>'amount')::bigint AS amount, coalesce((part->>'held')::bigint, 0) AS held \
         FROM credit_transactions, jsonb_array_elements(touched) part) touch \
         USING (organization_id, grant_id) GROUP BY organization_id, grant_id, g.started, \
         g.amount, g.remaining, g.held, g.revoked \
         HAVING coalesce(sum(touch.amount), 0) IS DISTINCT FROM \
         CASE WHEN g.started THEN g.remaining ELSE 0 END \
         OR coalesce(sum(touch.held), 0) IS DISTINCT FROM g.held \
         OR (NOT g.started AND g.remaining <> g.amount - g.revoked)",
    ),
    (
        "L7 a row is what it did to grants, less what it overdrew",
        "SELECT organization_id, seq, amount FROM credit_transactions \
         WHERE amount <> coalesce((SELECT sum((part->>'amount')::bigint) \
         FROM jsonb_array_elements(touched) part), 0) - overdrawn_change",
    ),
    (
        "L7 what is overdrawn is the sum of its changes",
        "SELECT organization_id, a.overdrawn FROM credit_accounts a \
         JOIN credit_transactions t USING (organization_id) \
         GROUP BY organization_id, a.overdrawn HAVING a.overdrawn <> sum(t.overdrawn_change)",
    ),
];

/// What must hold of payments, subscriptions and what is told of them.
const RECORDS: &[(&str, &str)] = &[
    (
        "P1 one charge per intent: a checkout is paid once, and a payment is of one",
        "SELECT organization_id, checkout_id, count(*) FROM payments \
         WHERE checkout_id IS NOT NULL \
         AND status IN ('completed', 'partially_refunded', 'refunded', 'disputed') \
         GROUP BY organization_id, checkout_id HAVING count(*) > 1",
    ),
    (
        "P2 refund bound: no more is given back than was paid",
        "SELECT organization_id, payment_id, status, refunded, tax, amount FROM payments \
         WHERE refunded > amount OR tax > amount OR (status = 'refunded' AND refunded < amount)",
    ),
    (
        "P3 no orphan: a pack that is paid for is given",
        "SELECT c.organization_id, c.checkout_id FROM checkouts c \
         JOIN payments p USING (organization_id, checkout_id) LEFT JOIN credit_grants g \
         ON g.organization_id = c.organization_id AND g.source_kind = 'checkout' \
         AND g.source_id = c.checkout_id::text WHERE c.purpose = 'credits' \
         AND p.status = 'completed' AND g.amount IS DISTINCT FROM c.credits",
    ),
    (
        "P4 one charge at a time: what an auto top-up waits for is the only charge under way",
        "SELECT organization_id, t.pending_checkout_id, c.checkout_id FROM auto_top_ups t \
         FULL JOIN (SELECT * FROM checkouts WHERE saved_method IS NOT NULL \
         AND purpose = 'credits' AND status = 'pending') c USING (organization_id) \
         WHERE t.pending_checkout_id IS DISTINCT FROM c.checkout_id",
    ),
    (
        "S1 one live subscription",
        "SELECT organization_id, product_group, count(*) FROM subscriptions \
         WHERE status NOT IN ('cancelled', 'expired') \
         GROUP BY organization_id, product_group HAVING count(*) > 1",
    ),
    (
        "S2 a trial and its subscription agree on the end, and only what our engine bills has one",
        "SELECT s.organization_id, s.subscription_id, s.status_at, t.ends_at, t.status \
         FROM subscriptions s LEFT JOIN trials t USING (organization_id, subscription_id) \
         WHERE s.status = 'trialing' AND s.gateway IS NULL AND (t.ends_at IS DISTINCT FROM \
         s.status_at OR t.status NOT IN ('running', 'charging')) OR t.organization_id IS NOT NULL \
         AND s.gateway IS NOT NULL",
    ),
    (
        "S3 one trial for each person: who tries is remembered",
        "SELECT organization_id, t.status, c.claimant FROM trials t \
         FULL JOIN trial_claims c USING (organization_id) \
         WHERE t.organization_id IS NULL OR c.organization_id IS NULL",
    ),
    (
        "S4 a trial is converted when its first period is paid",
        "SELECT organization_id, t.subscription_id FROM trials t WHERE t.status = 'converted' \
         AND NOT EXISTS (SELECT FROM invoices i WHERE i.organization_id = t.organization_id \
         AND i.subscription_id = t.subscription_id AND i.gateway IS NULL \
         AND i.period_start = t.ends_at AND i.status = 'paid')",
    ),
    (
        "S5 a period is billed once, and one after the other, but where a change begins another",
        "SELECT * FROM (SELECT organization_id, subscription_id, invoice_id, period_start, \
         lag(period_end) OVER (PARTITION BY organization_id, subscription_id \
         ORDER BY period_start, invoice_id) AS billed_until FROM invoices \
         WHERE gateway IS NULL AND period_start IS NOT NULL AND status <> 'void') periods \
         WHERE period_start < billed_until AND NOT EXISTS (SELECT FROM change_requests r \
         WHERE (r.organization_id, r.invoice_id) \
         = (periods.organization_id, periods.invoice_id))",
    ),
    (
        "S6 no service for ever: what our engine bills has its end in sight",
        "SELECT organization_id, s.subscription_id, s.status FROM subscriptions s \
         LEFT JOIN trials t USING (organization_id, subscription_id) \
         LEFT JOIN renewals r USING (organization_id, subscription_id) \
         WHERE s.gateway IS NULL AND s.status NOT IN ('cancelled', 'expired') \
         AND coalesce(t.next_due_at, r.next_due_at) IS NULL AND NOT EXISTS (SELECT FROM collections c \
         WHERE c.organization_id = s.organization_id AND c.subscription_id = s.subscription_id \
         AND c.next_due_at IS NOT NULL)",
    ),
    (
        "W1 every webhook is in exactly one state",
        "SELECT webhook_id, status, attempts, error FROM webhooks WHERE NOT CASE status \
         WHEN 'received' THEN done_at IS NULL AND next_attempt_at IS NOT NULL \
         WHEN 'retrying' THEN done_at IS NULL AND next_attempt_at IS NOT NULL \
         AND error IS NOT NULL \
         WHEN 'dead' THEN done_at IS NULL AND claimed_until IS NULL AND fence IS NULL \
         AND error IS NOT NULL \
         WHEN 'discarded' THEN done_at IS NOT NULL AND next_attempt_at IS NULL AND fence IS NULL \
         ELSE done_at IS NOT NULL AND claimed_until IS NULL AND fence IS NULL \
         AND error IS NULL END",
    ),
    (
        "W2 no webhook waits behind nobody",
        "SELECT webhook_id, gateway, subject FROM webhooks later WHERE behind \
         AND next_attempt_at IS NOT NULL AND NOT EXISTS (SELECT FROM webhooks first \
         WHERE first.gateway = later.gateway AND first.subject = later.subject \
         AND first.next_attempt_at IS NOT NULL AND NOT first.behind)",
    ),
    (
        "O1 outbox: every subscription has told of its begin",
        "SELECT organization_id, subscription_id FROM subscriptions s WHERE 1 <> (SELECT count(*) \
         FROM outbox o WHERE o.organization_id = s.organization_id \
         AND o.type = 'subscription.created' \
         AND o.data->>'subscription_id' = s.subscription_id::text)",
    ),
    (
        "O1 outbox: every payment has told of itself, and last of how it stands",
        "SELECT organization_id, payment_id, status FROM payments p WHERE p.status IS DISTINCT \
         FROM (SELECT o.data->>'status' FROM outbox o WHERE o.organization_id = p.organization_id \
         AND o.type = 'payment.updated' AND o.data->>'payment_id' = p.payment_id::text \
         ORDER BY o.event_id DESC LIMIT 1)",
    ),
    (
        "T1 tenant: what gateways name belongs to the one whose record it is",
        "SELECT o.kind, o.object_id FROM gateway_objects o LEFT JOIN subscriptions s \
         ON o.kind = 'subscription' AND (o.gateway, o.object_id) = (s.gateway, s.gateway_id) \
         LEFT JOIN payments p \
         ON o.kind = 'payment' AND (o.gateway, o.object_id) = (p.gateway, p.gateway_id) \
         WHERE o.kind IN ('subscription', 'payment') \
         AND o.organization_id IS DISTINCT FROM coalesce(s.organization_id, p.organization_id)",
    ),
    changes::CREDIT,
    changes::ON_INVOICE,
    changes::PAID_FIRST,
    collections::ONE_AT_A_TIME,
    collections::AGREES,
    collections::NEVER_AFTER_HARD,
    collections::CAPS,
    collections::CHARGED_ONCE,
    discounts::COUNTED,
    discounts::PAID,
    invoices::SUMS,
    invoices::NUMBERS,
    invoices::PAID,
    invoices::GIVEN_BACK,
    invoices::APPEND_ONLY,
    invoices::TOLD,
    invoices::TENANT,
];
