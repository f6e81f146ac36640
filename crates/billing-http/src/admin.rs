//! What administrators do.

pub(crate) mod api_keys;
pub(crate) mod bulk_grants;
pub(crate) mod catalogue_changes;
pub(crate) mod credit_settings;
pub(crate) mod deliveries;
pub(crate) mod discounts;
pub(crate) mod emails;
pub(crate) mod failed_payments;
pub(crate) mod grants;
pub(crate) mod inbox;
pub(crate) mod inbox_actions;
pub(crate) mod inbox_metrics;
pub(crate) mod invoice_retries;
pub(crate) mod jobs;
pub(crate) mod mailbox;
pub(crate) mod members;
pub(crate) mod organizations;
pub(crate) mod payment_metrics;
pub(crate) mod reconciliations;
pub(crate) mod sandbox_clock;
pub(crate) mod trial_metrics;
pub(crate) mod usage_metrics;
pub(crate) mod webhook_endpoints;
