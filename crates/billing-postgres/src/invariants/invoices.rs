//! What must hold of invoices and credit notes.

/// See `INVARIANTS`.
type Invariant = (&'static str, &'static str);

pub(super) const SUMS: Invariant = (
    "I1 an invoice adds up: total = lines - discounts + tax - credits",
    "SELECT organization_id, invoice_id, i.total, l.amount FROM invoices i LEFT JOIN \
     (SELECT organization_id, invoice_id, sum(amount) AS amount FROM invoice_lines \
     GROUP BY organization_id, invoice_id) l USING (organization_id, invoice_id) \
     WHERE i.total <> coalesce(l.amount, 0) - i.discount + i.tax - i.credit \
     OR i.discount <> (SELECT coalesce(sum((part->'amount'->>'amount')::bigint), 0) \
     FROM jsonb_array_elements(i.discounts) part) \
     OR i.credit <> (SELECT coalesce(sum((part->'amount'->>'amount')::bigint), 0) \
     FROM jsonb_array_elements(i.credits) part) \
     OR i.tax <> (SELECT coalesce(sum((part->'amount'->>'amount')::bigint), 0) \
     FROM jsonb_array_elements(i.taxes) part WHERE NOT (part->>'inclusive')::boolean)",
);

pub(super) const NUMBERS: Invariant = (
    "I2 invoices of ours and credit notes are numbered without gaps",
    "SELECT series, year, d.last, count(n.nth), max(n.nth) FROM document_numbers d FULL JOIN \
     (SELECT 'invoice' AS series, split_part(number, '-', 1)::integer AS year, \
     split_part(number, '-', 2)::bigint AS nth FROM invoices \
     WHERE gateway IS NULL AND number IS NOT NULL UNION ALL \
     SELECT 'credit_note', split_part(number, '-', 2)::integer, \
     split_part(number, '-', 3)::bigint FROM credit_notes) n USING (series, year) \
     GROUP BY series, year, d.last HAVING d.last IS DISTINCT FROM count(n.nth) \
     OR d.last IS DISTINCT FROM max(n.nth) OR count(n.nth) <> count(DISTINCT n.nth)",
);

pub(super) const PAID: Invariant = (
    "I3 an invoice of ours that is paid has its payment, of the same amount",
    "SELECT i.organization_id, i.invoice_id, i.total, i.paid, p.amount, p.status \
     FROM invoices i LEFT JOIN payments p USING (organization_id, payment_id) \
     WHERE i.gateway IS NULL AND i.status = 'paid' AND i.total > 0 AND (i.paid <> i.total \
     OR p.amount IS DISTINCT FROM i.total OR p.currency IS DISTINCT FROM i.currency \
     OR p.status NOT IN ('completed', 'partially_refunded', 'refunded', 'disputed'))",
);

pub(super) const GIVEN_BACK: Invariant = (
    "I4 what was given back of an invoice of ours stands on credit notes, tax and all",
    "SELECT i.organization_id, i.invoice_id, p.refunded, sum(n.amount) FROM invoices i \
     JOIN payments p USING (organization_id, payment_id) \
     LEFT JOIN credit_notes n USING (organization_id, invoice_id) WHERE i.gateway IS NULL \
     GROUP BY i.organization_id, i.invoice_id, i.total, i.taxes, p.refunded \
     HAVING coalesce(sum(n.amount), 0) <> p.refunded OR p.refunded = i.total AND i.total > 0 \
     AND (SELECT coalesce(sum((part->'amount'->>'amount')::bigint), 0) \
     FROM jsonb_array_elements(i.taxes) part) <> coalesce(sum((SELECT \
     sum((part->'amount'->>'amount')::bigint) FROM jsonb_array_elements(n.taxes) part)), 0)",
);

pub(super) const APPEND_ONLY: Invariant = (
    "I5 append only: nobody may change or remove a credit note, or remove an invoice",
    "SELECT role, privilege, owned FROM unnest(ARRAY['billing_app', 'billing_engine']) role, \
     (VALUES ('credit_notes', 'UPDATE'), ('credit_notes', 'DELETE'), \
     ('credit_notes', 'TRUNCATE'), ('invoices', 'DELETE'), ('invoices', 'TRUNCATE')) \
     AS may (owned, privilege) WHERE has_table_privilege(role, owned, privilege)",
);

pub(super) const TOLD: Invariant = (
    "O1 outbox: every invoice has told of itself, and last of how it stands",
    "SELECT organization_id, invoice_id, status FROM invoices i WHERE i.status IS DISTINCT \
     FROM (SELECT o.data->>'status' FROM outbox o WHERE o.organization_id = i.organization_id \
     AND o.type = 'invoice.updated' AND o.data->>'invoice_id' = i.invoice_id::text \
     ORDER BY o.event_id DESC LIMIT 1)",
);

pub(super) const TENANT: Invariant = (
    "T1 tenant: an invoice that a gateway names belongs to the one whose record it is",
    "SELECT o.object_id, o.organization_id, i.organization_id AS of_record \
     FROM (SELECT * FROM gateway_objects WHERE kind = 'invoice') o FULL JOIN \
     (SELECT * FROM invoices WHERE gateway IS NOT NULL) i \
     ON (o.gateway, o.object_id) = (i.gateway, i.gateway_id) \
     WHERE o.organization_id IS DISTINCT FROM i.organization_id",
);
