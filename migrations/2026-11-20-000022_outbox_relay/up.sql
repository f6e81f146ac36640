-- Events are handed on in the order of the transactions that wrote them, and only those of which no
-- older one can still come: ids and instants do not have the order of commits. What was written
-- before has no number of its own, and comes before all others. A bigint, and no xid8, so that a
-- database that was restored into another cluster can go below zero.
ALTER TABLE outbox ADD COLUMN xid bigint NOT NULL DEFAULT 0;
-- A default, so that what a server of the former release writes is handed on as well.
ALTER TABLE outbox ALTER COLUMN xid SET DEFAULT (pg_current_xact_id()::text::bigint);
CREATE INDEX outbox_by_commit ON outbox (xid, organization_id, event_id);
CREATE INDEX outbox_by_time ON outbox USING brin (at);
GRANT UPDATE (xid) ON outbox TO billing_engine;

-- How far each subscriber has been handed on what happened: all up to this event.
CREATE TABLE event_subscribers (
    subscriber text PRIMARY KEY,
    xid bigint NOT NULL,
    organization_id uuid NOT NULL,
    event_id uuid NOT NULL
);
GRANT SELECT, UPDATE ON event_subscribers TO billing_engine;

-- Nobody had asked for webhooks before.
INSERT INTO event_subscribers VALUES ('webhooks', 0,
    'ffffffff-ffff-ffff-ffff-ffffffffffff', 'ffffffff-ffff-ffff-ffff-ffffffffffff');

-- Where products want to be told. Those of one organization are told of it alone. Their secrets
-- follow from the installation's own key, the id and the version: none is kept here.
CREATE TABLE webhook_endpoints (
    endpoint_id uuid PRIMARY KEY,
    organization_id uuid, -- null: told of all
    url text NOT NULL,
    description text NOT NULL,
    event_types text[] NOT NULL, -- none: every type
    status text NOT NULL CHECK (status IN ('enabled', 'paused', 'disabled')),
    disabled_for text CHECK (disabled_for IN ('asked', 'gone', 'failing')),
    secret_version integer NOT NULL CHECK (secret_version > 0),
    old_secret_until timestamptz, -- until then the version before signs too
    failing_since timestamptz,
    held_until timestamptz, -- it asked for less
    created_at timestamptz NOT NULL,
    CHECK ((status = 'disabled') = (disabled_for IS NOT NULL))
);
CREATE INDEX webhook_endpoints_by_organization ON webhook_endpoints (organization_id);

-- An event that an endpoint is to be told, once for each.
CREATE TABLE deliveries (
    delivery_id uuid PRIMARY KEY,
    endpoint_id uuid NOT NULL
        CONSTRAINT deliveries_endpoint REFERENCES webhook_endpoints ON DELETE CASCADE,
    organization_id uuid NOT NULL,
    event_id uuid NOT NULL,
    type text NOT NULL,
    happened_at timestamptz NOT NULL,
    data jsonb NOT NULL,
    status text NOT NULL CHECK (status IN ('pending', 'delivered', 'retrying', 'dead')),
    attempts integer NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    error text,
    created_at timestamptz NOT NULL,
    next_attempt_at timestamptz, -- of a claimed one the end of the claim
    claimed_until timestamptz,
    fence uuid,
    done_at timestamptz,
    CONSTRAINT deliveries_once UNIQUE (endpoint_id, organization_id, event_id),
    CHECK ((status IN ('pending', 'retrying')) = (next_attempt_at IS NOT NULL)),
    CHECK ((claimed_until IS NULL) = (fence IS NULL))
);
CREATE INDEX deliveries_due ON deliveries (endpoint_id, next_attempt_at, delivery_id)
    WHERE next_attempt_at IS NOT NULL;
CREATE INDEX deliveries_claimed ON deliveries (endpoint_id, claimed_until)
    WHERE claimed_until IS NOT NULL;
CREATE INDEX deliveries_by_endpoint ON deliveries (endpoint_id, delivery_id);
CREATE INDEX deliveries_dead ON deliveries (endpoint_id) WHERE status = 'dead';
CREATE INDEX deliveries_by_time ON deliveries USING brin (created_at);

-- Each try of a delivery that came to an end, or whose claim did.
CREATE TABLE delivery_attempts (
    delivery_id uuid NOT NULL
        CONSTRAINT delivery_attempts_delivery REFERENCES deliveries ON DELETE CASCADE,
    fence uuid NOT NULL,
    ended_at timestamptz NOT NULL,
    outcome text NOT NULL CHECK (outcome IN ('delivered', 'failed', 'lapsed')),
    status_code integer,
    error text,
    answer text, -- the beginning of what it said, for operators
    duration_us bigint CHECK (duration_us >= 0), -- null: nobody saw its end
    PRIMARY KEY (delivery_id, fence)
);

GRANT SELECT, INSERT, UPDATE, DELETE ON webhook_endpoints, deliveries TO billing_engine;
GRANT SELECT, INSERT ON delivery_attempts TO billing_engine;
