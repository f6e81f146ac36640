//! The client and its guards against a server that plays the API.
//!
//! That the real API talks so is tested with its routes, in `billing-http`.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed, and so do its helpers"
)]

mod actix;
mod answers;
mod calls;
mod errors;
mod retries;
mod stage;
mod tower;
