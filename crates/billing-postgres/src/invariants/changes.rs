//! What must hold of changes that our engine bills.

/// See `INVARIANTS`.
type Invariant = (&'static str, &'static str);

pub(super) const CREDIT: Invariant = (
    "C1 what waits for the next invoice is not owed: it comes to a credit at most",
    "SELECT organization_id, subscription_id, currency, sum(amount) AS waits FROM pending_items \
     WHERE invoice_id IS NULL GROUP BY organization_id, subscription_id, currency \
     HAVING sum(amount) > 0",
);

pub(super) const ON_INVOICE: Invariant = (
    "C2 what stands on an invoice is a line of it",
    "SELECT p.organization_id, p.pending_item_id, p.invoice_id FROM pending_items p \
     WHERE p.invoice_id IS NOT NULL AND NOT EXISTS (SELECT FROM invoice_lines l \
     WHERE (l.organization_id, l.invoice_id, l.kind, l.description, l.quantity, l.amount) \
     = (p.organization_id, p.invoice_id, p.kind, p.description, p.quantity, p.amount))",
);

pub(super) const PAID_FIRST: Invariant = (
    "C3 a change is had when its invoice is paid, and not owed when it is not had",
    "SELECT r.organization_id, r.change_id, r.fate, i.status FROM change_requests r \
     JOIN invoices i USING (organization_id, invoice_id) WHERE CASE r.fate \
     WHEN 'pending' THEN i.status <> 'open' WHEN 'done' THEN i.status <> 'paid' \
     ELSE i.status NOT IN ('void', 'uncollectible') END",
);
