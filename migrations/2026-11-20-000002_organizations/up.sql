CREATE TABLE organizations (
    organization_id uuid PRIMARY KEY,
    external_id text,
    name text NOT NULL,
    billing_email text,
    country text CHECK (country ~ '^[A-Z]{2}$'),
    currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    created_at timestamptz NOT NULL
);

-- Global uniqueness lives in narrow tables that lead to the organization.

CREATE TABLE external_ids (
    external_id text CONSTRAINT external_ids_taken PRIMARY KEY,
    organization_id uuid NOT NULL
);

-- What gateways call things of ours: customers, subscriptions, payments. Ours among them are
-- checkouts, whose ids come back as metadata.
CREATE TABLE gateway_objects (
    gateway text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('customer', 'checkout', 'subscription', 'payment')),
    object_id text NOT NULL,
    organization_id uuid NOT NULL,
    PRIMARY KEY (gateway, kind, object_id)
);

CREATE TABLE customers (
    organization_id uuid NOT NULL,
    gateway text NOT NULL,
    gateway_id text NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (organization_id, gateway),
    CONSTRAINT customers_organization FOREIGN KEY (organization_id) REFERENCES organizations
);

-- What happened, for others to be told: written by every save of a lifecycle record.
CREATE TABLE outbox (
    organization_id uuid NOT NULL,
    event_id uuid NOT NULL,
    at timestamptz NOT NULL,
    type text NOT NULL,
    data jsonb NOT NULL,
    PRIMARY KEY (organization_id, event_id)
);

SELECT protect(owned) FROM unnest(ARRAY[
    'organizations', 'external_ids', 'gateway_objects', 'customers', 'outbox']::regclass[]) owned;

GRANT SELECT, INSERT, UPDATE ON organizations, external_ids, gateway_objects, customers
    TO billing_app, billing_engine;
GRANT SELECT, INSERT ON outbox TO billing_app, billing_engine;
