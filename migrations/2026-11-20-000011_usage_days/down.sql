DROP TABLE usage_checkpoint_values, usage_checkpoints, usage_archives, usage_day_values, usage_days,
    usage_rollups;
