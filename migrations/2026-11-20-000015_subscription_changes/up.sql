-- How many of a subscription, such as seats. The previous release knows one of each.
ALTER TABLE subscriptions
    ADD COLUMN quantity integer NOT NULL DEFAULT 1
        CONSTRAINT subscriptions_quantity CHECK (quantity > 0);

-- Changes of subscriptions that somebody asked for: written before the gateway hears of them.
CREATE TABLE change_requests (
    organization_id uuid NOT NULL,
    change_id uuid NOT NULL,
    subscription_id uuid NOT NULL,
    action text NOT NULL CHECK (action IN ('change', 'cancel', 'pause', 'resume')),
    price_id uuid CONSTRAINT change_requests_price REFERENCES prices,
    quantity integer CHECK (quantity > 0),
    effective text CHECK (effective IN ('now', 'period_end')),
    takes_back text CHECK (takes_back IN ('cancellation', 'scheduled_change', 'pause')),
    resumes_at timestamptz,
    fate text NOT NULL CHECK (fate IN ('pending', 'scheduled', 'done', 'failed', 'withdrawn')),
    scheduled_at timestamptz,
    failure text,
    actor text NOT NULL CHECK (actor IN ('customer', 'admin', 'system', 'gateway')),
    reason text NOT NULL,
    proration_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL,
    look_at timestamptz NOT NULL,
    PRIMARY KEY (organization_id, change_id),
    CONSTRAINT change_requests_subscription FOREIGN KEY (organization_id, subscription_id)
        REFERENCES subscriptions,
    CONSTRAINT change_requests_wish CHECK (CASE action
        WHEN 'change' THEN price_id IS NOT NULL AND quantity IS NOT NULL AND effective IS NOT NULL
        WHEN 'cancel' THEN effective IS NOT NULL
        WHEN 'resume' THEN takes_back IS NOT NULL
        ELSE true END),
    CONSTRAINT change_requests_fate CHECK (
        (fate = 'scheduled') = (scheduled_at IS NOT NULL)
        AND (fate = 'failed') = (failure IS NOT NULL))
);
-- Until it is known what became of a change there is no other.
CREATE UNIQUE INDEX change_requests_one_open
    ON change_requests (organization_id, subscription_id, fate)
    WHERE fate IN ('pending', 'scheduled');
CREATE INDEX change_requests_look ON change_requests (look_at)
    WHERE fate IN ('pending', 'scheduled');

-- Subscriptions at a gateway that were paid for where one is enough: ended, and paid back.
CREATE TABLE duplicate_subscriptions (
    organization_id uuid NOT NULL,
    gateway text NOT NULL,
    gateway_id text NOT NULL,
    refund_id uuid NOT NULL,
    payment_id text,
    amount bigint CHECK (amount >= 0),
    currency text CHECK (currency ~ '^[A-Z]{3}$'),
    settled boolean NOT NULL,
    created_at timestamptz NOT NULL,
    look_at timestamptz NOT NULL,
    PRIMARY KEY (organization_id, gateway, gateway_id),
    CONSTRAINT duplicate_subscriptions_organization FOREIGN KEY (organization_id)
        REFERENCES organizations,
    CONSTRAINT duplicate_subscriptions_refund CHECK (
        (payment_id IS NULL) = (amount IS NULL) AND (amount IS NULL) = (currency IS NULL))
);
CREATE INDEX duplicate_subscriptions_look ON duplicate_subscriptions (look_at) WHERE NOT settled;

SELECT protect(owned)
FROM unnest(ARRAY['change_requests', 'duplicate_subscriptions']::regclass[]) owned;

GRANT SELECT, INSERT, UPDATE ON change_requests, duplicate_subscriptions
    TO billing_app, billing_engine;
