-- Consumes a credit as a careful program does without an engine: a round trip for each statement.
\set nth random(:first, :last)
BEGIN;
SET LOCAL ROLE billing_engine;
SELECT organization_id, last_seq, balance FROM credit_accounts
WHERE organization_id = bench.organization(0, :nth) FOR UPDATE \gset
SELECT grant_id, gen_random_uuid() AS decision, clock_timestamp() AS now_at FROM credit_grants
WHERE organization_id = :organization_id AND open AND started AND remaining > 0
ORDER BY expires_at, granted_at LIMIT 1 \gset
UPDATE credit_grants SET remaining = remaining - 1, open = remaining > 1
WHERE organization_id = :organization_id AND grant_id = :grant_id;
UPDATE credit_accounts
SET last_seq = :last_seq::bigint + 1, last_at = :now_at, balance = :balance::bigint - 1
WHERE organization_id = :organization_id;
INSERT INTO credit_transactions (organization_id, seq, at, kind, amount, balance_after,
    overdrawn_change, touched, origin, decision_id, key, event, quantity, unit_cost)
VALUES (:organization_id, :last_seq::bigint + 1, :now_at, 'consumed', -1, :balance::bigint - 1, 0,
    jsonb_build_array(jsonb_build_object('grant_id', :grant_id::text, 'amount', -1)),
    'consume', :decision::text::uuid, :decision::text, 'api_call_basic', 1, 1);
INSERT INTO credit_keys (key, organization_id, operation, decided_at, decision_id, event, quantity,
    required, seq)
VALUES (:decision::text, :organization_id, 'consume', :now_at, :decision::text::uuid,
    'api_call_basic', 1, 1, :last_seq::bigint + 1);
COMMIT;
