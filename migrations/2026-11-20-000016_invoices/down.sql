DROP TABLE credit_notes, invoice_lines, invoices, document_numbers, tax_rates;
DELETE FROM gateway_objects WHERE kind = 'invoice';
ALTER TABLE gateway_objects
    DROP CONSTRAINT gateway_objects_kind_check,
    ADD CONSTRAINT gateway_objects_kind_check
        CHECK (kind IN ('customer', 'checkout', 'subscription', 'payment'));
ALTER TABLE credit_products DROP COLUMN tax_behavior;
ALTER TABLE organizations DROP COLUMN locale, DROP COLUMN tax_id;
