-- How far the raw events of an organization are rolled up into days: events are numbered without
-- gaps, in the order of their commits, so one number says it exactly.
CREATE TABLE usage_rollups (
    organization_id uuid PRIMARY KEY,
    rolled_seq bigint NOT NULL CHECK (rolled_seq >= 0),
    CONSTRAINT usage_rollups_organization FOREIGN KEY (organization_id) REFERENCES organizations
) WITH (fillfactor = 70);

-- What was used of a meter on a day (UTC), in the way of its meter.
CREATE TABLE usage_days (
    organization_id uuid NOT NULL,
    day date NOT NULL,
    meter text NOT NULL,
    used bigint NOT NULL, -- negative where more ceased to exist than began
    events bigint NOT NULL CHECK (events > 0),
    latest_at timestamptz NOT NULL,
    PRIMARY KEY (organization_id, day, meter)
) WITH (fillfactor = 70);
CREATE INDEX usage_days_of_all ON usage_days (day, meter);

-- Distinct values of a day, for as long as late events may bring one of them again.
CREATE TABLE usage_day_values (
    organization_id uuid NOT NULL,
    day date NOT NULL,
    meter text NOT NULL,
    value text NOT NULL,
    PRIMARY KEY (organization_id, day, meter, value)
);
CREATE INDEX usage_day_values_day ON usage_day_values USING brin (day);

-- Months of raw events that are in files, and no longer here.
CREATE TABLE usage_archives (
    month date PRIMARY KEY CHECK (month = date_trunc('month', month)),
    file text NOT NULL,
    events bigint NOT NULL CHECK (events >= 0),
    total bigint NOT NULL,
    archived_at timestamptz NOT NULL
);

-- What the events of a month come to in each counter. Rows of a month count once the month is
-- archived: before, they are written and nobody looks at them.
CREATE TABLE usage_checkpoints (
    organization_id uuid NOT NULL,
    month date NOT NULL,
    meter text NOT NULL,
    limit_window text NOT NULL,
    window_start timestamptz NOT NULL,
    events bigint NOT NULL CHECK (events > 0),
    total bigint NOT NULL,
    largest bigint NOT NULL,
    latest bigint NOT NULL,
    latest_at timestamptz NOT NULL,
    latest_seq bigint NOT NULL,
    PRIMARY KEY (organization_id, month, meter, limit_window, window_start)
);

-- The distinct values among them, where those are counted.
CREATE TABLE usage_checkpoint_values (
    organization_id uuid NOT NULL,
    month date NOT NULL,
    meter text NOT NULL,
    limit_window text NOT NULL,
    window_start timestamptz NOT NULL,
    value text NOT NULL,
    PRIMARY KEY (organization_id, month, meter, limit_window, window_start, value)
);

SELECT protect(owned) FROM unnest(ARRAY['usage_rollups', 'usage_days', 'usage_day_values',
    'usage_checkpoints', 'usage_checkpoint_values']::regclass[]) owned;

GRANT SELECT ON usage_rollups, usage_days TO billing_app;
GRANT SELECT, INSERT, UPDATE ON usage_rollups, usage_days TO billing_engine;
GRANT SELECT, INSERT, DELETE ON usage_day_values TO billing_engine;
GRANT SELECT, INSERT ON usage_archives, usage_checkpoint_values TO billing_engine;
GRANT SELECT, INSERT, UPDATE ON usage_checkpoints TO billing_engine;
