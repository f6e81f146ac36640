-- A subscription that our engine bills has no gateway: that of its charges is found by the method.
ALTER TABLE subscriptions
    ALTER gateway DROP NOT NULL,
    ALTER gateway_id DROP NOT NULL,
    ADD CONSTRAINT subscriptions_billed_by CHECK ((gateway IS NULL) = (gateway_id IS NULL));

-- A charge of one period of such a subscription. It follows from both, so there is one for each.
ALTER TABLE checkouts
    ADD COLUMN subscription_id uuid,
    ADD COLUMN period_start timestamptz,
    ADD COLUMN period_end timestamptz,
    DROP CONSTRAINT checkouts_purpose_check,
    DROP CONSTRAINT checkouts_purpose,
    ADD CONSTRAINT checkouts_purpose_check CHECK (purpose IN ('subscription', 'credits', 'period')),
    ADD CONSTRAINT checkouts_purpose CHECK (CASE purpose
        WHEN 'subscription' THEN plan_version_id IS NOT NULL AND price_id IS NOT NULL
        WHEN 'period' THEN subscription_id IS NOT NULL AND saved_method IS NOT NULL
            AND period_start < period_end AND period_end IS NOT NULL AND amount > 0
            AND currency IS NOT NULL
        ELSE credit_product_id IS NOT NULL AND credits > 0 AND amount IS NOT NULL
            AND currency IS NOT NULL END),
    ADD CONSTRAINT checkouts_subscription FOREIGN KEY (organization_id, subscription_id)
        REFERENCES subscriptions;
CREATE UNIQUE INDEX checkouts_period ON checkouts (organization_id, subscription_id, period_start)
    WHERE purpose = 'period';

-- The one trial of an organization.
CREATE TABLE trials (
    organization_id uuid PRIMARY KEY,
    subscription_id uuid NOT NULL,
    plan_version_id uuid NOT NULL CONSTRAINT trials_version REFERENCES plan_versions,
    started_at timestamptz NOT NULL,
    ends_at timestamptz NOT NULL CHECK (ends_at > started_at),
    extensions integer NOT NULL CHECK (extensions >= 0),
    extra_days integer NOT NULL CHECK (extra_days >= 0),
    -- The last reminder of this end, by the days before it.
    reminded smallint CHECK (reminded >= 0),
    status text NOT NULL
        CHECK (status IN ('running', 'charging', 'converted', 'expired', 'cancelled')),
    -- Since when it is charged, or when it ended.
    status_at timestamptz,
    checkout_id uuid,
    next_due_at timestamptz,
    CONSTRAINT trials_subscription FOREIGN KEY (organization_id, subscription_id)
        REFERENCES subscriptions,
    CONSTRAINT trials_status_at CHECK ((status_at IS NULL) = (status = 'running')),
    CONSTRAINT trials_checkout CHECK ((checkout_id IS NOT NULL) = (status = 'charging')),
    CONSTRAINT trials_open CHECK ((next_due_at IS NOT NULL) = (status IN ('running', 'charging')))
);
CREATE INDEX trials_due ON trials (next_due_at) WHERE next_due_at IS NOT NULL;

-- Who has had a trial, whatever the organization: SHA-256 of the mailbox and of the user's id.
CREATE TABLE trial_claims (
    claimant text NOT NULL CHECK (claimant IN ('email', 'user')),
    digest bytea NOT NULL CHECK (length(digest) = 32),
    organization_id uuid NOT NULL,
    PRIMARY KEY (claimant, digest)
);
CREATE INDEX trial_claims_of ON trial_claims (organization_id);

-- When the next period of a subscription that our engine bills is to be paid.
CREATE TABLE renewals (
    organization_id uuid NOT NULL,
    subscription_id uuid NOT NULL,
    -- From where periods are counted.
    anchor timestamptz NOT NULL,
    -- The charge that is under way, and since when.
    checkout_id uuid,
    charging_since timestamptz,
    next_due_at timestamptz,
    PRIMARY KEY (organization_id, subscription_id),
    CONSTRAINT renewals_subscription FOREIGN KEY (organization_id, subscription_id)
        REFERENCES subscriptions,
    CONSTRAINT renewals_charging CHECK ((checkout_id IS NULL) = (charging_since IS NULL))
);
CREATE INDEX renewals_due ON renewals (next_due_at) WHERE next_due_at IS NOT NULL;

SELECT protect(owned) FROM unnest(ARRAY['trials', 'trial_claims', 'renewals']::regclass[]) owned;

GRANT SELECT, INSERT, UPDATE ON trials, renewals TO billing_app, billing_engine;
GRANT SELECT, INSERT ON trial_claims TO billing_app, billing_engine;
