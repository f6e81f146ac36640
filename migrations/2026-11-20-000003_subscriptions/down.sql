DROP TABLE payments, subscription_changes, subscriptions, checkouts;
