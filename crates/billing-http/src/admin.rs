//! What administrators do.

pub(crate) mod api_keys;
pub(crate) mod bulk_grants;
pub(crate) mod credit_settings;
pub(crate) mod grants;
pub(crate) mod inbox;
pub(crate) mod inbox_actions;
pub(crate) mod inbox_metrics;
pub(crate) mod jobs;
pub(crate) mod organizations;
pub(crate) mod sandbox_clock;
pub(crate) mod trial_metrics;
pub(crate) mod usage_metrics;
