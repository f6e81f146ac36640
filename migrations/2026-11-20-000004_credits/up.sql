-- One row per organization, locked first by whoever changes its credits.
CREATE TABLE credit_accounts (
    organization_id uuid PRIMARY KEY,
    last_seq bigint NOT NULL CHECK (last_seq >= 0),
    last_at timestamptz NOT NULL,
    balance bigint NOT NULL,
    overdrawn bigint NOT NULL CHECK (overdrawn >= 0),
    overdraft_limit bigint NOT NULL CHECK (overdraft_limit >= 0),
    next_due_at timestamptz,
    CONSTRAINT credit_accounts_organization FOREIGN KEY (organization_id) REFERENCES organizations
) WITH (fillfactor = 70);
CREATE INDEX credit_accounts_due ON credit_accounts (next_due_at) WHERE next_due_at IS NOT NULL;

CREATE TABLE credit_grants (
    organization_id uuid NOT NULL,
    grant_id uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('purchased', 'subscription', 'promotional', 'adjustment')),
    amount bigint NOT NULL CHECK (amount > 0),
    remaining bigint NOT NULL CHECK (remaining BETWEEN 0 AND amount),
    starts_at timestamptz NOT NULL,
    expires_at timestamptz CHECK (kind <> 'purchased' OR expires_at IS NULL),
    source_kind text NOT NULL,
    source_id text NOT NULL,
    granted_at timestamptz NOT NULL,
    started boolean NOT NULL,
    -- Whether anything can still happen to it. A column of its own, because an index on
    -- `remaining` would be written with every draw.
    open boolean NOT NULL,
    PRIMARY KEY (organization_id, grant_id),
    CONSTRAINT credit_grants_once UNIQUE (organization_id, source_kind, source_id),
    CONSTRAINT credit_grants_open CHECK (open = (NOT started OR remaining > 0)),
    CONSTRAINT credit_grants_organization FOREIGN KEY (organization_id) REFERENCES organizations
) WITH (fillfactor = 70);
CREATE INDEX credit_grants_open ON credit_grants (organization_id) WHERE open;

-- The ledger. Append only: nobody has the right to change or remove a row.
CREATE TABLE credit_transactions (
    organization_id uuid NOT NULL,
    seq bigint NOT NULL CHECK (seq > 0),
    at timestamptz NOT NULL,
    kind text NOT NULL CHECK (kind IN ('earned', 'purchased', 'consumed', 'expired', 'adjusted')),
    amount bigint NOT NULL,
    balance_after bigint NOT NULL,
    overdrawn_change bigint NOT NULL,
    touched jsonb NOT NULL, -- [{"grant_id": …, "amount": …}], signed
    origin text NOT NULL CHECK (origin IN ('grant', 'expiry', 'consume')),
    source_kind text,
    source_id text,
    decision_id uuid,
    key text,
    event text,
    quantity bigint,
    unit_cost bigint,
    PRIMARY KEY (organization_id, seq),
    CONSTRAINT credit_transactions_origin CHECK (CASE origin
        WHEN 'consume' THEN decision_id IS NOT NULL AND key IS NOT NULL AND event IS NOT NULL
            AND quantity > 0 AND unit_cost >= 0 AND amount = -quantity * unit_cost
        ELSE source_kind IS NOT NULL AND source_id IS NOT NULL END)
);

-- What was decided under a key, allowed or denied. The lookup is by key, so the key comes first.
-- Uniqueness across partitions is kept by the account's lock; rows are kept for 30 days or more.
CREATE TABLE credit_keys (
    key text NOT NULL,
    organization_id uuid NOT NULL,
    operation text NOT NULL CHECK (operation = 'consume'),
    decided_at timestamptz NOT NULL,
    decision_id uuid NOT NULL,
    event text NOT NULL,
    quantity bigint NOT NULL,
    required bigint NOT NULL,
    seq bigint,       -- the ledger row, where it was allowed
    available bigint, -- what there was, where it was denied
    CHECK ((seq IS NULL) <> (available IS NULL)),
    PRIMARY KEY (key, organization_id, operation, decided_at)
) PARTITION BY RANGE (decided_at);
CREATE TABLE credit_keys_default PARTITION OF credit_keys DEFAULT;

SELECT protect(owned) FROM unnest(ARRAY['credit_accounts', 'credit_grants', 'credit_transactions',
    'credit_keys', 'credit_keys_default']::regclass[]) owned;

GRANT SELECT, INSERT, UPDATE ON credit_accounts, credit_grants TO billing_app, billing_engine;
GRANT SELECT, INSERT ON credit_transactions, credit_keys TO billing_app, billing_engine;
