-- What the SQL side has beside the product's tables.
CREATE SCHEMA bench;
GRANT USAGE ON SCHEMA bench TO billing_engine, billing;

-- The ids of organizations that no request has made.
CREATE FUNCTION bench.organization(family integer, nth bigint) RETURNS uuid
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN ('b' || family || '000000-0000-4000-8000-' || lpad(to_hex(nth), 12, '0'))::uuid;

-- Organizations with credits, and how they used them: one after the other in time, like a product
-- that has run for a while. The rows are those that the product writes.
CREATE PROCEDURE bench.fill(family integer, first bigint, last bigint, credits bigint, uses integer)
LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO organizations (organization_id, name, currency, created_at)
    SELECT bench.organization(family, nth), 'Filled ' || nth, 'USD', now() - interval '1 hour'
    FROM generate_series(first, last) nth;

    INSERT INTO usage_accounts (organization_id, last_seq)
    SELECT bench.organization(family, nth), 0 FROM generate_series(first, last) nth;

    INSERT INTO credit_accounts (organization_id, last_seq, last_at, balance, overdrawn, overdraft_limit)
    SELECT bench.organization(family, nth), uses + 1,
        now() - interval '1 hour' + uses * interval '1 second', credits - uses, 0, 0
    FROM generate_series(first, last) nth;

    INSERT INTO credit_grants (organization_id, grant_id, kind, amount, remaining, starts_at,
        source_kind, source_id, granted_at, started, open)
    SELECT id, id, 'promotional', credits, credits - uses, now() - interval '1 hour',
        'operator', id::text, now() - interval '1 hour', true, credits > uses
    FROM generate_series(first, last) nth, bench.organization(family, nth) id;

    INSERT INTO credit_transactions (organization_id, seq, at, kind, amount, balance_after,
        overdrawn_change, touched, origin, source_kind, source_id)
    SELECT id, 1, now() - interval '1 hour', 'earned', credits, credits, 0,
        jsonb_build_array(jsonb_build_object('grant_id', id, 'amount', credits)),
        'grant', 'operator', id::text
    FROM generate_series(first, last) nth, bench.organization(family, nth) id;

    FOR nth_use IN 1..uses LOOP
        WITH used AS MATERIALIZED (
            SELECT bench.organization(family, nth) AS id,
                ('c' || lpad(to_hex(nth_use), 7, '0') || '-0000-4000-8000-'
                    || lpad(to_hex(nth), 12, '0'))::uuid AS decision,
                now() - interval '1 hour' + nth_use * interval '1 second' AS at
            FROM generate_series(first, last) nth),
        decided AS (
            INSERT INTO credit_keys (key, organization_id, operation, decided_at, decision_id,
                event, quantity, required, seq)
            SELECT decision::text, id, 'consume', at, decision, 'api_call_basic', 1, 1, nth_use + 1
            FROM used)
        INSERT INTO credit_transactions (organization_id, seq, at, kind, amount, balance_after,
            overdrawn_change, touched, origin, decision_id, key, event, quantity, unit_cost)
        SELECT id, nth_use + 1, at, 'consumed', -1, credits - nth_use, 0,
            jsonb_build_array(jsonb_build_object('grant_id', id, 'amount', -1)),
            'consume', decision, decision::text, 'api_call_basic', 1, 1
        FROM used;
    END LOOP;
END $$;

-- What classic.sql does, in one call.
CREATE FUNCTION bench.consume(consumer uuid) RETURNS bigint LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    account credit_accounts;
    drawn uuid;
    decision uuid := gen_random_uuid();
    now_at timestamptz;
BEGIN
    SELECT * INTO STRICT account FROM credit_accounts
    WHERE organization_id = consumer FOR UPDATE;
    now_at := clock_timestamp();
    SELECT grant_id INTO STRICT drawn FROM credit_grants
    WHERE organization_id = consumer AND open AND started AND remaining > 0
    ORDER BY expires_at, granted_at LIMIT 1;
    UPDATE credit_grants SET remaining = remaining - 1, open = remaining > 1
    WHERE organization_id = consumer AND grant_id = drawn;
    UPDATE credit_accounts
    SET last_seq = account.last_seq + 1, last_at = now_at, balance = account.balance - 1
    WHERE organization_id = consumer;
    INSERT INTO credit_transactions (organization_id, seq, at, kind, amount, balance_after,
        overdrawn_change, touched, origin, decision_id, key, event, quantity, unit_cost)
    VALUES (consumer, account.last_seq + 1, now_at, 'consumed', -1, account.balance - 1, 0,
        jsonb_build_array(jsonb_build_object('grant_id', drawn, 'amount', -1)),
        'consume', decision, decision::text, 'api_call_basic', 1, 1);
    INSERT INTO credit_keys (key, organization_id, operation, decided_at, decision_id, event,
        quantity, required, seq)
    VALUES (decision::text, consumer, 'consume', now_at, decision, 'api_call_basic', 1, 1,
        account.last_seq + 1);
    RETURN account.balance - 1;
END $$;
ALTER FUNCTION bench.consume(uuid) OWNER TO billing_engine;
