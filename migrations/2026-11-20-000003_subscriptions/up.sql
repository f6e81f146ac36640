CREATE TABLE checkouts (
    organization_id uuid NOT NULL,
    checkout_id uuid NOT NULL,
    gateway text NOT NULL,
    purpose text NOT NULL CHECK (purpose IN ('subscription', 'credits')),
    plan_version_id uuid CONSTRAINT checkouts_version REFERENCES plan_versions,
    price_id uuid CONSTRAINT checkouts_price REFERENCES prices,
    credit_product_id uuid CONSTRAINT checkouts_product REFERENCES credit_products,
    credits bigint,
    amount bigint,
    currency text,
    status text NOT NULL CHECK (status IN ('pending', 'open', 'completed', 'expired')),
    session_id text,
    url text,
    expires_at timestamptz,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (organization_id, checkout_id),
    CONSTRAINT checkouts_organization FOREIGN KEY (organization_id) REFERENCES organizations,
    CONSTRAINT checkouts_purpose CHECK (CASE purpose
        WHEN 'subscription' THEN plan_version_id IS NOT NULL AND price_id IS NOT NULL
        ELSE credit_product_id IS NOT NULL AND credits > 0 AND amount IS NOT NULL
            AND currency IS NOT NULL END),
    CONSTRAINT checkouts_page CHECK (
        status <> 'open' OR (session_id IS NOT NULL AND url IS NOT NULL AND expires_at IS NOT NULL)),
    CONSTRAINT checkouts_session CHECK (status <> 'completed' OR session_id IS NOT NULL)
);
CREATE INDEX checkouts_unfinished ON checkouts (organization_id, created_at)
    WHERE status IN ('pending', 'open');

CREATE TABLE subscriptions (
    organization_id uuid NOT NULL,
    subscription_id uuid NOT NULL,
    product_group text NOT NULL,
    plan_version_id uuid NOT NULL CONSTRAINT subscriptions_version REFERENCES plan_versions,
    price_id uuid NOT NULL CONSTRAINT subscriptions_price REFERENCES prices,
    interval text NOT NULL,
    status text NOT NULL CHECK (status IN (
        'incomplete', 'trialing', 'active', 'past_due', 'paused', 'cancelled', 'expired')),
    -- The end of the trial, since when it is past due, until when it is paused, when it ended.
    status_at timestamptz,
    period_start timestamptz NOT NULL,
    period_end timestamptz NOT NULL,
    cancel_at_period_end boolean NOT NULL,
    gateway text NOT NULL,
    gateway_id text NOT NULL,
    created_at timestamptz NOT NULL,
    observed_at timestamptz NOT NULL,
    PRIMARY KEY (organization_id, subscription_id),
    CONSTRAINT subscriptions_organization FOREIGN KEY (organization_id) REFERENCES organizations,
    CONSTRAINT subscriptions_reference UNIQUE (organization_id, gateway, gateway_id),
    CONSTRAINT subscriptions_status_at CHECK (
        status_at IS NOT NULL OR status IN ('incomplete', 'active', 'paused'))
);
CREATE UNIQUE INDEX subscriptions_one_live ON subscriptions (organization_id, product_group)
    WHERE status NOT IN ('cancelled', 'expired');

CREATE TABLE subscription_changes (
    organization_id uuid NOT NULL,
    change_id uuid NOT NULL,
    subscription_id uuid NOT NULL,
    what text NOT NULL,
    before jsonb NOT NULL,
    after jsonb NOT NULL,
    actor text NOT NULL CHECK (actor IN ('customer', 'admin', 'system', 'gateway')),
    reason text NOT NULL,
    at timestamptz NOT NULL,
    PRIMARY KEY (organization_id, change_id),
    CONSTRAINT subscription_changes_subscription FOREIGN KEY (organization_id, subscription_id)
        REFERENCES subscriptions
);
CREATE INDEX subscription_changes_of ON subscription_changes (organization_id, subscription_id, at);

CREATE TABLE payments (
    organization_id uuid NOT NULL,
    payment_id uuid NOT NULL,
    gateway text NOT NULL,
    gateway_id text NOT NULL,
    status text NOT NULL CHECK (status IN ('pending', 'unknown', 'failed', 'completed',
        'partially_refunded', 'refunded', 'disputed')),
    currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    amount bigint NOT NULL CHECK (amount >= 0),
    tax bigint NOT NULL CHECK (tax >= 0),
    refunded bigint NOT NULL CHECK (refunded BETWEEN 0 AND amount),
    description text NOT NULL,
    checkout_id uuid,
    subscription_id uuid,
    document_url text,
    failure text,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (organization_id, payment_id),
    CONSTRAINT payments_organization FOREIGN KEY (organization_id) REFERENCES organizations,
    CONSTRAINT payments_reference UNIQUE (organization_id, gateway, gateway_id),
    CONSTRAINT payments_subscription FOREIGN KEY (organization_id, subscription_id)
        REFERENCES subscriptions
);

SELECT protect(owned) FROM unnest(ARRAY[
    'checkouts', 'subscriptions', 'subscription_changes', 'payments']::regclass[]) owned;

GRANT SELECT, INSERT, UPDATE ON checkouts, subscriptions, payments TO billing_app, billing_engine;
GRANT SELECT, INSERT ON subscription_changes TO billing_app, billing_engine;
