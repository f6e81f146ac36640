-- What is to be paid before a change of a subscription that our engine bills comes true.
ALTER TABLE change_requests
    ADD COLUMN invoice_id uuid,
    ADD CONSTRAINT change_requests_invoice FOREIGN KEY (organization_id, invoice_id)
        REFERENCES invoices;
CREATE INDEX change_requests_of_invoice ON change_requests (organization_id, invoice_id)
    WHERE invoice_id IS NOT NULL;

-- Lines that stand on the next invoice of a subscription; on which one, once they do.
CREATE TABLE pending_items (
    organization_id uuid NOT NULL,
    pending_item_id uuid NOT NULL,
    subscription_id uuid NOT NULL,
    kind text NOT NULL
        CHECK (kind IN ('recurring', 'metered', 'proration', 'one_off', 'adjustment')),
    description text NOT NULL,
    quantity bigint NOT NULL,
    unit_amount bigint,
    amount bigint NOT NULL,
    currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    period_start timestamptz,
    period_end timestamptz,
    price_id uuid CONSTRAINT pending_items_price REFERENCES prices,
    invoice_id uuid,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (organization_id, pending_item_id),
    CONSTRAINT pending_items_subscription FOREIGN KEY (organization_id, subscription_id)
        REFERENCES subscriptions,
    CONSTRAINT pending_items_invoice FOREIGN KEY (organization_id, invoice_id)
        REFERENCES invoices,
    CONSTRAINT pending_items_period CHECK ((period_start IS NULL) = (period_end IS NULL))
);
CREATE INDEX pending_items_waiting ON pending_items (organization_id, subscription_id)
    WHERE invoice_id IS NULL;
CREATE INDEX pending_items_on ON pending_items (organization_id, invoice_id)
    WHERE invoice_id IS NOT NULL;

-- A period of a subscription has one invoice that counts. What was not paid for is void, and may be
-- asked for again.
DROP INDEX invoices_one_for_period;
CREATE UNIQUE INDEX invoices_one_for_period ON invoices
    (organization_id, subscription_id, period_start)
    WHERE gateway IS NULL AND subscription_id IS NOT NULL AND period_start IS NOT NULL
        AND status <> 'void';

SELECT protect('pending_items'::regclass);

GRANT SELECT, INSERT, UPDATE ON pending_items TO billing_app, billing_engine;
