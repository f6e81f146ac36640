//! HTTP: the key, the idempotency key, limits, and sending again.

use reqwest::{
    Method, RequestBuilder, Response, Url,
    header::{ACCEPT, CONTENT_TYPE},
};
use secrecy::ExposeSecret as _;
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    client::Client,
    error::{Answer, Error},
    retry::{random, retry_after},
};

const ANSWER_BYTES_MAX: usize = 4 << 20;

/// What is sent, the same at every try.
pub(crate) struct Call<'a> {
    method: Method,
    path: String,
    query: &'a [(&'a str, &'a str)],
    body: Option<Vec<u8>>,
    idempotency_key: Option<String>,
}

impl<'a> Call<'a> {
    /// Reads what lies at a path.
    pub(crate) fn get(path: impl Into<String>, query: &'a [(&'a str, &'a str)]) -> Self {
        Self { method: Method::GET, path: path.into(), query, body: None, idempotency_key: None }
    }

    /// Does something that its body has an idempotency key for.
    pub(crate) fn post(path: impl Into<String>, body: &impl Serialize) -> Result<Self, Error> {
        let body = serde_json::to_vec(body)
            .map_err(|error| Error::Unexpected(format!("the request is no JSON: {error}")))?;
        let (method, path) = (Method::POST, path.into());
        Ok(Self { method, path, query: &[], body: Some(body), idempotency_key: None })
    }

    /// The same with an idempotency key in the header.
    pub(crate) fn once(self, idempotency_key: String) -> Self {
        Self { idempotency_key: Some(idempotency_key), ..self }
    }
}

impl Client {
    /// Sends it until there is an answer, or no retry is left.
    pub(crate) async fn call<T: DeserializeOwned>(&self, call: &Call<'_>) -> Result<T, Error> {
        let mut retries_done = 0;
        loop {
            let error = match self.attempt(call).await {
                Ok(answer) if (200..300).contains(&answer.status) => {
                    return serde_json::from_slice(&answer.body).map_err(|error| {
                        Error::Unexpected(format!("{} {}: {error}", call.method, call.path))
                    });
                }
                Ok(answer) => Error::of(&answer),
                Err(error) => error,
            };
            let Error::Unavailable { retry_after, .. } = &error else { return Err(error) };
            let Some(pause) = self.0.backoff.pause(retries_done, *retry_after, random()) else {
                return Err(error);
            };
            retries_done += 1;
            let (path, error) = (&call.path, error.to_string());
            tracing::warn!(path, retries_done, ?pause, error, "billing is asked again");
            tokio::time::sleep(pause).await;
        }
    }

    async fn attempt(&self, call: &Call<'_>) -> Result<Answer, Error> {
        let response = self.request(call)?.send().await.map_err(silent)?;
        let status = response.status().as_u16();
        let retry_after = retry_after(response.headers());
        Ok(Answer { status, retry_after, body: limited(response).await? })
    }

    fn request(&self, call: &Call<'_>) -> Result<RequestBuilder, Error> {
        let url = format!("{}{}", self.0.base_url, call.path);
        let url = if call.query.is_empty() {
            Url::parse(&url)
        } else {
            Url::parse_with_params(&url, call.query)
        };
        let url = url.map_err(|error| Error::Unexpected(format!("{}: {error}", call.path)))?;
        let mut request = self
            .0
            .http
            .request(call.method.clone(), url)
            .bearer_auth(self.0.api_key.expose_secret())
            .header(ACCEPT, "application/json");
        if let Some(body) = &call.body {
            request = request.header(CONTENT_TYPE, "application/json").body(body.clone());
        }
        Ok(match &call.idempotency_key {
            Some(key) => request.header("idempotency-key", quoted(key)),
            None => request,
        })
    }
}

/// As a structured-field string, which has room for every printable character.
fn quoted(key: &str) -> String {
    format!("\"{}\"", key.replace('\\', "\\\\").replace('"', "\\\""))
}

/// What the failure to get an answer is called. The URL is left out: it has ids in it.
fn silent(error: reqwest::Error) -> Error {
    let said = if error.is_timeout() {
        "no answer in time"
    } else if error.is_connect() {
        "no connection"
    } else if error.is_builder() {
        return Error::Unexpected(format!("the request cannot be sent: {}", error.without_url()));
    } else {
        "the connection broke"
    };
    Error::unavailable(said)
}

async fn limited(mut response: Response) -> Result<Vec<u8>, Error> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(silent)? {
        if body.len() + chunk.len() > ANSWER_BYTES_MAX {
            return Err(Error::Unexpected("the answer is too long".to_owned()));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn a_key_is_sent_as_it_is() {
        assert_eq!(quoted("order-1"), r#""order-1""#);
        assert_eq!(quoted(r#"a"b\c"#), r#""a\"b\\c""#);
    }
}
