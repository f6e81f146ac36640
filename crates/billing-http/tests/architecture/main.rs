//! The shape of the workspace: who knows whom, who keeps which library, how files are cut.
//!
//! The tables are exact in both directions: what is new is noticed, and so is what is gone.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed, and so do its helpers"
)]

mod crates;
mod sources;
mod workspace;
