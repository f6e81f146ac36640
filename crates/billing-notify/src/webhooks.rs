//! Outgoing webhooks over HTTP.

mod addresses;
mod answer;
mod lookup;
mod signature;
mod target;

use std::{error::Error, sync::Arc, time::Duration};

use anyhow::Context as _;
use async_trait::async_trait;
use billing_app::ports::{NotSent, OutgoingWebhook, WebhookAnswer, WebhookSender};
use reqwest::{header::CONTENT_TYPE, redirect};

use self::lookup::{Forbidden, Guarded};
pub use self::{
    lookup::{Lookup, SystemLookup},
    target::TargetRules,
};

const TIMEOUT: Duration = Duration::from_secs(15);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Sends webhooks to wherever they may go.
pub struct HttpWebhooks {
    http: reqwest::Client,
    guard: Guarded,
}

impl HttpWebhooks {
    /// A sender by these rules. Nothing is sent yet; the process must have a TLS provider.
    pub fn new(rules: TargetRules, lookup: Arc<dyn Lookup>) -> anyhow::Result<Self> {
        let guard = Guarded::new(rules, lookup);
        let http = reqwest::Client::builder()
            .user_agent(concat!("billing-webhooks/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(TIMEOUT)
            .redirect(redirect::Policy::none())
            .no_proxy()
            .dns_resolver(Arc::new(guard.clone()))
            .build()
            .context("an HTTP client for webhooks")?;
        Ok(Self { http, guard })
    }
}

#[async_trait]
impl WebhookSender for HttpWebhooks {
    async fn check(&self, url: &str) -> Result<(), NotSent> {
        let target = self.guard.rules().target(url).map_err(NotSent::Forbidden)?;
        let Some(host) = target.name() else { return Ok(()) };
        match self.guard.addresses(host).await {
            Err(refused) if refused.is::<Forbidden>() => {
                Err(NotSent::Forbidden(refused.to_string()))
            }
            // A name that cannot be looked up now may be known tomorrow.
            Ok(_) | Err(_) => Ok(()),
        }
    }

    async fn send(&self, webhook: &OutgoingWebhook) -> Result<WebhookAnswer, NotSent> {
        let target = self.guard.rules().target(&webhook.url).map_err(NotSent::Forbidden)?;
        let request = self
            .http
            .post(target.url)
            .header(CONTENT_TYPE, "application/json")
            .header("webhook-id", &webhook.id)
            .header("webhook-timestamp", webhook.at.unix_timestamp())
            .header("webhook-signature", signature::header(webhook))
            .body(webhook.body.clone());
        match request.send().await {
            Ok(response) => Ok(answer::read(response, webhook.at).await),
            Err(error) => Err(not_sent(&error.without_url())),
        }
    }
}

/// Why nobody answered, in words that tell nothing of the network within.
fn not_sent(error: &reqwest::Error) -> NotSent {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(it) = cause {
        if let Some(refused) = it.downcast_ref::<Forbidden>() {
            return NotSent::Forbidden(refused.to_string());
        }
        cause = it.source();
    }
    let what = if error.is_timeout() {
        "it did not answer within 15 seconds"
    } else if error.is_connect() {
        "it could not be reached"
    } else {
        "the connection broke before it had answered"
    };
    NotSent::Failed(what.to_owned())
}
