DROP TABLE payment_attempts, collections;
