-- Rows of the new kinds stay, and new ones are refused.
ALTER TABLE credit_transactions
    DROP CONSTRAINT credit_transactions_kind,
    DROP CONSTRAINT credit_transactions_origin,
    ADD CONSTRAINT credit_transactions_kind_check CHECK (kind IN ('earned', 'purchased',
        'consumed', 'expired', 'adjusted')) NOT VALID,
    ADD CONSTRAINT credit_transactions_origin_check
        CHECK (origin IN ('grant', 'expiry', 'consume')) NOT VALID,
    ADD CONSTRAINT credit_transactions_origin CHECK (CASE origin
        WHEN 'consume' THEN decision_id IS NOT NULL AND key IS NOT NULL AND event IS NOT NULL
            AND quantity > 0 AND unit_cost >= 0 AND amount = -quantity * unit_cost
        ELSE source_kind IS NOT NULL AND source_id IS NOT NULL END) NOT VALID,
    DROP held_change, DROP refers_to, DROP detail;
DROP INDEX credit_transactions_decision, credit_keys_decision, credit_keys_denials;
ALTER TABLE credit_keys
    DROP CONSTRAINT credit_keys_operation,
    ADD CONSTRAINT credit_keys_operation_check CHECK (operation = 'consume') NOT VALID;
DROP TABLE credit_holds;
ALTER TABLE credit_grants DROP CONSTRAINT credit_grants_held, DROP held, DROP revoked,
    DROP noticed;
ALTER TABLE credit_accounts DROP held, DROP pace_hour, DROP used_in_hour, DROP used_in_day,
    DROP used_before, DROP low_balance, DROP low_percent, DROP draw_order;
