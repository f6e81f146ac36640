//! The real routes over the fakes: status and body, as a caller sees them.

mod access;
mod admin;
mod bad_input;
mod catalogue;
mod credits;
mod docs;
mod errors;
mod frame;
mod health;
mod idempotency;
mod money;
mod openapi;
mod server;
mod subscriptions;
mod usage;
mod webhooks;
mod world;
