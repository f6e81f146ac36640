//! Names become addresses: only those come back that something may be sent to.

use std::{
    error::Error,
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use async_trait::async_trait;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::{TargetRules, addresses::is_public};

/// Looks names up.
#[async_trait]
pub trait Lookup: Send + Sync {
    /// The addresses of a name.
    async fn lookup(&self, host: &str) -> io::Result<Vec<IpAddr>>;
}

/// Looks names up as this machine does.
pub struct SystemLookup;

#[async_trait]
impl Lookup for SystemLookup {
    async fn lookup(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        let found = tokio::net::lookup_host((host, 0)).await?;
        Ok(found.map(|address| address.ip()).collect())
    }
}

/// A name leads to no address that something may be sent to.
#[derive(Debug)]
pub(super) struct Forbidden;

impl std::fmt::Display for Forbidden {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("leads to an address that is not on the internet")
    }
}

impl Error for Forbidden {}

/// The resolver of the connector: what it lets through is what is connected to.
#[derive(Clone)]
pub(super) struct Guarded {
    rules: Arc<TargetRules>,
    lookup: Arc<dyn Lookup>,
}

type AnyError = Box<dyn Error + Send + Sync>;

impl Guarded {
    pub(super) fn new(rules: TargetRules, lookup: Arc<dyn Lookup>) -> Self {
        Self { rules: Arc::new(rules), lookup }
    }

    pub(super) fn rules(&self) -> &TargetRules {
        &self.rules
    }

    /// The addresses of a name that something may be sent to: at least one.
    pub(super) async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, AnyError> {
        let own = self.rules.is_own(host);
        let allowed = |it: &IpAddr| is_public(*it) || own && it.to_canonical().is_loopback();
        let mut found = self.lookup.lookup(host).await?;
        found.retain(allowed);
        if found.is_empty() { Err(Forbidden.into()) } else { Ok(found) }
    }
}

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = self.clone();
        Box::pin(async move {
            let found = guard.addresses(name.as_str()).await?;
            let all = found.into_iter().map(|address| SocketAddr::new(address, 0));
            Ok(Box::new(all) as Addrs)
        })
    }
}
