//! What must hold of how the money of invoices is taken.

/// See `INVARIANTS`.
type Invariant = (&'static str, &'static str);

pub(super) const ONE_AT_A_TIME: Invariant = (
    "D1 one attempt at a time: what a collection waits for is its only attempt under way",
    "SELECT organization_id, invoice_id, c.checkout_id, a.checkout_id FROM collections c \
     FULL JOIN (SELECT * FROM payment_attempts WHERE outcome = 'pending') a \
     USING (organization_id, invoice_id) WHERE c.checkout_id IS DISTINCT FROM a.checkout_id",
);

pub(super) const AGREES: Invariant = (
    "D2 an invoice and its collection agree, and every invoice that awaits payment has one",
    "SELECT i.organization_id, i.invoice_id, i.status, c.status FROM invoices i \
     LEFT JOIN collections c USING (organization_id, invoice_id) WHERE i.gateway IS NULL \
     AND NOT CASE i.status WHEN 'open' THEN c.status IN ('open', 'charging') IS TRUE \
     WHEN 'uncollectible' THEN c.status IN ('given_up', 'open', 'charging') IS TRUE \
     WHEN 'paid' THEN coalesce(c.status, 'collected') = 'collected' \
     WHEN 'void' THEN coalesce(c.status, 'void') IN ('void', 'collected') \
     ELSE c.status IS NULL END",
);

pub(super) const NEVER_AFTER_HARD: Invariant = (
    "D3 no attempt after a hard decline of the same method",
    "SELECT a.organization_id, a.invoice_id, a.number, hard.invoice_id AS refused_for \
     FROM payment_attempts hard JOIN payment_attempts a USING (organization_id, gateway, method) \
     WHERE hard.kind = 'hard' AND (a.at > hard.ended_at \
     OR a.invoice_id = hard.invoice_id AND a.number > hard.number)",
);

pub(super) const CAPS: Invariant = (
    "D4 caps: a method is charged 15 times within 30 days at most",
    "SELECT organization_id, gateway, method, at, recent FROM (SELECT *, count(*) OVER \
     (PARTITION BY organization_id, gateway, method ORDER BY at \
     RANGE BETWEEN interval '719:59:59.999999' PRECEDING AND CURRENT ROW) AS recent \
     FROM payment_attempts) attempts WHERE recent > 15",
);

pub(super) const CHARGED_ONCE: Invariant = (
    "P1 one charge per invoice: its attempts brought the money once at most",
    "SELECT c.organization_id, c.invoice_id, count(*) FROM checkouts c \
     JOIN payments p USING (organization_id, checkout_id) WHERE c.purpose = 'invoice' \
     AND p.status IN ('completed', 'partially_refunded', 'refunded', 'disputed') \
     GROUP BY c.organization_id, c.invoice_id HAVING count(*) > 1",
);
