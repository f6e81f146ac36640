-- What this database is for: one row, written at the first start and never changed.
CREATE TABLE installation (
    singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    mode text NOT NULL CHECK (mode IN ('sandbox', 'live')),
    created_at timestamptz NOT NULL
);

-- The catalogue: small, the same for all organizations.

CREATE TABLE meters (
    meter text PRIMARY KEY,
    name text NOT NULL
);

CREATE TABLE plans (
    plan_id uuid PRIMARY KEY,
    key text NOT NULL CONSTRAINT plans_key UNIQUE,
    name text NOT NULL,
    description text NOT NULL,
    product_group text NOT NULL,
    active boolean NOT NULL,
    position integer NOT NULL
);

CREATE TABLE plan_versions (
    plan_version_id uuid PRIMARY KEY,
    plan_id uuid NOT NULL CONSTRAINT plan_versions_plan REFERENCES plans,
    number integer NOT NULL CHECK (number > 0),
    included_credits bigint NOT NULL CHECK (included_credits >= 0),
    CONSTRAINT plan_versions_number UNIQUE (plan_id, number)
);

CREATE TABLE prices (
    price_id uuid PRIMARY KEY,
    plan_version_id uuid NOT NULL CONSTRAINT prices_version REFERENCES plan_versions,
    interval text NOT NULL
        CHECK (interval IN ('month', 'quarter', 'half_year', 'year', 'two_years')),
    currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    amount bigint NOT NULL CHECK (amount >= 0),
    trial_days integer NOT NULL CHECK (trial_days >= 0),
    active boolean NOT NULL,
    stripe_price text,
    position integer NOT NULL
);
CREATE INDEX prices_of_version ON prices (plan_version_id, position);

CREATE TABLE features (
    plan_version_id uuid NOT NULL CONSTRAINT features_version REFERENCES plan_versions,
    feature text NOT NULL,
    position integer NOT NULL,
    -- A flag, or a limit on a meter: `flag` xor the other columns.
    flag boolean,
    meter text CONSTRAINT features_meter REFERENCES meters DEFERRABLE INITIALLY DEFERRED,
    most bigint CHECK (most >= 0), -- null: unlimited
    limit_window text CHECK (limit_window IN ('billing_period', 'calendar_month', 'lifetime')),
    overage text CHECK (overage IN ('block', 'allow')),
    PRIMARY KEY (plan_version_id, feature),
    CHECK ((flag IS NULL) = (meter IS NOT NULL)),
    CHECK ((meter IS NULL) = (limit_window IS NULL) AND (meter IS NULL) = (overage IS NULL))
);

CREATE TABLE credit_events (
    name text PRIMARY KEY,
    cost bigint NOT NULL CHECK (cost >= 0),
    category text NOT NULL,
    active boolean NOT NULL
);

CREATE TABLE credit_products (
    credit_product_id uuid PRIMARY KEY,
    key text NOT NULL CONSTRAINT credit_products_key UNIQUE,
    name text NOT NULL,
    credits bigint NOT NULL CHECK (credits > 0),
    active boolean NOT NULL
);

CREATE TABLE credit_product_prices (
    credit_product_id uuid NOT NULL
        CONSTRAINT credit_product_prices_product REFERENCES credit_products,
    currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    amount bigint NOT NULL CHECK (amount > 0),
    position integer NOT NULL,
    PRIMARY KEY (credit_product_id, currency)
);

GRANT SELECT ON installation, meters, plans, plan_versions, prices, features, credit_events,
    credit_products, credit_product_prices TO billing_app, billing_engine;
GRANT INSERT, UPDATE ON meters, plans, plan_versions, prices, features, credit_events,
    credit_products, credit_product_prices TO billing_engine;
GRANT INSERT ON installation TO billing_engine;

-- Row-level security for an organization-owned table: an organization sees its own rows, the
-- engine sees all, the owner sees none.
CREATE FUNCTION protect(protected regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', protected);
    EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', protected);
    EXECUTE format(
        'CREATE POLICY own ON %s TO billing_app
         USING (organization_id = NULLIF(current_setting(''app.organization_id'', true), '''')::uuid)
         WITH CHECK (organization_id = NULLIF(current_setting(''app.organization_id'', true), '''')::uuid)',
        protected);
    EXECUTE format('CREATE POLICY every ON %s TO billing_engine USING (true) WITH CHECK (true)',
        protected);
END $$;
