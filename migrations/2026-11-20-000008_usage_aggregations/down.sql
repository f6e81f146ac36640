DROP INDEX usage_keys_decision, usage_keys_denied;
ALTER TABLE usage_keys DROP CONSTRAINT usage_keys_facts, DROP plan_version_id;
ALTER TABLE usage_keys ALTER overage SET NOT NULL, ALTER used SET NOT NULL, ALTER bonus SET NOT NULL;
ALTER TABLE usage_events ADD CONSTRAINT usage_events_quantity_check CHECK (quantity > 0);
DROP TABLE usage_values;
ALTER TABLE usage_counters DROP from_bonus, DROP warned, DROP latest_at;
ALTER TABLE features DROP CONSTRAINT features_limit_length, DROP limit_length,
    DROP CONSTRAINT features_limit_window_check,
    ADD CONSTRAINT features_limit_window_check
        CHECK (limit_window IN ('billing_period', 'calendar_month', 'lifetime'));
ALTER TABLE meters DROP CONSTRAINT meters_property, DROP aggregation, DROP property;
