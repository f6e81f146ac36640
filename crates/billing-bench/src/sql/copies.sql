-- Empty tables like those of usage events and their keys, and files with rows of these.
DO $$
DECLARE
    original regclass;
    part record;
BEGIN
    FOREACH original IN ARRAY ARRAY['usage_events', 'usage_keys']::regclass[] LOOP
        EXECUTE format('CREATE TABLE bench.%1$s (LIKE %1$s INCLUDING ALL) PARTITION BY %2$s',
            original, pg_get_partkeydef(original));
        FOR part IN SELECT relname, pg_get_expr(relpartbound, oid) AS bound FROM pg_class
            JOIN pg_inherits ON inhrelid = oid WHERE inhparent = original LOOP
            EXECUTE format('CREATE TABLE bench.%I PARTITION OF bench.%s %s',
                part.relname, original, part.bound);
        END LOOP;
    END LOOP;
END $$;
COPY (SELECT * FROM usage_events LIMIT :rows) TO :'events' (FORMAT binary);
COPY (SELECT * FROM usage_keys WHERE recorded LIMIT :rows) TO :'keys' (FORMAT binary);
