//! The real binary, as a user runs it: over HTTP, over PostgreSQL, killed at any moment.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed, and so do the files that serve it"
)]

mod api;
mod archive;
mod database_gone;
mod demo;
mod dice;
mod dunning;
mod embedded;
mod folder;
mod gateway;
mod gateway_gone;
mod invariants;
mod kills;
mod lifecycle;
mod load;
mod many_servers;
mod oracle;
mod output;
mod postgres;
mod process;
mod reconciliation;
mod sandbox_clock;
#[expect(dead_code, reason = "a pool on it is for the tests that it was made for")]
#[path = "../../../billing-postgres/tests/it/scratch.rs"]
mod scratch;
mod sql;
mod start;
mod stop;
mod story;
mod top_up;
mod trial;
mod two_servers;
mod webhooks;
