-- Meters become numbers in more ways than sums.
ALTER TABLE meters
    ADD aggregation text NOT NULL DEFAULT 'sum'
        CHECK (aggregation IN ('count', 'sum', 'max', 'latest', 'unique')),
    ADD property text, -- whose distinct values are counted
    ADD CONSTRAINT meters_property CHECK ((aggregation = 'unique') = (property IS NOT NULL));

-- Windows may roll, and then have a length.
ALTER TABLE features
    DROP CONSTRAINT features_limit_window_check,
    ADD CONSTRAINT features_limit_window_check CHECK (limit_window IN (
        'billing_period', 'calendar_month', 'lifetime', 'rolling_hours', 'rolling_days')),
    ADD limit_length integer CHECK (limit_length > 0),
    ADD CONSTRAINT features_limit_length CHECK (
        coalesce(limit_window IN ('rolling_hours', 'rolling_days'), false)
        = (limit_length IS NOT NULL));

ALTER TABLE usage_counters
    ADD from_bonus bigint NOT NULL DEFAULT 0 CHECK (from_bonus >= 0), -- what bonuses bear of it
    ADD warned smallint NOT NULL DEFAULT 0, -- percent of the limit, told once
    ADD latest_at timestamptz; -- when the use was, where the latest counts

-- Distinct values that were seen, where those are counted.
CREATE TABLE usage_values (
    organization_id uuid NOT NULL,
    meter text NOT NULL,
    limit_window text NOT NULL,
    window_start timestamptz NOT NULL,
    value text NOT NULL,
    PRIMARY KEY (organization_id, meter, limit_window, window_start, value)
);
SELECT protect('usage_values');
GRANT SELECT, INSERT ON usage_values TO billing_app, billing_engine;
-- Counting anew from raw events may find values that are none.
GRANT DELETE ON usage_values TO billing_engine;

-- Signed: negative where something has ceased to exist, and nothing where nothing was left of it.
ALTER TABLE usage_events DROP CONSTRAINT usage_events_quantity_check;

-- What was only tracked was decided on nothing.
ALTER TABLE usage_keys
    ALTER overage DROP NOT NULL,
    ALTER used DROP NOT NULL,
    ALTER bonus DROP NOT NULL,
    ADD plan_version_id uuid,
    ADD CONSTRAINT usage_keys_facts CHECK (operation = 'track'
        OR overage IS NOT NULL AND used IS NOT NULL AND bonus IS NOT NULL);
CREATE INDEX usage_keys_denied ON usage_keys (organization_id, decided_at) WHERE NOT recorded;
-- A decision is found by its id: ids grow with time, so a few blocks are looked at.
CREATE INDEX usage_keys_decision ON usage_keys USING brin (event_id) WITH (autosummarize = on);
