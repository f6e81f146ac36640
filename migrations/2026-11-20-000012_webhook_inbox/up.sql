-- The queue: its front has those that may be chosen, in the order in which they are due, claimed ones
-- at the end of their lease. Who waits behind another of the same subject stands beside it, so that
-- choosing never costs more because many wait. What is done with is in neither index.
ALTER TABLE webhooks
    ADD COLUMN behind boolean NOT NULL DEFAULT false,
    ADD COLUMN headers jsonb NOT NULL DEFAULT '{}',
    ADD COLUMN alerted_at timestamptz,
    DROP CONSTRAINT webhooks_status_check,
    ADD CONSTRAINT webhooks_status_check CHECK (
        status IN ('received', 'processed', 'ignored', 'retrying', 'dead', 'discarded'));

DROP INDEX webhooks_due;
CREATE INDEX webhooks_front ON webhooks (next_attempt_at, webhook_id)
    WHERE next_attempt_at IS NOT NULL AND NOT behind;
CREATE INDEX webhooks_behind ON webhooks (gateway, subject, next_attempt_at, webhook_id)
    WHERE next_attempt_at IS NOT NULL AND behind;
CREATE INDEX webhooks_by_time ON webhooks USING brin (received_at);

-- Each try of a webhook that came to an end, or whose lease did.
CREATE TABLE webhook_attempts (
    webhook_id uuid NOT NULL
        CONSTRAINT webhook_attempts_webhook REFERENCES webhooks ON DELETE CASCADE,
    fence uuid NOT NULL,
    ended_at timestamptz NOT NULL,
    outcome text NOT NULL CHECK (outcome IN ('processed', 'ignored', 'failed', 'lapsed')),
    error text,
    duration_us bigint CHECK (duration_us >= 0), -- null: nobody saw its end
    PRIMARY KEY (webhook_id, fence)
);

-- What people did about webhooks.
CREATE TABLE webhook_actions (
    webhook_id uuid NOT NULL
        CONSTRAINT webhook_actions_webhook REFERENCES webhooks ON DELETE CASCADE,
    action_id uuid NOT NULL,
    at timestamptz NOT NULL,
    what text NOT NULL CHECK (what IN ('retry', 'discard')),
    actor text NOT NULL,
    reason text NOT NULL,
    PRIMARY KEY (webhook_id, action_id)
);

GRANT SELECT, INSERT ON webhook_attempts, webhook_actions TO billing_engine;
