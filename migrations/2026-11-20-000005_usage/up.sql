-- One row per organization, locked first by whoever counts its use.
CREATE TABLE usage_accounts (
    organization_id uuid PRIMARY KEY,
    last_seq bigint NOT NULL CHECK (last_seq >= 0),
    CONSTRAINT usage_accounts_organization FOREIGN KEY (organization_id) REFERENCES organizations
) WITH (fillfactor = 70);

CREATE TABLE usage_counters (
    organization_id uuid NOT NULL,
    meter text NOT NULL,
    limit_window text NOT NULL,
    window_start timestamptz NOT NULL,
    used bigint NOT NULL CHECK (used >= 0),
    PRIMARY KEY (organization_id, meter, limit_window, window_start)
) WITH (fillfactor = 70);

CREATE TABLE usage_bonuses (
    organization_id uuid NOT NULL,
    bonus_id uuid NOT NULL,
    meter text NOT NULL,
    amount bigint NOT NULL CHECK (amount > 0),
    remaining bigint NOT NULL CHECK (remaining BETWEEN 0 AND amount),
    reason text NOT NULL,
    expires_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (organization_id, bonus_id),
    CONSTRAINT usage_bonuses_organization FOREIGN KEY (organization_id) REFERENCES organizations
);

-- Raw events, numbered without gaps per organization, by month of the use.
CREATE TABLE usage_events (
    organization_id uuid NOT NULL,
    seq bigint NOT NULL,
    at timestamptz NOT NULL,
    event_id uuid NOT NULL,
    meter text NOT NULL,
    quantity bigint NOT NULL CHECK (quantity > 0),
    limit_window text NOT NULL,
    window_start timestamptz NOT NULL,
    key text NOT NULL,
    properties jsonb,
    recorded_at timestamptz NOT NULL,
    PRIMARY KEY (organization_id, seq, at)
) PARTITION BY RANGE (at);
CREATE TABLE usage_events_default PARTITION OF usage_events DEFAULT;

-- What was decided under a key, whatever time the event carries. Kept longer than events may be
-- late. A denial is recorded here, with what it was decided on.
CREATE TABLE usage_keys (
    key text NOT NULL,
    organization_id uuid NOT NULL,
    operation text NOT NULL CHECK (operation IN ('track', 'check_and_record')),
    decided_at timestamptz NOT NULL,
    event_id uuid NOT NULL,
    meter text NOT NULL,
    quantity bigint NOT NULL,
    recorded boolean NOT NULL,
    most bigint, -- null: unlimited
    overage text NOT NULL,
    used bigint NOT NULL,
    bonus bigint NOT NULL,
    resets_at timestamptz,
    PRIMARY KEY (key, organization_id, operation, decided_at)
) PARTITION BY RANGE (decided_at);
CREATE TABLE usage_keys_default PARTITION OF usage_keys DEFAULT;

SELECT protect(owned) FROM unnest(ARRAY['usage_accounts', 'usage_counters', 'usage_bonuses',
    'usage_events', 'usage_events_default', 'usage_keys', 'usage_keys_default']::regclass[]) owned;

GRANT SELECT, INSERT, UPDATE ON usage_accounts, usage_counters, usage_bonuses
    TO billing_app, billing_engine;
GRANT SELECT, INSERT ON usage_events, usage_keys TO billing_app, billing_engine;
