-- Codes that make a plan cheaper. Their terms never change: who has one keeps it.
CREATE TABLE discounts (
    discount_id uuid PRIMARY KEY,
    code text NOT NULL CONSTRAINT discounts_code UNIQUE CHECK (code ~ '^[A-Z0-9_-]{3,40}$'),
    name text NOT NULL,
    percent smallint CHECK (percent BETWEEN 1 AND 100), -- null: an amount
    amount bigint CHECK (amount > 0),
    lasts text NOT NULL CHECK (lasts IN ('once', 'repeating', 'forever')),
    periods smallint CHECK (periods > 0),
    max_redemptions bigint CHECK (max_redemptions > 0),
    once_per_customer boolean NOT NULL,
    first_time_only boolean NOT NULL,
    minimum bigint CHECK (minimum > 0),
    currency text CHECK (currency ~ '^[A-Z]{3}$'), -- of the amount and the minimum
    plans text[] NOT NULL, -- none: all
    starts_at timestamptz,
    ends_at timestamptz CHECK (ends_at > starts_at),
    active boolean NOT NULL,
    -- How many of its uses are reserved or redeemed. Who wants one more holds the row.
    taken bigint NOT NULL CHECK (taken >= 0),
    created_at timestamptz NOT NULL,
    CONSTRAINT discounts_off CHECK ((percent IS NULL) = (amount IS NOT NULL)),
    CONSTRAINT discounts_currency
        CHECK ((currency IS NULL) = (amount IS NULL AND minimum IS NULL)),
    CONSTRAINT discounts_periods CHECK ((periods IS NOT NULL) = (lasts = 'repeating'))
);

-- Uses of a code: reserved when a checkout is opened, redeemed when it is paid, else released.
CREATE TABLE discount_redemptions (
    organization_id uuid NOT NULL,
    checkout_id uuid NOT NULL,
    discount_id uuid NOT NULL CONSTRAINT discount_redemptions_discount REFERENCES discounts,
    status text NOT NULL CHECK (status IN ('reserved', 'redeemed', 'released')),
    status_at timestamptz NOT NULL, -- reserved: until when
    created_at timestamptz NOT NULL,
    PRIMARY KEY (organization_id, checkout_id),
    CONSTRAINT discount_redemptions_checkout FOREIGN KEY (organization_id, checkout_id)
        REFERENCES checkouts
);
CREATE INDEX discount_redemptions_of ON discount_redemptions (organization_id, discount_id);
CREATE INDEX discount_redemptions_reserved ON discount_redemptions (status_at)
    WHERE status = 'reserved';

-- What people did to the catalogue. Append only.
CREATE TABLE catalogue_changes (
    change_id uuid PRIMARY KEY,
    at timestamptz NOT NULL,
    actor text NOT NULL,
    reason text NOT NULL,
    what text NOT NULL,
    lines text[] NOT NULL
);

SELECT protect('discount_redemptions');

GRANT SELECT ON discounts TO billing_app, billing_engine;
GRANT INSERT ON discounts TO billing_engine;
-- The terms of a discount are nobody's to change.
GRANT UPDATE (active, taken) ON discounts TO billing_app, billing_engine;
GRANT SELECT, INSERT, UPDATE ON discount_redemptions TO billing_app, billing_engine;
GRANT SELECT, INSERT ON catalogue_changes TO billing_engine;
