//! The real routes over the fakes: status and body, as a caller sees them.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed, and so do its helpers"
)]

mod access;
mod admin;
mod auto_top_up;
mod bad_input;
mod bulk_grants;
mod catalogue;
mod client;
mod credit_products;
mod credit_settings;
mod credits;
mod decisions;
mod discounts;
mod docs;
mod dunning;
mod emails;
mod engine_year;
mod errors;
mod frame;
mod health;
mod holds;
mod idempotency;
mod identities;
mod inbox;
mod invoices;
mod jobs;
mod log;
mod metered;
mod money;
mod openapi;
mod reconciliation;
mod refunds;
mod sandbox_clock;
mod server;
mod subscription_changes;
mod subscriptions;
mod transfers;
mod trials;
mod usage;
mod usage_analytics;
mod usage_batch;
mod webhook_endpoints;
mod webhooks;
mod world;
