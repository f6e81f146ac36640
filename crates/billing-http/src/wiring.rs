//! Adapters meet use cases: with `config` and `main`, the only file that names every adapter.

use std::sync::Arc;

use anyhow::Context;
use billing_app::{
    Billing, CircuitBreaker, Environment, MailPorts, Ports, Settings,
    ports::{
        ArchiveFolder, Clock, IdentityWebhooks, Ids as _, Mailbox, Mailer, MovableClock,
        PaymentGateway, SimulatedGateway,
    },
};
use billing_notify::{
    email::Writer,
    webhooks::{HttpWebhooks, SystemLookup},
};
use billing_postgres::{
    CreditWriters, Database, FactReaders, Mode, PostgresChanges, PostgresInbox, PostgresMailbox,
    SandboxClock, UsageWriters,
};
use billing_sandbox::{Running, WebhookTarget};
use billing_stripe::{Stripe, StripeConfig};
use secrecy::SecretString;

use crate::{
    archive_folder::Directory,
    config::{Config, GatewayConfig},
    database::Opened,
    secret_keys,
    simulator::Simulator,
    system::{self, RingSecrets, SystemClock, Uuids},
};

/// The only key that the sandbox accepts. It opens nothing real, and only on this machine.
const SANDBOX_KEY: &str = "sk_test_sandbox";

/// The records, opened, and how the use cases are set.
pub(crate) struct Wired {
    opened: Opened,
    settings: Settings,
    archive_folder: Option<Arc<dyn ArchiveFolder>>,
    changes: Arc<PostgresChanges>,
    webhook_sender: Arc<HttpWebhooks>,
    secrets: Arc<RingSecrets>,
    /// Only in a sandbox does the clock move.
    sandbox_clock: Option<Arc<SandboxClock>>,
    mail: MailPorts,
    identity: Vec<Arc<dyn IdentityWebhooks>>,
}

impl Wired {
    /// Opens the records of a configuration.
    pub(crate) async fn open(config: &Config) -> anyhow::Result<Self> {
        let opened = Opened::open(&config.database, &config.data_dir, config.mode).await?;
        Self::over(opened, config).await
    }

    /// Opens them beside a server that runs, or as `open` does: for commands of an operator.
    pub(crate) async fn join(config: &Config) -> anyhow::Result<Self> {
        let opened = Opened::join(&config.database, &config.data_dir, config.mode).await?;
        Self::over(opened, config).await
    }

    async fn over(opened: Opened, config: &Config) -> anyhow::Result<Self> {
        let settings = Settings {
            environment: match config.mode {
                Mode::Sandbox => Environment::Sandbox,
                Mode::Live => Environment::Live,
            },
            automatic_tax: config.automatic_tax,
            kept_days: config.kept_days.into(),
            trials: config.trials,
            dunning: config.dunning.clone(),
            seller: config.seller.clone(),
            admin_emails: config.admin_emails.clone(),
            billing_page: config.billing_page.clone(),
            personal_organizations: config.personal_organizations,
            ..Settings::default()
        };
        let archive_folder = config.archive_dir.clone().map(Directory);
        let archive_folder =
            archive_folder.map(|folder| Arc::new(folder) as Arc<dyn ArchiveFolder>);
        let changes = Arc::new(PostgresChanges::start(&opened.database));
        let sandbox_clock = match config.mode {
            Mode::Live => None,
            Mode::Sandbox => {
                let around = (Arc::new(SystemClock) as Arc<dyn Clock>, changes.clone() as _);
                let clock = SandboxClock::start(&opened.database, around, Uuids.next()).await;
                let clock = clock.context("cannot read how the clock of the sandbox stands")?;
                opened.database.ensure_partitions(clock.now()).await?;
                Some(Arc::new(clock))
            }
        };
        let mail = mail(config, &opened.database);
        let identity = config.clerk.clone().map(|clerk| clerk as Arc<dyn IdentityWebhooks>);
        let identity = identity.into_iter().collect();
        let targets = config.webhook_targets.clone();
        let webhook_sender = Arc::new(HttpWebhooks::new(targets, Arc::new(SystemLookup))?);
        let keys = secret_keys::of(config)?;
        let secrets = Arc::new(RingSecrets::with_keys(&keys));
        Ok(Self {
            opened,
            settings,
            archive_folder,
            changes,
            webhook_sender,
            secrets,
            sandbox_clock,
            mail,
            identity,
        })
    }

    /// The clocks: in a sandbox, the one that moves.
    pub(crate) fn clock(&self) -> Arc<dyn Clock> {
        match &self.sandbox_clock {
            Some(clock) => clock.clone(),
            None => Arc::new(SystemClock),
        }
    }

    /// Where the records are, for people.
    pub(crate) fn described(&self) -> &str {
        &self.opened.described
    }

    /// The records.
    pub(crate) fn database(&self) -> &Database {
        &self.opened.database
    }

    /// The use cases over the records and no gateway.
    pub(crate) fn billing(&self) -> Billing {
        self.billing_at(&Gateways::default())
    }

