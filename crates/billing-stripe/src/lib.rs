#![doc = include_str!("../README.md")]

mod charges;
mod checkouts;
mod coupons;
mod customers;
mod declines;
mod documents;
mod portal;

mod changes;
mod invoices;
mod listings;
mod payments;
mod previews;
mod prices;
mod refunds;
mod subscriptions;

mod signature;
mod webhook;

mod client;
mod failure;
mod form;
mod money;
mod retry;
mod wire;

use std::time::Duration;

use anyhow::ensure;
use billing_app::ports::{
    Charges, Circuit, Coupons, CustomerAccounts, GatewayPayments, GatewaySubscriptions,
    HostedCheckouts, Listings, PaymentGateway, PortalSessions, Refunds, Webhooks,
};
use billing_domain::gateway::{Gateway, GatewayRef};
use secrecy::{ExposeSecret, SecretString};

use crate::{client::Client, signature::Signatures};

/// What is needed to talk to one Stripe account.
#[derive(Clone, Debug)]
pub struct StripeConfig {
    /// The secret or restricted key: `sk_…` or `rk_…`.
    pub secret_key: SecretString,
    /// The secrets of the webhook endpoint, `whsec_…`: any of them may sign, so that they can be
    /// rotated.
    pub webhook_secrets: Vec<SecretString>,
    /// Where Stripe is.
    pub base_url: String,
    /// How long a call may take, all tries together.
    pub timeout: Duration,
    /// How long to wait before the first retry; doubled for the next.
    pub retry_pause: Duration,
}

impl StripeConfig {
    /// The usual configuration of an account.
    pub fn new(secret_key: SecretString, webhook_secrets: Vec<SecretString>) -> Self {
        Self {
            secret_key,
            webhook_secrets,
            base_url: "https://api.stripe.com".to_owned(),
            timeout: Duration::from_secs(30),
            retry_pause: Duration::from_millis(500),
        }
    }

    /// Whether the key moves real money.
    pub fn livemode(&self) -> bool {
        let key = self.secret_key.expose_secret();
        key.starts_with("sk_live_") || key.starts_with("rk_live_")
    }

    fn check(&self) -> anyhow::Result<()> {
        let empty = |secret: &SecretString| secret.expose_secret().trim().is_empty();
        ensure!(!empty(&self.secret_key), "the secret key of Stripe is empty");
        ensure!(!self.webhook_secrets.is_empty(), "Stripe needs a webhook secret");
        ensure!(!self.webhook_secrets.iter().any(empty), "a webhook secret of Stripe is empty");
        let encrypted = self.base_url.starts_with("https://");
        ensure!(
            encrypted || self.base_url.starts_with("http://"),
            "the address of Stripe must begin with https:// or http://"
        );
        ensure!(encrypted || !self.livemode(), "a live key of Stripe is sent over https only");
        Ok(())
    }
}

/// Stripe.
pub struct Stripe {
    client: Client,
    signatures: Signatures,
    livemode: bool,
}

impl Stripe {
    /// Stripe, for one account. Nothing is sent yet; the process must have a TLS provider.
    pub fn new(config: StripeConfig) -> anyhow::Result<Self> {
        config.check()?;
        Ok(Self {
            signatures: Signatures::new(&config.webhook_secrets),
            livemode: config.livemode(),
            client: Client::new(config)?,
        })
    }
}

impl PaymentGateway for Stripe {
    fn gateway(&self) -> Gateway {
        Gateway::Stripe
    }

    fn circuit(&self) -> Circuit {
        Circuit::Closed
    }

    fn customers(&self) -> &dyn CustomerAccounts {
        self
    }

    fn checkouts(&self) -> &dyn HostedCheckouts {
        self
    }

    fn payments(&self) -> &dyn GatewayPayments {
        self
    }

    fn webhooks(&self) -> &dyn Webhooks {
        self
    }

    fn subscriptions(&self) -> Option<&dyn GatewaySubscriptions> {
        Some(self)
    }

    fn portal(&self) -> Option<&dyn PortalSessions> {
        Some(self)
    }

    fn refunds(&self) -> Option<&dyn Refunds> {
        Some(self)
    }

    fn coupons(&self) -> Option<&dyn Coupons> {
        Some(self)
    }

    fn charges(&self) -> Option<&dyn Charges> {
        Some(self)
    }

    fn listings(&self) -> Option<&dyn Listings> {
        Some(self)
    }
}

/// One of Stripe's ids.
fn reference(id: &str) -> GatewayRef {
    GatewayRef::new(Gateway::Stripe, id)
}
