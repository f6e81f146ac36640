//! The sandbox as its callers meet it: over HTTP.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed"
)]

mod receiver;
mod scene;

mod api;
mod changes;
mod checkout;
mod clock;
mod coupons;
mod delivery;
mod faults;
mod hosted_pages;
mod idempotency;
mod journal;
mod off_session;
mod renewal;
mod shapes;
mod start;
mod subscription;
