DROP TABLE webhook_actions, webhook_attempts;
DROP INDEX webhooks_by_time, webhooks_behind, webhooks_front;
UPDATE webhooks SET status = 'dead', error = coalesce(error, 'discarded'), done_at = NULL
    WHERE status = 'discarded';
ALTER TABLE webhooks
    DROP CONSTRAINT webhooks_status_check,
    ADD CONSTRAINT webhooks_status_check CHECK (
        status IN ('received', 'processed', 'ignored', 'retrying', 'dead')),
    DROP COLUMN behind, DROP COLUMN headers, DROP COLUMN alerted_at;
CREATE INDEX webhooks_due ON webhooks (next_attempt_at) WHERE next_attempt_at IS NOT NULL;
