DROP TABLE duplicate_subscriptions;
DROP TABLE change_requests;
ALTER TABLE subscriptions DROP COLUMN quantity;
