//! HTTP: the key, the version, the idempotency key, and limits on everything.

use std::time::Duration;

use anyhow::{Context as _, anyhow};
use billing_app::ports::GatewayError;
use reqwest::{
    Method, RequestBuilder, Response, StatusCode,
    header::{ACCEPT, CONTENT_TYPE, HeaderValue},
    redirect,
};
use secrecy::{ExposeSecret as _, SecretString};
use serde::de::DeserializeOwned;

use crate::{
    StripeConfig,
    failure::{complaint, failure, unknown, unreadable},
    form::Form,
    retry::{Again, Backoff, advice, random},
};

/// The version of the API that this crate is written for.
const VERSION: &str = "2026-10-28.endive";
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const ANSWER_BYTES_MAX: usize = 8 << 20;
const ID_BYTES_MAX: usize = 255;

/// Talks to Stripe.
pub(crate) struct Client {
    http: reqwest::Client,
    secret_key: SecretString,
    base_url: String,
    timeout: Duration,
    backoff: Backoff,
}

/// What came back, whatever it says.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) request_id: Option<String>,
    pub(crate) body: Vec<u8>,
    again: Again,
}

/// What is sent, the same at every try.
struct Call<'a> {
    method: Method,
    path: &'a str,
    form: &'a Form,
    idempotency_key: Option<&'a str>,
}

/// Whether a text can be an id of Stripe, and is harmless in a path.
pub(crate) fn is_id(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    !text.is_empty() && text.len() <= ID_BYTES_MAX && text.bytes().all(plain)
}

impl Client {
    pub(crate) fn new(config: StripeConfig) -> anyhow::Result<Self> {
        HeaderValue::from_str(config.secret_key.expose_secret())
            .map_err(|_| anyhow!("the secret key of Stripe has characters that no key has"))?;
        let http = reqwest::Client::builder()
            .user_agent(concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_TIMEOUT)
            .redirect(redirect::Policy::none())
            .build()
            .context("an HTTP client for Stripe")?;
        Ok(Self {
            http,
            secret_key: config.secret_key,
            base_url: config.base_url.trim_end_matches('/').to_owned(),
            timeout: config.timeout,
            backoff: Backoff { first: config.retry_pause },
        })
    }

    /// What lies at a path.
    pub(crate) async fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &Form,
    ) -> Result<T, GatewayError> {
        let call = Call { method: Method::GET, path, form: query, idempotency_key: None };
        read(&self.exchange(&call).await?)
    }

    /// One object of a collection; nothing when Stripe does not know it.
    pub(crate) async fn find<T: DeserializeOwned>(
        &self,
        collection: &str,
        id: &str,
        query: &Form,
    ) -> Result<Option<T>, GatewayError> {
        if !is_id(id) {
            return Ok(None);
        }
        let path = format!("{collection}/{id}");
        let call = Call { method: Method::GET, path: &path, form: query, idempotency_key: None };
        let answer = self.exchange(&call).await?;
        if answer.status == StatusCode::NOT_FOUND && complaint(&answer).is_some() {
            return Ok(None);
        }
        read(&answer).map(Some)
    }

    /// Does something, once for each key.
    pub(crate) async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        form: &Form,
        idempotency_key: &str,
    ) -> Result<T, GatewayError> {
        let idempotency_key = Some(idempotency_key);
        read(&self.exchange(&Call { method: Method::POST, path, form, idempotency_key }).await?)
    }

    /// Removes something. That needs no key: it is gone, however often it is asked.
    pub(crate) async fn delete<T: DeserializeOwned>(&self, path: &str) -> Result<T, GatewayError> {
        let form = &Form::new();
        let call = Call { method: Method::DELETE, path, form, idempotency_key: None };
        read(&self.exchange(&call).await?)
    }

    /// The same as `post`, where a refusal by the payer's bank is the answer: what it says is read by
    /// `refused`, as far as it can be.
    pub(crate) async fn post_to_bank<T: DeserializeOwned>(
        &self,
        path: &str,
        form: &Form,
        idempotency_key: &str,
        refused: impl FnOnce(&Answer) -> Option<T>,
    ) -> Result<T, GatewayError> {
        let idempotency_key = Some(idempotency_key);
        let call = Call { method: Method::POST, path, form, idempotency_key };
        let answer = self.exchange(&call).await?;
        if answer.status != StatusCode::PAYMENT_REQUIRED {
            return read(&answer);
        }
        refused(&answer).ok_or_else(|| unreadable(anyhow!("a refusal that names no payment")))
    }

    async fn exchange(&self, call: &Call<'_>) -> Result<Answer, GatewayError> {
        let answered = tokio::time::timeout(self.timeout, self.tries(call)).await;
        answered.unwrap_or_else(|_| {
            tracing::warn!(method = %call.method, path = call.path, "Stripe is silent");
            Err(unknown(anyhow!("Stripe did not answer within {:?}", self.timeout)))
        })
    }

    async fn tries(&self, call: &Call<'_>) -> Result<Answer, GatewayError> {
        let mut retries_done = 0;
        loop {
            let outcome = self.attempt(call).await;
            let again = match &outcome {
                Ok(answer) => answer.again,
                Err(_) => Again::Yes { not_before: Duration::ZERO },
            };
            let jitter = random().unwrap_or_default();
            let Some(pause) = self.backoff.pause(retries_done, again, jitter) else {
                return outcome.map_err(|error| unknown(error.context("no answer from Stripe")));
            };
            retries_done += 1;
            tracing::warn!(path = call.path, retries_done, ?pause, "Stripe is asked again");
            tokio::time::sleep(pause).await;
        }
    }

    async fn attempt(&self, call: &Call<'_>) -> anyhow::Result<Answer> {
        let response = self.request(call).send().await.map_err(reqwest::Error::without_url)?;
        let status = response.status();
        let again = advice(status, response.headers());
        let request_id = response.headers().get("request-id");
        let request_id = request_id.and_then(|id| id.to_str().ok()).map(ToOwned::to_owned);
        let (method, path) = (&call.method, call.path);
        tracing::debug!(%method, path, %status, request_id, "Stripe answers");
        Ok(Answer { status, request_id, body: limited(response).await?, again })
    }

    fn request(&self, call: &Call<'_>) -> RequestBuilder {
        let mut url = format!("{}{}", self.base_url, call.path);
        let query = call.method != Method::POST;
        if query && !call.form.as_str().is_empty() {
            url.push('?');
            url.push_str(call.form.as_str());
        }
        let mut request = self
            .http
            .request(call.method.clone(), url)
            .bearer_auth(self.secret_key.expose_secret())
            .header("stripe-version", VERSION)
            .header(ACCEPT, "application/json");
        if !query {
            request = request
                .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
                .body(call.form.as_str().to_owned());
        }
        match call.idempotency_key {
            Some(key) => request.header("idempotency-key", key),
            None => request,
        }
    }
}

async fn limited(mut response: Response) -> anyhow::Result<Vec<u8>> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(reqwest::Error::without_url)? {
        anyhow::ensure!(body.len() + chunk.len() <= ANSWER_BYTES_MAX, "the answer is too long");
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn read<T: DeserializeOwned>(answer: &Answer) -> Result<T, GatewayError> {
    if !answer.status.is_success() {
        return Err(failure(answer));
    }
    serde_json::from_slice(&answer.body)
        .with_context(|| format!("the answer to {}", answer.request_id.as_deref().unwrap_or("?")))
        .map_err(unreadable)
}
