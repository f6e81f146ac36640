//! A product's backend, in a few lines: what any language would do over HTTP.

use std::time::Duration;

use anyhow::{Context, bail, ensure};
use reqwest::{Client, RequestBuilder, StatusCode};
use serde_json::{Value, json};

/// How long the story waits for webhooks to have their effect.
const PATIENCE: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(50);

/// A backend that holds a key of the API, and a customer who sits at the hosted page.
pub(super) struct Backend {
    client: Client,
    api: String,
    sandbox: String,
    key: String,
}

/// An answer of the API.
pub(super) struct Answer {
    /// Its body.
    pub(super) body: Value,
}

impl Answer {
    /// The text at a place.
    pub(super) fn text(&self, place: &str) -> anyhow::Result<&str> {
        let found = self.body.pointer(place).and_then(Value::as_str);
        found.with_context(|| format!("no text at {place} in {}", self.body))
    }

    /// The number at a place.
    pub(super) fn number(&self, place: &str) -> anyhow::Result<i64> {
        let found = self.body.pointer(place).and_then(Value::as_i64);
        found.with_context(|| format!("no number at {place} in {}", self.body))
    }
}

impl Backend {
    pub(super) fn new(api: &str, sandbox: &str, key: &str) -> anyhow::Result<Self> {
        let client = Client::builder().timeout(Duration::from_secs(30)).build()?;
        Ok(Self { client, api: api.to_owned(), sandbox: sandbox.to_owned(), key: key.to_owned() })
    }

    /// Reads something.
    pub(super) async fn get(&self, path: &str) -> anyhow::Result<Answer> {
        self.send(self.client.get(format!("{}{path}", self.api)), None).await
    }

    /// Does something.
    pub(super) async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Answer> {
        self.send(self.client.post(format!("{}{path}", self.api)).json(body), None).await
    }

    /// Asks for something that must be denied with a status.
    pub(super) async fn post_denied(
        &self,
        path: &str,
        body: &Value,
        status: u16,
    ) -> anyhow::Result<Answer> {
        let status = StatusCode::from_u16(status)?;
        let request = self.client.post(format!("{}{path}", self.api)).json(body);
        self.send(request, Some(status)).await
    }

    /// Chooses an outcome on the hosted page.
    pub(super) async fn pay(&self, session: &str, outcome: &str) -> anyhow::Result<Answer> {
        let url = format!("{}/sandbox/checkout/{session}/complete", self.sandbox);
        self.send(self.client.post(url).json(&json!({ "outcome": outcome })), None).await
    }

    /// Reads something until it is as expected: webhooks take a moment.
    pub(super) async fn until(
        &self,
        path: &str,
        expected: impl Fn(&Value) -> bool,
    ) -> anyhow::Result<Answer> {
        let started = tokio::time::Instant::now();
        loop {
            let answer = self.get(path).await?;
            if expected(&answer.body) {
                return Ok(answer);
            }
            if started.elapsed() > PATIENCE {
                bail!("{path} did not become what was expected: {}", answer.body);
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn send(
        &self,
        request: RequestBuilder,
        expected: Option<StatusCode>,
    ) -> anyhow::Result<Answer> {
        let answer = request.bearer_auth(&self.key).send().await?;
        let (status, url) = (answer.status(), answer.url().clone());
        let body: Value = answer.json().await?;
        let good = expected.map_or(status.is_success(), |expected| status == expected);
        ensure!(good, "{url} answered {status}: {body}");
        Ok(Answer { body })
    }
}
