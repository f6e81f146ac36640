-- How a checkout is paid: on a page, which may have the gateway keep the method, or with a method
-- that was kept. The latter has no page.
ALTER TABLE checkouts
    ADD COLUMN saves_method boolean NOT NULL DEFAULT false,
    ADD COLUMN saved_method text,
    ADD CONSTRAINT checkouts_saved_method CHECK (
        saved_method IS NULL OR (NOT saves_method AND url IS NULL));
CREATE INDEX checkouts_charged ON checkouts (organization_id, created_at)
    WHERE saved_method IS NOT NULL;

-- What is to be bought when credits run low, and how that goes.
CREATE TABLE auto_top_ups (
    organization_id uuid PRIMARY KEY,
    enabled boolean NOT NULL,
    threshold bigint NOT NULL CHECK (threshold >= 0),
    credit_product_id uuid NOT NULL CONSTRAINT auto_top_ups_product REFERENCES credit_products,
    monthly_cap bigint NOT NULL CHECK (monthly_cap >= 0),
    currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    pending_checkout_id uuid,
    failures integer NOT NULL CHECK (failures >= 0),
    look_at timestamptz NOT NULL,
    CONSTRAINT auto_top_ups_organization FOREIGN KEY (organization_id) REFERENCES organizations
);
CREATE INDEX auto_top_ups_look ON auto_top_ups (look_at)
    WHERE enabled OR pending_checkout_id IS NOT NULL;

SELECT protect('auto_top_ups'::regclass);

GRANT SELECT, INSERT, UPDATE ON auto_top_ups TO billing_app, billing_engine;
