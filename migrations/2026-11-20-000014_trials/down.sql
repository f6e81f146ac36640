DROP TABLE renewals, trial_claims, trials;
DELETE FROM checkouts WHERE purpose = 'period';
ALTER TABLE checkouts
    DROP CONSTRAINT checkouts_purpose_check,
    DROP CONSTRAINT checkouts_purpose,
    DROP COLUMN subscription_id,
    DROP COLUMN period_start,
    DROP COLUMN period_end,
    ADD CONSTRAINT checkouts_purpose_check CHECK (purpose IN ('subscription', 'credits')),
    ADD CONSTRAINT checkouts_purpose CHECK (CASE purpose
        WHEN 'subscription' THEN plan_version_id IS NOT NULL AND price_id IS NOT NULL
        ELSE credit_product_id IS NOT NULL AND credits > 0 AND amount IS NOT NULL
            AND currency IS NOT NULL END);
ALTER TABLE subscriptions
    DROP CONSTRAINT subscriptions_billed_by,
    ALTER gateway SET NOT NULL,
    ALTER gateway_id SET NOT NULL;
