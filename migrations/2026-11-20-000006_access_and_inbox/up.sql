-- Tables of the installation, not of an organization: only the engine reaches them.

CREATE TABLE api_keys (
    api_key_id uuid PRIMARY KEY,
    name text NOT NULL,
    public text NOT NULL CONSTRAINT api_keys_public UNIQUE,
    digest bytea NOT NULL CHECK (length(digest) = 32),
    scopes text NOT NULL,
    organization_id uuid,
    created_at timestamptz NOT NULL,
    revoked_at timestamptz
);

-- Requests that carry an idempotency key, and their answers.
CREATE TABLE requests (
    principal text NOT NULL,
    route text NOT NULL,
    key text NOT NULL,
    fingerprint bytea NOT NULL,
    started_at timestamptz NOT NULL,
    status integer,
    body bytea,
    PRIMARY KEY (key, principal, route),
    CHECK ((status IS NULL) = (body IS NULL))
);
CREATE INDEX requests_by_age ON requests (started_at);

CREATE TABLE webhooks (
    webhook_id uuid PRIMARY KEY,
    gateway text NOT NULL,
    event_id text NOT NULL,
    kind text NOT NULL,
    subject text NOT NULL,
    body bytea NOT NULL,
    status text NOT NULL
        CHECK (status IN ('received', 'processed', 'ignored', 'retrying', 'dead')),
    attempts integer NOT NULL DEFAULT 0,
    error text,
    received_at timestamptz NOT NULL,
    next_attempt_at timestamptz,
    claimed_until timestamptz,
    fence uuid,
    done_at timestamptz,
    CONSTRAINT webhooks_once UNIQUE (gateway, event_id),
    CHECK ((next_attempt_at IS NOT NULL) = (status IN ('received', 'retrying')))
);
CREATE INDEX webhooks_due ON webhooks (next_attempt_at) WHERE next_attempt_at IS NOT NULL;
CREATE INDEX webhooks_busy ON webhooks (gateway, subject) WHERE claimed_until IS NOT NULL;
CREATE INDEX webhooks_dead ON webhooks (webhook_id) WHERE status = 'dead';

GRANT SELECT, INSERT, UPDATE ON api_keys, webhooks TO billing_engine;
GRANT SELECT, INSERT, UPDATE, DELETE ON requests TO billing_engine;
