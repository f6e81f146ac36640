//! Where webhooks may go, as far as an address says it.

use std::net::IpAddr;

use reqwest::Url;

use super::addresses::is_public;

/// Where webhooks may go.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TargetRules {
    /// The ports that they may go to.
    pub ports: Vec<u16>,
    /// Whether they may go to this machine, over `http` too and to any port: for development.
    pub this_machine: bool,
}

impl Default for TargetRules {
    fn default() -> Self {
        Self { ports: vec![443, 8443], this_machine: false }
    }
}

/// An address that webhooks may go to, as far as it says it.
pub(super) struct Target {
    pub(super) url: Url,
    address: Option<IpAddr>,
}

impl Target {
    /// The name to be looked up; nothing where the host is an address.
    pub(super) fn name(&self) -> Option<&str> {
        if self.address.is_some() { None } else { self.url.host_str() }
    }
}

impl TargetRules {
    /// Reads an address; why it is none of those, in words for whoever typed it in.
    pub(super) fn target(&self, url: &str) -> Result<Target, String> {
        let url = Url::parse(url).map_err(|error| format!("is not a URL: {error}"))?;
        let host = url.host_str().unwrap_or_default();
        let address = host.trim_start_matches('[').trim_end_matches(']').parse().ok();
        if !url.username().is_empty() || url.password().is_some() {
            return Err("must not have a user or a password".to_owned());
        }
        let scheme = url.scheme();
        let own = self.is_own(host) && matches!(scheme, "http" | "https");
        if own {
            return Ok(Target { url, address });
        }
        if scheme != "https" || host.is_empty() {
            return Err("must begin with https://".to_owned());
        }
        if !url.port_or_known_default().is_some_and(|port| self.ports.contains(&port)) {
            let ports: Vec<_> = self.ports.iter().map(ToString::to_string).collect();
            return Err(format!("must have one of these ports: {}", ports.join(", ")));
        }
        if address.is_some_and(|it| !is_public(it)) {
            return Err("must be an address of the internet".to_owned());
        }
        Ok(Target { url, address })
    }

    /// Whether a host is this machine, where that is allowed.
    pub(super) fn is_own(&self, host: &str) -> bool {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let own = bare.parse().is_ok_and(|it: IpAddr| it.to_canonical().is_loopback());
        self.this_machine && (own || host == "localhost")
    }
}
