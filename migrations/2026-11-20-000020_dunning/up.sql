-- A period of a subscription that our engine bills has one invoice.
CREATE UNIQUE INDEX invoices_one_for_period ON invoices
    (organization_id, subscription_id, period_start)
    WHERE gateway IS NULL AND subscription_id IS NOT NULL AND period_start IS NOT NULL;

-- A charge is an attempt to take the money of an invoice. Charges of periods, from before there was
-- an invoice first, stay as they are.
ALTER TABLE checkouts
    ADD COLUMN invoice_id uuid,
    ADD COLUMN attempt integer CHECK (attempt > 0),
    DROP CONSTRAINT checkouts_purpose_check,
    DROP CONSTRAINT checkouts_purpose,
    ADD CONSTRAINT checkouts_purpose_check
        CHECK (purpose IN ('subscription', 'credits', 'period', 'invoice')),
    ADD CONSTRAINT checkouts_purpose CHECK (CASE purpose
        WHEN 'subscription' THEN plan_version_id IS NOT NULL AND price_id IS NOT NULL
        WHEN 'period' THEN subscription_id IS NOT NULL AND saved_method IS NOT NULL
            AND period_start < period_end AND period_end IS NOT NULL AND amount > 0
            AND currency IS NOT NULL
        WHEN 'invoice' THEN invoice_id IS NOT NULL AND attempt IS NOT NULL AND amount > 0
            AND currency IS NOT NULL
        ELSE credit_product_id IS NOT NULL AND credits > 0 AND amount IS NOT NULL
            AND currency IS NOT NULL END),
    ADD CONSTRAINT checkouts_invoice FOREIGN KEY (organization_id, invoice_id) REFERENCES invoices;
CREATE UNIQUE INDEX checkouts_attempt ON checkouts (organization_id, invoice_id, attempt)
    WHERE purpose = 'invoice';

-- How the money of an invoice of ours is taken.
CREATE TABLE collections (
    organization_id uuid NOT NULL,
    invoice_id uuid NOT NULL,
    subscription_id uuid,
    status text NOT NULL CHECK (status IN ('open', 'charging', 'collected', 'given_up', 'void')),
    -- Since when it is charged, or when it ended.
    status_at timestamptz,
    -- The charge that is under way.
    checkout_id uuid,
    -- Since when it is known that the money does not come by itself, and why it did not come last.
    failed_at timestamptz,
    failure text,
    retry_at timestamptz,
    next_due_at timestamptz,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (organization_id, invoice_id),
    CONSTRAINT collections_invoice FOREIGN KEY (organization_id, invoice_id) REFERENCES invoices,
    CONSTRAINT collections_subscription FOREIGN KEY (organization_id, subscription_id)
        REFERENCES subscriptions,
    CONSTRAINT collections_status_at CHECK ((status_at IS NULL) = (status = 'open')),
    CONSTRAINT collections_checkout CHECK ((checkout_id IS NOT NULL) = (status = 'charging')),
    CONSTRAINT collections_failed CHECK ((failed_at IS NULL) = (failure IS NULL)),
    CONSTRAINT collections_due CHECK ((next_due_at IS NOT NULL) = (status IN ('open', 'charging')))
);
CREATE INDEX collections_next ON collections (next_due_at) WHERE next_due_at IS NOT NULL;
CREATE INDEX collections_unpaid ON collections (organization_id)
    WHERE status IN ('open', 'charging');

-- Every attempt to take it. `kind` says what may be done about a failure.
CREATE TABLE payment_attempts (
    organization_id uuid NOT NULL,
    invoice_id uuid NOT NULL,
    number integer NOT NULL CHECK (number > 0),
    checkout_id uuid NOT NULL,
    gateway text NOT NULL,
    method text NOT NULL,
    at timestamptz NOT NULL,
    outcome text NOT NULL CHECK (outcome IN ('pending', 'succeeded', 'failed')),
    failure text,
    kind text CHECK (kind IN ('hard', 'ask_customer', 'new_method', 'soft', 'technical')),
    -- When the outcome became known.
    ended_at timestamptz,
    -- Who asked for it and why; null: the rules did.
    actor text,
    reason text,
    PRIMARY KEY (organization_id, invoice_id, number),
    CONSTRAINT payment_attempts_collection FOREIGN KEY (organization_id, invoice_id)
        REFERENCES collections,
    CONSTRAINT payment_attempts_checkout FOREIGN KEY (organization_id, checkout_id)
        REFERENCES checkouts,
    CONSTRAINT payment_attempts_failure CHECK (
        (failure IS NOT NULL) = (outcome = 'failed') AND (failure IS NULL) = (kind IS NULL)
        AND (ended_at IS NULL) = (outcome = 'pending')),
    CONSTRAINT payment_attempts_asked CHECK ((actor IS NULL) = (reason IS NULL))
);
CREATE INDEX payment_attempts_method ON payment_attempts (organization_id, gateway, method, at);
CREATE INDEX payment_attempts_at ON payment_attempts (at);

-- While a first period is charged, its collection says what is due. `renewals.checkout_id` and
-- `charging_since` are not written any more.
ALTER TABLE trials
    DROP CONSTRAINT trials_open,
    ADD CONSTRAINT trials_open CHECK (CASE status
        WHEN 'running' THEN next_due_at IS NOT NULL
        WHEN 'charging' THEN true
        ELSE next_due_at IS NULL END);

SELECT protect(owned)
FROM unnest(ARRAY['collections', 'payment_attempts']::regclass[]) owned;

GRANT SELECT, INSERT, UPDATE ON collections, payment_attempts TO billing_app, billing_engine;
