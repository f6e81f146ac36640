DROP TABLE credit_keys, credit_transactions, credit_grants, credit_accounts;
