DROP TABLE delivery_attempts, deliveries, webhook_endpoints, event_subscribers;
REVOKE UPDATE (xid) ON outbox FROM billing_engine;
DROP INDEX outbox_by_time;
ALTER TABLE outbox DROP COLUMN xid;
