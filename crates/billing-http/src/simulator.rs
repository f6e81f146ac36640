//! The sandbox's own switch for its clock, met over HTTP as everything of it is.

use std::time::Duration;

use anyhow::Context;
use async_trait::async_trait;
use billing_app::ports::{GatewayError, SimulatedGateway};
use reqwest::{Client, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use time::OffsetDateTime;

/// It answers when all it had to tell is told: that may take a while.
const PATIENCE: Duration = Duration::from_secs(30);

/// A simulator at an address.
pub(crate) struct Simulator {
    client: Client,
    url: String,
}

impl Simulator {
    /// The one that listens there, if one does.
    pub(crate) fn at(url: &str) -> anyhow::Result<Self> {
        let client = Client::builder().timeout(PATIENCE).no_proxy().build();
        let url = format!("{}/sandbox/clock", url.trim_end_matches('/'));
        Ok(Self { client: client.context("cannot make the client for the sandbox")?, url })
    }

    /// Nothing where nobody listens, or somebody who has no such switch.
    async fn ask(&self, request: RequestBuilder) -> Result<Option<Value>, GatewayError> {
        let answer = match request.send().await {
            Err(error) if error.is_connect() => return Ok(None),
            answer => answer.map_err(|error| GatewayError::Unknown(error.into()))?,
        };
        match answer.status() {
            StatusCode::NOT_FOUND => Ok(None),
            status if status.is_success() => {
                let body = answer.json().await;
                body.map(Some).map_err(|error| GatewayError::Unreadable(error.into()))
            }
            status => Err(GatewayError::Unknown(anyhow::anyhow!("it answered {status}"))),
        }
    }
}

#[async_trait]
impl SimulatedGateway for Simulator {
    async fn next_due(&self) -> Result<Option<OffsetDateTime>, GatewayError> {
        let Some(stands) = self.ask(self.client.get(&self.url)).await? else { return Ok(None) };
        let seconds = stands.get("next_due_at").and_then(Value::as_i64);
        let instant = seconds.map(OffsetDateTime::from_unix_timestamp).transpose();
        instant.map_err(|error| GatewayError::Unreadable(error.into()))
    }

    async fn move_to(&self, instant: OffsetDateTime) -> Result<(), GatewayError> {
        let told = json!({ "to": instant.unix_timestamp() });
        let stands = self.ask(self.client.post(&self.url).json(&told)).await?;
        let untold = stands.as_ref().and_then(|it| it.get("undelivered")).and_then(Value::as_u64);
        if let Some(untold @ 1..) = untold {
            tracing::warn!(untold, "nobody receives the webhooks of the sandbox");
        }
        Ok(())
    }
}
