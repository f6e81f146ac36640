//! What the supervisor promises, tried on real processes: a keeper is started as the parent of
//! PostgreSQL and may be killed.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that meets the unexpected panics, and so do its helpers"
)]

mod crashes;
mod keeper;
mod life;
mod processes;
mod query;
mod shared;
mod sources;
