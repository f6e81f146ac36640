-- How the amount of a price depends on the quantity of the subscription.
ALTER TABLE prices
    ADD model text NOT NULL DEFAULT 'per_seat' CHECK (model IN ('flat', 'per_seat'));

-- What is charged beside the amount, in the currency of the price and as often.
CREATE TABLE price_components (
    price_id uuid NOT NULL CONSTRAINT price_components_price REFERENCES prices,
    position integer NOT NULL,
    name text NOT NULL,
    charged text NOT NULL CHECK (charged IN ('seats', 'use', 'overage')),
    included integer CHECK (included >= 0), -- seats that the amount includes
    meter text CONSTRAINT price_components_meter REFERENCES meters DEFERRABLE INITIALLY DEFERRED,
    rate jsonb NOT NULL CHECK (rate ? 'model'),
    PRIMARY KEY (price_id, position),
    CONSTRAINT price_components_charged CHECK (
        (charged = 'seats') = (included IS NOT NULL) AND (charged = 'seats') = (meter IS NULL))
);
CREATE UNIQUE INDEX price_components_once ON price_components (price_id, coalesce(meter, ''));

GRANT SELECT ON price_components TO billing_app, billing_engine;
GRANT INSERT, UPDATE, DELETE ON price_components TO billing_engine;

-- How much use a line bills, so that what is counted later can be billed later, and once.
ALTER TABLE invoice_lines
    ADD used bigint CHECK (used >= 0),
    ADD CONSTRAINT invoice_lines_used CHECK ((bills = 'use') = (used IS NOT NULL));
CREATE INDEX invoice_lines_use ON invoice_lines (organization_id, subscription_id, window_end)
    WHERE bills = 'use';
