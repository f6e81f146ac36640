//! The client and its settings.

use std::{sync::Arc, time::Duration};

use reqwest::{Url, header::HeaderValue, redirect};
use rustls::{ClientConfig, RootCertStore, crypto::CryptoProvider};
use rustls_platform_verifier::BuilderVerifierExt as _;
use secrecy::{ExposeSecret as _, SecretString};
use thiserror::Error;

use crate::retry::Backoff;

const TIMEOUT: Duration = Duration::from_secs(2);
const RETRIES: u32 = 2;
const BACKOFF: Duration = Duration::from_millis(100);
const IDLE_CONNECTIONS: usize = 32;

/// Talks to the billing API over connections that are kept. Cheap to clone; make one per process.
///
/// Every call may end in `Unauthenticated`, `Unavailable` and `Unexpected`; what else it may end in
/// stands with it. A call takes at most as long as its tries and the pauses between them; of the
/// tries one is a decision, whichever of them arrived, because they carry the same idempotency key.
#[derive(Clone, Debug)]
pub struct Client(pub(crate) Arc<Inner>);

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) http: reqwest::Client,
    pub(crate) base_url: String,
    pub(crate) api_key: SecretString,
    pub(crate) backoff: Backoff,
}

/// Settings of a client.
#[derive(Clone, Debug)]
#[must_use = "a client is made by `build`"]
pub struct ClientBuilder {
    base_url: String,
    api_key: SecretString,
    timeout: Duration,
    idle_connections: usize,
    backoff: Backoff,
}

/// Why there is no client.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The base URL is no `http://` or `https://` URL.
    #[error("the base URL of billing must be http:// or https://")]
    BaseUrl,
    /// The API key has characters that no key has.
    #[error("the API key of billing is empty, or has characters that no key has")]
    ApiKey,
    /// The system has no certificates that servers are checked against.
    #[error("TLS for billing")]
    Tls(#[from] rustls::Error),
    /// The HTTP client cannot be made.
    #[error("an HTTP client for billing")]
    Http(#[from] reqwest::Error),
}

impl Client {
    /// A client of the API at a URL (`https://billing.internal`), with a key (`bk_…`) that may
    /// write.
    ///
    /// # Errors
    ///
    /// See [`ClientBuilder::build`].
    pub fn new(
        base_url: impl Into<String>,
        api_key: impl Into<SecretString>,
    ) -> Result<Self, BuildError> {
        Self::builder(base_url, api_key).build()
    }

    /// The same with settings of your own.
    pub fn builder(base_url: impl Into<String>, api_key: impl Into<SecretString>) -> ClientBuilder {
        ClientBuilder {
            base_url: base_url.into(),
            api_key: api_key.into(),
            timeout: TIMEOUT,
            idle_connections: IDLE_CONNECTIONS,
            backoff: Backoff { retries: RETRIES, first: BACKOFF },
        }
    }
}

impl ClientBuilder {
    /// How long each try waits for its answer; 2 seconds by default.
    pub fn timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// How often a call is sent again when nobody knows what became of it; twice by default.
    pub fn retries(self, retries: u32) -> Self {
        Self { backoff: Backoff { retries, ..self.backoff }, ..self }
    }

    /// The pause before the first retry, up to a half less by chance; it doubles. 100 ms by
    /// default. Where the API asks for a longer one it gets it, up to 2 seconds.
    pub fn backoff(self, first: Duration) -> Self {
        Self { backoff: Backoff { first, ..self.backoff }, ..self }
    }

    /// How many connections are kept while nobody uses them; 32 by default.
    pub fn idle_connections(self, most: usize) -> Self {
        Self { idle_connections: most, ..self }
    }

    /// The client. It opens no connection yet.
    ///
    /// # Errors
    ///
    /// What is wrong with the settings, or with the certificates of the system.
    pub fn build(self) -> Result<Client, BuildError> {
        let url = Url::parse(&self.base_url).map_err(|_| BuildError::BaseUrl)?;
        if !matches!(url.scheme(), "http" | "https") || url.query().is_some() {
            return Err(BuildError::BaseUrl);
        }
        let api_key = self.api_key.expose_secret();
        if api_key.is_empty() || HeaderValue::from_str(api_key).is_err() {
            return Err(BuildError::ApiKey);
        }
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls(&url)?)
            .user_agent(concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION")))
            .timeout(self.timeout)
            .pool_max_idle_per_host(self.idle_connections)
            .redirect(redirect::Policy::none())
            .build()?;
        Ok(Client(Arc::new(Inner {
            http,
            base_url: self.base_url.trim_end_matches('/').to_owned(),
            api_key: self.api_key,
            backoff: self.backoff,
        })))
    }
}

/// TLS with the provider of the process, or ring where there is none: no caller has to install
/// one. Certificates of the system are read only where they are needed.
fn tls(url: &Url) -> Result<ClientConfig, rustls::Error> {
    let ring = || Arc::new(rustls::crypto::ring::default_provider());
    let provider = CryptoProvider::get_default().cloned().unwrap_or_else(ring);
    let config =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    if url.scheme() == "http" {
        return Ok(config.with_root_certificates(RootCertStore::empty()).with_no_client_auth());
    }
    let mut config = config.with_platform_verifier()?.with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}
