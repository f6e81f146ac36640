//! What a load asks of a server, and what the answers mean.

use anyhow::{Context, ensure};
use serde::Deserialize;
use serde_json::json;

use crate::http::{Request, Site};

/// A server under load, in the words of its own API.
pub(crate) trait Target: Send + Sync {
    /// Where it is.
    fn site(&self) -> &Site;
    /// What the cheapest consumption takes, in credits.
    fn price(&self) -> i64;

    /// Does nothing, behind everything that other requests pass.
    fn hello(&self) -> Request;
    /// Makes an organization; its answer has the id.
    fn register(&self, nth: usize) -> Request;
    /// Gives it credits.
    fn grant(&self, organization: &str, credits: i64) -> Request;
    /// Takes the price.
    fn consume(&self, organization: &str) -> Request;
    /// Asks whether it may use more.
    fn check(&self, organization: &str) -> Request;
    /// Asks for its balance.
    fn balance(&self, organization: &str) -> Request;

    /// The id in the answer to `register`.
    fn registered(&self, body: &[u8]) -> anyhow::Result<String>;
    /// What the answer to `consume` acknowledges, in credits.
    fn consumed(&self, body: &[u8]) -> anyhow::Result<i64>;
    /// The balance in the answer to `balance`; below zero where it is overdrawn.
    fn balance_in(&self, body: &[u8]) -> anyhow::Result<i64>;
}

/// Our own server.
pub(crate) struct Billing(Site);

#[derive(Deserialize)]
struct Registered {
    id: String,
}

#[derive(Deserialize)]
struct Consumed {
    cost: i64,
}

#[derive(Deserialize)]
struct Credits {
    balance: i64,
    overdrawn: i64,
}

impl Billing {
    /// The server at an address, asked with an administrator's key.
    pub(crate) fn new(url: &str, key: &str) -> anyhow::Result<Self> {
        let authority = url.strip_prefix("http://").context("--url must begin with http://")?;
        let authority = authority.trim_end_matches('/').to_owned();
        ensure!(!authority.contains('/'), "--url must end after host and port");
        Ok(Self(Site { authority, authorization: format!("Bearer {key}") }))
    }
}

impl Target for Billing {
    fn site(&self) -> &Site {
        &self.0
    }

    fn price(&self) -> i64 {
        1
    }

    fn hello(&self) -> Request {
        self.0.get("/api/hello")
    }

    fn register(&self, nth: usize) -> Request {
        self.0.post("/api/admin/organizations", &json!({ "name": format!("Load {nth}") }))
    }

    fn grant(&self, organization: &str, credits: i64) -> Request {
        let path = format!("/api/admin/organizations/{organization}/grants");
        self.0.post(&path, &json!({ "kind": "promotional", "amount": credits }))
    }

    fn consume(&self, organization: &str) -> Request {
        let body = json!({ "organization_id": organization, "event": "api_call_basic" });
        self.0.post("/api/billing/credits/consume", &body)
    }

    fn check(&self, organization: &str) -> Request {
        let path = "/api/billing/check-quota?meter=api_calls&organization_id=";
        self.0.get(&format!("{path}{organization}"))
    }

    fn balance(&self, organization: &str) -> Request {
        self.0.get(&format!("/api/billing/credits/{organization}"))
    }

    fn registered(&self, body: &[u8]) -> anyhow::Result<String> {
        Ok(serde_json::from_slice::<Registered>(body)?.id)
    }

    fn consumed(&self, body: &[u8]) -> anyhow::Result<i64> {
        Ok(serde_json::from_slice::<Consumed>(body)?.cost)
    }

    fn balance_in(&self, body: &[u8]) -> anyhow::Result<i64> {
        let Credits { balance, overdrawn } = serde_json::from_slice(body)?;
        Ok(balance - overdrawn)
    }
}
