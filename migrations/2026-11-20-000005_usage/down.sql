DROP TABLE usage_keys, usage_events, usage_bonuses, usage_counters, usage_accounts;