    /// The use cases over the records and these gateways.
    pub(crate) fn billing_at(&self, gateways: &Gateways) -> Billing {
        let records = Arc::new(self.opened.database.clone());
        let ports = Ports {
            store: records.clone(),
            credits: Arc::new(CreditWriters::start(&records)),
            usage: Arc::new(UsageWriters::start(&records)),
            inbox: Arc::new(PostgresInbox::start(&records)),
            outbox: records.clone(),
            deliveries: records.clone(),
            webhook_sender: self.webhook_sender.clone(),
            requests: records.clone(),
            catalogue: records.clone(),
            organizations: records.clone(),
            money: records.clone(),
            subscriptions: records.clone(),
            trials: records.clone(),
            collections: records.clone(),
            ledgers: records.clone(),
            usage_days: records.clone(),
            usage_archive: records.clone(),
            archive_folder: self.archive_folder.clone(),
            access: records.clone(),
            facts: Arc::new(FactReaders::start(&records)),
            changes: self.changes.clone(),
            mail: self.mail.clone(),
            identity: self.identity.clone(),
            members: records.clone(),
            reconciling: records.clone(),
            reconciliations: records.clone(),
            jobs: records.clone(),
            partitions: records.clone(),
            movable_clock: self.sandbox_clock.clone().map(|clock| clock as Arc<dyn MovableClock>),
            simulators: gateways.simulators.clone(),
            gateways: gateways.behind_breakers(&self.clock()),
            clock: self.clock(),
            ids: Arc::new(Uuids),
            secrets: self.secrets.clone(),
        };
        Billing::new(ports, self.settings.clone())
    }

    /// Lets the records go.
    pub(crate) async fn close(self) -> anyhow::Result<()> {
        if let Some(clock) = &self.sandbox_clock
            && let Err(error) = clock.stop().await
        {
            // Whoever moves the clock waits a little longer.
            tracing::warn!(error = error.in_full(), "cannot take leave of the clock");
        }
        drop((self.sandbox_clock, self.changes));
        self.opened.close().await
    }
}

/// Emails go to the mail server; without one a sandbox keeps them in a mailbox, and where money is
/// real they wait for one.
fn mail(config: &Config, database: &Database) -> MailPorts {
    let mailbox = match (&config.smtp, config.mode) {
        (None, Mode::Sandbox) => Some(Arc::new(PostgresMailbox::of(database))),
        (Some(_), _) | (None, Mode::Live) => None,
    };
    let kept = mailbox.clone().map(|mailbox| mailbox as Arc<dyn Mailer>);
    MailPorts {
        queue: Arc::new(database.clone()),
        letters: Arc::new(Writer),
        mailer: config.smtp.clone().map(|smtp| smtp as Arc<dyn Mailer>).or(kept),
        mailbox: mailbox.map(|mailbox| mailbox as Arc<dyn Mailbox>),
    }
}

/// The gateways that are switched on.
#[derive(Default)]
pub(crate) struct Gateways {
    /// As the use cases see them.
    pub(crate) adapters: Vec<Arc<dyn PaymentGateway>>,
    /// Those of them that go by our clock.
    pub(crate) simulators: Vec<Arc<dyn SimulatedGateway>>,
    /// The simulator, where this process runs one.
    pub(crate) sandbox: Option<Running>,
}

impl Gateways {
    /// Switches on the gateways of a configuration. A simulator sends its webhooks to `api`.
    pub(crate) async fn open(
        config: &Config,
        api: &str,
        clock: Arc<dyn Clock>,
    ) -> anyhow::Result<Self> {
        match &config.gateway {
            GatewayConfig::Stripe(stripe) => Self::at(StripeConfig::clone(stripe)),
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
                    clock: Arc::new(move || clock.now()),
                    wall: Arc::new(system::now),
                    ids: Arc::new(system::unguessable),
                    api_key: SANDBOX_KEY.to_owned(),
                    merchant: "Your product".to_owned(),
                })
                .await
                .context("cannot start the sandbox")?;
                let gateways = Self::at(simulated(&sandbox.url(), secret))?;
                Ok(Self { sandbox: Some(sandbox), ..gateways })
            }
        }
    }

    /// The gateways of a configuration beside a server that runs: a simulator is that server's.
    pub(crate) fn join(config: &Config) -> anyhow::Result<Self> {
        match &config.gateway {
            GatewayConfig::Stripe(stripe) => Self::at(StripeConfig::clone(stripe)),
            GatewayConfig::Sandbox(listen) => {
                // It does not sign for us: what it sends goes to the server that runs it.
                let unused = format!("whsec_{}", system::unguessable().simple());
                Self::at(simulated(&format!("http://{listen}"), unused))
            }
        }
    }

    /// As the use cases meet them: left alone for a while where they do not answer.
    fn behind_breakers(&self, clock: &Arc<dyn Clock>) -> Vec<Arc<dyn PaymentGateway>> {
        let adapters = self.adapters.iter().cloned();
        adapters.map(|it| Arc::new(CircuitBreaker::before(it, clock.clone())) as _).collect()
    }

    /// What answers without TLS is a simulator on this machine or beside it.
    fn at(stripe: StripeConfig) -> anyhow::Result<Self> {
        let simulators: Vec<Arc<dyn SimulatedGateway>> =
            if stripe.base_url.starts_with("http://") && !stripe.livemode() {
                vec![Arc::new(Simulator::at(&stripe.base_url)?)]
            } else {
                Vec::new()
            };
        Ok(Self { adapters: vec![Arc::new(Stripe::new(stripe)?)], simulators, sandbox: None })
    }
}

/// A simulator at an address, whose webhooks are signed with this secret.
fn simulated(url: &str, secret: String) -> StripeConfig {
    let key = SecretString::from(SANDBOX_KEY);
    let mut stripe = StripeConfig::new(key, vec![SecretString::from(secret)]);
    url.clone_into(&mut stripe.base_url);
    stripe
}
