-- The ledger in full: holds, refunds, transfers, what is taken back, settings, and what is told.

-- What changes with each draw stands together, so that little of a row goes into the log.
ALTER TABLE credit_accounts
    ADD held bigint NOT NULL DEFAULT 0 CHECK (held >= 0), -- of the overdraft too
    ADD pace_hour timestamptz NOT NULL DEFAULT 'epoch',
    ADD used_in_hour bigint NOT NULL DEFAULT 0,
    ADD used_in_day bigint NOT NULL DEFAULT 0,
    ADD used_before bigint[] NOT NULL DEFAULT '{0,0,0,0,0,0,0}', -- on the seven days before
    ADD low_balance bigint NOT NULL DEFAULT 1000 CHECK (low_balance >= 0),
    ADD low_percent smallint NOT NULL DEFAULT 10 CHECK (low_percent BETWEEN 0 AND 100),
    ADD draw_order text; -- null: the default

ALTER TABLE credit_grants
    ADD held bigint NOT NULL DEFAULT 0,
    ADD revoked bigint NOT NULL DEFAULT 0 CHECK (revoked BETWEEN 0 AND amount),
    ADD noticed smallint NOT NULL DEFAULT 0, -- days before the end at which it was last told
    ADD CONSTRAINT credit_grants_held CHECK (held BETWEEN 0 AND remaining);

-- Credits that are reserved, or were. What its rows in the ledger say, in one place.
CREATE TABLE credit_holds (
    organization_id uuid NOT NULL,
    hold_id uuid NOT NULL,
    event text NOT NULL,
    amount bigint NOT NULL CHECK (amount > 0),
    parts jsonb NOT NULL, -- [{"grant_id": …, "amount": 0, "held": …}]
    until timestamptz NOT NULL,
    open boolean NOT NULL,
    how text CHECK (how IN ('settled', 'released', 'timed_out')),
    settled bigint CHECK (settled BETWEEN 0 AND amount),
    seq bigint, -- the row that resolved it
    balance_after bigint,
    PRIMARY KEY (organization_id, hold_id),
    CONSTRAINT credit_holds_resolved CHECK (open = (how IS NULL) AND open = (settled IS NULL)
        AND open = (seq IS NULL) AND open = (balance_after IS NULL)),
    CONSTRAINT credit_holds_organization FOREIGN KEY (organization_id) REFERENCES organizations
) WITH (fillfactor = 70);
CREATE INDEX credit_holds_open ON credit_holds (organization_id, until) WHERE open;
SELECT protect('credit_holds');
GRANT SELECT, INSERT, UPDATE ON credit_holds TO billing_app, billing_engine;

ALTER TABLE credit_transactions
    ADD held_change bigint NOT NULL DEFAULT 0,
    ADD refers_to bigint, -- the row that is given back
    ADD detail jsonb,     -- what else explains the row: until when, to whom, which settings
    DROP CONSTRAINT credit_transactions_kind_check,
    DROP CONSTRAINT credit_transactions_origin_check,
    DROP CONSTRAINT credit_transactions_origin,
    ADD CONSTRAINT credit_transactions_kind CHECK (kind IN ('earned', 'purchased', 'consumed',
        'expired', 'refunded', 'transferred', 'adjusted', 'held', 'released')) NOT VALID,
    ADD CONSTRAINT credit_transactions_origin CHECK (CASE
        WHEN origin = 'consume' THEN decision_id IS NOT NULL AND key IS NOT NULL
            AND event IS NOT NULL AND quantity > 0 AND unit_cost >= 0
            AND amount = -quantity * unit_cost
        WHEN origin = 'hold' THEN decision_id IS NOT NULL AND key IS NOT NULL
            AND event IS NOT NULL AND detail IS NOT NULL AND amount = 0 AND held_change > 0
        WHEN origin = 'settle' THEN decision_id IS NOT NULL AND event IS NOT NULL
            AND amount < 0 AND held_change < 0
        WHEN origin IN ('release', 'time_out') THEN decision_id IS NOT NULL AND amount = 0
            AND held_change < 0
        WHEN origin = 'refund' THEN decision_id IS NOT NULL AND key IS NOT NULL
            AND refers_to < seq AND amount > 0
        WHEN origin = 'transfer' THEN decision_id IS NOT NULL AND key IS NOT NULL
            AND detail IS NOT NULL AND amount < 0
        WHEN origin = 'settings' THEN detail IS NOT NULL AND amount = 0
        ELSE origin IN ('grant', 'expiry', 'revoke') AND source_kind IS NOT NULL
            AND source_id IS NOT NULL END) NOT VALID;
ALTER TABLE credit_transactions VALIDATE CONSTRAINT credit_transactions_kind;
ALTER TABLE credit_transactions VALIDATE CONSTRAINT credit_transactions_origin;
CREATE INDEX credit_transactions_refunds ON credit_transactions (organization_id, refers_to)
    WHERE refers_to IS NOT NULL;
CREATE INDEX credit_transactions_settings ON credit_transactions (organization_id, seq)
    WHERE origin = 'settings';
-- Decisions are looked up by people, and made thousands of times a second: their ids grow with
-- time, so a summary of each stretch of the table finds them at next to no cost.
CREATE INDEX credit_transactions_decision ON credit_transactions USING brin (decision_id)
    WITH (pages_per_range = 32, autosummarize = on);

-- A denial names the row after which it was decided.
ALTER TABLE credit_keys
    DROP CONSTRAINT credit_keys_check,
    DROP CONSTRAINT credit_keys_operation_check,
    ADD CONSTRAINT credit_keys_operation
        CHECK (operation IN ('consume', 'hold', 'refund', 'transfer'));
CREATE INDEX credit_keys_decision ON credit_keys USING brin (decision_id)
    WITH (pages_per_range = 32, autosummarize = on);
CREATE INDEX credit_keys_denials ON credit_keys (organization_id, decided_at)
    WHERE available IS NOT NULL;
