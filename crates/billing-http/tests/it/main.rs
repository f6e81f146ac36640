//! The real routes over the fakes: status and body, as a caller sees them.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed, and so do its helpers"
)]

mod access;
mod admin;
mod bad_input;
mod catalogue;
mod credit_products;
mod credits;
mod docs;
mod errors;
mod frame;
mod health;
mod idempotency;
mod log;
mod money;
mod openapi;
mod server;
mod subscriptions;
mod usage;
mod webhooks;
mod world;
