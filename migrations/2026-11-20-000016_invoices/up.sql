-- Who buys: under what number they pay tax, and in which language they are written to.
ALTER TABLE organizations
    ADD COLUMN tax_id text,
    ADD COLUMN locale text NOT NULL DEFAULT 'en' CHECK (locale IN ('en', 'ar'));

-- Whether the prices of a pack contain tax.
ALTER TABLE credit_products ADD COLUMN tax_behavior text NOT NULL DEFAULT 'inclusive'
    CHECK (tax_behavior IN ('inclusive', 'exclusive'));

-- What countries take of what we invoice ourselves, from a day to a day, in percent.
CREATE TABLE tax_rates (
    country text NOT NULL CHECK (country ~ '^[A-Z]{2}$'),
    valid_from date NOT NULL,
    valid_to date CHECK (valid_to >= valid_from),
    name text NOT NULL,
    percent text NOT NULL CHECK (percent ~ '^[0-9]{1,2}(\.[0-9]{1,4})?$'),
    PRIMARY KEY (country, valid_from)
);

-- The last number of each series and year. Whoever takes one holds the row until the end of the
-- transaction, so that numbers have no gaps.
CREATE TABLE document_numbers (
    series text NOT NULL CHECK (series IN ('invoice', 'credit_note')),
    year integer NOT NULL,
    last bigint NOT NULL CHECK (last > 0),
    PRIMARY KEY (series, year)
);

-- Invoices: ours, and copies of those of gateways.
CREATE TABLE invoices (
    organization_id uuid NOT NULL,
    invoice_id uuid NOT NULL,
    gateway text,     -- null: issued by us
    gateway_id text,
    number text,
    status text NOT NULL
        CHECK (status IN ('draft', 'open', 'uncollectible', 'paid', 'void')),
    currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    discount bigint NOT NULL CHECK (discount >= 0),
    tax bigint NOT NULL, -- on top of the lines; what they contain stands in `taxes` alone
    credit bigint NOT NULL,
    total bigint NOT NULL CHECK (total >= 0),
    paid bigint NOT NULL CHECK (paid >= 0),
    discounts jsonb NOT NULL,
    taxes jsonb NOT NULL,
    credits jsonb NOT NULL,
    seller jsonb NOT NULL,
    buyer jsonb NOT NULL,
    no_tax text,
    subscription_id uuid,
    payment_id uuid,
    checkout_id uuid,
    period_start timestamptz,
    period_end timestamptz,
    hosted_url text,
    pdf_url text,
    created_at timestamptz NOT NULL,
    issued_at timestamptz,
    due_at timestamptz,
    paid_at timestamptz,
    observed_at timestamptz,
    PRIMARY KEY (organization_id, invoice_id),
    CONSTRAINT invoices_organization FOREIGN KEY (organization_id) REFERENCES organizations,
    CONSTRAINT invoices_subscription FOREIGN KEY (organization_id, subscription_id)
        REFERENCES subscriptions,
    CONSTRAINT invoices_payment FOREIGN KEY (organization_id, payment_id) REFERENCES payments,
    CONSTRAINT invoices_reference UNIQUE (organization_id, gateway, gateway_id),
    CONSTRAINT invoices_issuer CHECK (
        (gateway IS NULL) = (gateway_id IS NULL) AND (gateway IS NULL) = (observed_at IS NULL)),
    CONSTRAINT invoices_number CHECK (
        gateway IS NOT NULL OR (status = 'draft') = (number IS NULL)),
    CONSTRAINT invoices_issued CHECK (gateway IS NOT NULL OR (number IS NULL) = (issued_at IS NULL)),
    CONSTRAINT invoices_period CHECK ((period_start IS NULL) = (period_end IS NULL))
);
CREATE UNIQUE INDEX invoices_one_for_payment ON invoices (organization_id, payment_id)
    WHERE gateway IS NULL;

CREATE TABLE invoice_lines (
    organization_id uuid NOT NULL,
    invoice_id uuid NOT NULL,
    position integer NOT NULL,
    kind text NOT NULL
        CHECK (kind IN ('recurring', 'metered', 'proration', 'one_off', 'adjustment')),
    description text NOT NULL,
    quantity bigint NOT NULL,
    unit_amount bigint,
    amount bigint NOT NULL,
    period_start timestamptz,
    period_end timestamptz,
    bills text NOT NULL CHECK (bills IN ('nothing', 'subscription', 'credits', 'use')),
    subscription_id uuid,
    price_id uuid,
    gateway_price text,
    credit_product_id uuid,
    credits bigint,
    meter text,
    window_start timestamptz,
    window_end timestamptz,
    PRIMARY KEY (organization_id, invoice_id, position),
    CONSTRAINT invoice_lines_invoice FOREIGN KEY (organization_id, invoice_id)
        REFERENCES invoices,
    CONSTRAINT invoice_lines_bills CHECK (CASE bills
        WHEN 'credits' THEN credit_product_id IS NOT NULL AND credits > 0
        WHEN 'use' THEN meter IS NOT NULL AND window_start < window_end
        ELSE meter IS NULL AND credit_product_id IS NULL END)
);

-- What was given back of invoices of ours. Append only.
CREATE TABLE credit_notes (
    organization_id uuid NOT NULL,
    credit_note_id uuid NOT NULL,
    number text NOT NULL,
    invoice_id uuid NOT NULL,
    payment_id uuid NOT NULL,
    currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    amount bigint NOT NULL CHECK (amount > 0),
    taxes jsonb NOT NULL,
    issued_at timestamptz NOT NULL,
    PRIMARY KEY (organization_id, credit_note_id),
    CONSTRAINT credit_notes_invoice FOREIGN KEY (organization_id, invoice_id) REFERENCES invoices,
    CONSTRAINT credit_notes_payment FOREIGN KEY (organization_id, payment_id) REFERENCES payments
);
CREATE INDEX credit_notes_of ON credit_notes (organization_id, invoice_id);

-- Invoices are among what gateways name.
ALTER TABLE gateway_objects
    DROP CONSTRAINT gateway_objects_kind_check,
    ADD CONSTRAINT gateway_objects_kind_check
        CHECK (kind IN ('customer', 'checkout', 'subscription', 'payment', 'invoice'));

SELECT protect(owned)
FROM unnest(ARRAY['invoices', 'invoice_lines', 'credit_notes']::regclass[]) owned;

GRANT SELECT ON tax_rates TO billing_app, billing_engine;
GRANT INSERT, UPDATE, DELETE ON tax_rates TO billing_engine;
GRANT SELECT, INSERT, UPDATE ON document_numbers TO billing_engine;
GRANT SELECT, INSERT, UPDATE ON invoices TO billing_app, billing_engine;
-- Lines are replaced while an invoice is a draft, or when its gateway says otherwise.
GRANT SELECT, INSERT, DELETE ON invoice_lines TO billing_app, billing_engine;
GRANT SELECT, INSERT ON credit_notes TO billing_app, billing_engine;
