//! Adapters meet use cases: with `config` and `main`, the only file that names every adapter.

use std::sync::Arc;

use anyhow::Context;
use billing_app::{Billing, Environment, Ports, Settings, ports::PaymentGateway};
use billing_postgres::{CreditWriters, FactReaders, Mode, PostgresChanges, UsageWriters};
use billing_sandbox::{Running, WebhookTarget};
use billing_stripe::{Stripe, StripeConfig};
use secrecy::SecretString;

use crate::{
    config::{Config, GatewayConfig},
    database::Opened,
    system::{self, RingSecrets, SystemClock, Uuids},
};

/// The only key that the sandbox accepts. It opens nothing real, and only on this machine.
const SANDBOX_KEY: &str = "sk_test_sandbox";

/// The records, opened, and how the use cases are set.
pub(crate) struct Wired {
    opened: Opened,
    settings: Settings,
}

impl Wired {
    /// Opens the records of a configuration.
    pub(crate) async fn open(config: &Config) -> anyhow::Result<Self> {
        let opened = Opened::open(&config.database, &config.data_dir, config.mode).await?;
        Ok(Self::over(opened, config))
    }

    /// Opens them beside a server that runs, or as `open` does: for commands of an operator.
    pub(crate) async fn join(config: &Config) -> anyhow::Result<Self> {
        let opened = Opened::join(&config.database, &config.data_dir, config.mode).await?;
        Ok(Self::over(opened, config))
    }

    fn over(opened: Opened, config: &Config) -> Self {
        let settings = Settings {
            environment: match config.mode {
                Mode::Sandbox => Environment::Sandbox,
                Mode::Live => Environment::Live,
            },
            automatic_tax: config.automatic_tax,
            ..Settings::default()
        };
        Self { opened, settings }
    }

    /// Where the records are, for people.
    pub(crate) fn described(&self) -> &str {
        &self.opened.described
    }

    /// The records.
    pub(crate) fn database(&self) -> &billing_postgres::Database {
        &self.opened.database
    }

    /// The use cases over the records and these gateways.
    pub(crate) fn billing(&self, gateways: Vec<Arc<dyn PaymentGateway>>) -> Billing {
        let records = Arc::new(self.opened.database.clone());
        let ports = Ports {
            store: records.clone(),
            credits: Arc::new(CreditWriters::start(&records)),
            usage: Arc::new(UsageWriters::start(&records)),
            inbox: records.clone(),
            requests: records.clone(),
            catalogue: records.clone(),
            organizations: records.clone(),
            money: records.clone(),
            ledgers: records.clone(),
            access: records.clone(),
            facts: Arc::new(FactReaders::start(&records)),
            changes: Arc::new(PostgresChanges::start(&records)),
            gateways,
            clock: Arc::new(SystemClock),
            ids: Arc::new(Uuids),
            secrets: Arc::new(RingSecrets::default()),
        };
        Billing::new(ports, self.settings)
    }

    /// Lets the records go.
    pub(crate) async fn close(self) -> anyhow::Result<()> {
        self.opened.close().await
    }
}

/// The gateways that are switched on.
pub(crate) struct Gateways {
    /// As the use cases see them.
    pub(crate) adapters: Vec<Arc<dyn PaymentGateway>>,
    /// The simulator, where one plays them.
    pub(crate) sandbox: Option<Running>,
}

impl Gateways {
    /// Switches on the gateways of a configuration. A simulator sends its webhooks to `api`.
    pub(crate) async fn open(config: &Config, api: &str) -> anyhow::Result<Self> {
        let (stripe, sandbox) = match &config.gateway {
            GatewayConfig::Stripe(stripe) => (StripeConfig::clone(stripe), None),
            GatewayConfig::Sandbox(listen) => {
                let secret = format!("whsec_{}", system::unguessable().simple());
                let folder = config.data_dir.join("sandbox");
                std::fs::create_dir_all(&folder)
                    .with_context(|| format!("cannot make {}", folder.display()))?;
                let sandbox = billing_sandbox::start(billing_sandbox::Config {
                    listen: *listen,
                    webhook: WebhookTarget {
                        url: format!("{api}/api/billing/webhook/stripe"),
                        secret: secret.clone(),
                    },
                    state: Some(folder.join("stripe.jsonl")),
                    clock: Arc::new(system::now),
                    wall: Arc::new(system::now),
                    ids: Arc::new(system::unguessable),
                    api_key: SANDBOX_KEY.to_owned(),
                    merchant: "Your product".to_owned(),
                })
                .await
                .context("cannot start the sandbox")?;
                let key = SecretString::from(SANDBOX_KEY);
                let mut stripe = StripeConfig::new(key, vec![SecretString::from(secret)]);
                stripe.base_url = sandbox.url();
                (stripe, Some(sandbox))
            }
        };
        Ok(Self { adapters: vec![Arc::new(Stripe::new(stripe)?)], sandbox })
    }
}
