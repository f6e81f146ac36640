DROP INDEX invoices_one_for_period;
CREATE UNIQUE INDEX invoices_one_for_period ON invoices
    (organization_id, subscription_id, period_start)
    WHERE gateway IS NULL AND subscription_id IS NOT NULL AND period_start IS NOT NULL;
DROP TABLE pending_items;
DROP INDEX change_requests_of_invoice;
ALTER TABLE change_requests DROP COLUMN invoice_id;
