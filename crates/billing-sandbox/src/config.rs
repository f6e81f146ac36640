//! What a sandbox is started with.

use std::{net::SocketAddr, path::PathBuf, sync::Arc};

use anyhow::ensure;
use time::OffsetDateTime;
use uuid::Uuid;

/// Tells the time.
pub type Clock = Arc<dyn Fn() -> OffsetDateTime + Send + Sync>;

/// Gives a fresh identifier on every call.
///
/// The hosted pages are protected by nothing but their address, so outside tests the identifiers
/// must not be guessable.
pub type Ids = Arc<dyn Fn() -> Uuid + Send + Sync>;

/// What a sandbox is started with.
#[derive(Clone)]
pub struct Config {
    /// Where to listen: a loopback address, with port 0 for any free port.
    pub listen: SocketAddr,
    /// Where events go.
    pub webhook: WebhookTarget,
    /// The journal file; without one, state is gone when the sandbox stops.
    pub state: Option<PathBuf>,
    /// The time of billing: periods, trials, expiries, `created`. It may be moved forward.
    pub clock: Clock,
    /// The time of the world: webhook signatures carry it, and it is never moved.
    pub wall: Clock,
    /// Where object ids come from.
    pub ids: Ids,
    /// The only secret key accepted, for example `sk_test_sandbox`.
    pub api_key: String,
    /// Whom the buyer pays, as the hosted pages show it.
    pub merchant: String,
}

/// Where events go, and with which secret they are signed.
#[derive(Clone)]
pub struct WebhookTarget {
    /// An http address.
    pub url: String,
    /// The whole `whsec_…` text is the key.
    pub secret: String,
}

impl Config {
    /// Refuses what could reach beyond this machine or be mistaken for the real gateway.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        ensure!(
            self.listen.ip().is_loopback(),
            "the sandbox listens on loopback only, not on {}",
            self.listen
        );
        ensure!(!is_live(&self.api_key), "the sandbox refuses live keys");
        ensure!(!self.api_key.is_empty(), "the sandbox needs an API key");
        ensure!(
            self.webhook.url.starts_with("http://"),
            "the webhook address {:?} is not an http address",
            self.webhook.url
        );
        Ok(())
    }
}

/// Whether a key would move real money at the real gateway.
pub(crate) fn is_live(key: &str) -> bool {
    key.starts_with("sk_live") || key.starts_with("rk_live")
}
