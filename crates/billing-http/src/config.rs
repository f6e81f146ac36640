//! The configuration, from the environment: one struct per concern, every error names its variable.

use std::{env, net::SocketAddr, path::PathBuf, time::Duration};

use anyhow::{Context, bail, ensure};
use billing_domain::{invoice::Party, trial::TrialRules};
use billing_postgres::Mode;
use billing_stripe::StripeConfig;
use secrecy::SecretString;

/// All that the server can be told.
pub(crate) struct Config {
    /// Whether money is real.
    pub(crate) mode: Mode,
    /// Where the records are.
    pub(crate) database: DatabaseConfig,
    /// Where the API listens.
    pub(crate) listen: SocketAddr,
    /// Where payments go.
    pub(crate) gateway: GatewayConfig,
    /// Where files are kept: the embedded database, the sandbox's journal, the sandbox's key.
    pub(crate) data_dir: PathBuf,
    /// Whether the gateway computes tax.
    pub(crate) automatic_tax: bool,
    /// Where old months of use and old webhooks are archived; without it none is.
    pub(crate) archive_dir: Option<PathBuf>,
    /// Days that raw events of use and webhooks stay at least.
    pub(crate) kept_days: u16,
    /// How long trials are, and how much longer they may become.
    pub(crate) trials: TrialRules,
    /// Who sells, as it stands on invoices.
    pub(crate) seller: Party,
    /// How long the server says that it is not ready before it closes its door.
    pub(crate) notice: Duration,
    /// By which other schedulers run jobs.
    pub(crate) cron_secret: Option<SecretString>,
}

/// Where the records are.
#[derive(Clone)]
pub(crate) enum DatabaseConfig {
    /// In a database of the operator's.
    Url(String),
    /// In one of our own, with the binaries of a directory or the best ones found.
    Embedded(Option<PathBuf>),
}

/// Where payments go.
pub(crate) enum GatewayConfig {
    /// To a simulator that listens here.
    Sandbox(SocketAddr),
    /// To Stripe.
    Stripe(Box<StripeConfig>),
}

impl Config {
    /// Reads the environment. `sandbox` is what was asked for on the command line.
    pub(crate) fn from_env(sandbox: bool) -> anyhow::Result<Self> {
        let database = match text("DATABASE_URL")? {
            Some(url) => DatabaseConfig::Url(url),
            None => DatabaseConfig::Embedded(text("BILLING_PG_BIN")?.map(PathBuf::from)),
        };
        let stripe = stripe()?;
        let live = stripe.as_ref().is_some_and(StripeConfig::livemode);
        let embedded = matches!(database, DatabaseConfig::Embedded(_));
        if sandbox && live {
            bail!("STRIPE_SECRET_KEY is a live key: the sandbox refuses to run beside it");
        }
        if !live && !sandbox && !embedded {
            bail!(
                "nothing says that the money in DATABASE_URL is real: set STRIPE_SECRET_KEY to a \
                 live key, or ask for --sandbox"
            );
        }
        let gateway = match stripe {
            Some(stripe) => GatewayConfig::Stripe(Box::new(stripe)),
            None => GatewayConfig::Sandbox(address("BILLING_SANDBOX_LISTEN", "127.0.0.1:12111")?),
        };
        let data_dir = match text("BILLING_DATA_DIR")? {
            Some(path) => PathBuf::from(path),
            None => billing_embedded_postgres::default_base()?,
        };
        Ok(Self {
            mode: if live { Mode::Live } else { Mode::Sandbox },
            database,
            listen: address("BILLING_LISTEN", "127.0.0.1:8080")?,
            gateway,
            data_dir,
            automatic_tax: flag("BILLING_AUTOMATIC_TAX", true)?,
            archive_dir: text("BILLING_ARCHIVE_DIR")?.map(PathBuf::from),
            kept_days: kept_days("BILLING_KEPT_DAYS")?,
            trials: trials()?,
            seller: seller()?,
            notice: seconds("BILLING_STOP_NOTICE_SECONDS")?,
            cron_secret: cron_secret()?,
        })
    }
}

/// Without a country, no tax is computed by the table of rates.
fn seller() -> anyhow::Result<Party> {
    let country = text("BILLING_SELLER_COUNTRY")?;
    let country = country.map(|it| it.parse()).transpose();
    Ok(Party {
        name: text("BILLING_SELLER_NAME")?.unwrap_or_else(|| "Your product".to_owned()),
        email: text("BILLING_SELLER_EMAIL")?,
        // A variable of the environment is awkward to give several lines.
        address: text("BILLING_SELLER_ADDRESS")?.map(|it| it.replace("\\n", "\n")),
        country: country.context("BILLING_SELLER_COUNTRY is wrong")?,
        tax_id: text("BILLING_SELLER_TAX_ID")?,
    })
}

/// Stripe is on when its key is there.
fn stripe() -> anyhow::Result<Option<StripeConfig>> {
    let Some(key) = text("STRIPE_SECRET_KEY")? else { return Ok(None) };
    let secrets = text("STRIPE_WEBHOOK_SECRET")?
        .context("STRIPE_SECRET_KEY is set, so STRIPE_WEBHOOK_SECRET must be: the signing secret of the webhook endpoint (several, separated by commas, while it is rotated)")?;
    let secrets = secrets.split(',').map(|it| SecretString::from(it.trim())).collect();
    let mut config = StripeConfig::new(SecretString::from(key), secrets);
    if let Some(url) = text("STRIPE_BASE_URL")? {
        config.base_url = url;
    }
    Ok(Some(config))
}

/// Who guesses it can run every job.
fn cron_secret() -> anyhow::Result<Option<SecretString>> {
    const SHORTEST: usize = 16;
    let Some(secret) = text("CRON_SECRET")? else { return Ok(None) };
    if secret.trim().len() < SHORTEST {
        bail!("CRON_SECRET is too short: it must have at least {SHORTEST} characters");
    }
    Ok(Some(SecretString::from(secret.trim())))
}

fn text(name: &str) -> anyhow::Result<Option<String>> {
    match env::var(name) {
        Ok(value) if value.trim().is_empty() => Ok(None),
        Ok(value) => Ok(Some(value)),
        Err(env::VarError::NotPresent) => Ok(None),
        Err(env::VarError::NotUnicode(_)) => bail!("{name} is not text"),
    }
}

fn address(name: &str, default: &str) -> anyhow::Result<SocketAddr> {
    let value = text(name)?.unwrap_or_else(|| default.to_owned());
    value.parse().with_context(|| {
        format!("{name} is `{value}`; it must be an address and a port, such as {default}")
    })
}

fn trials() -> anyhow::Result<TrialRules> {
    let usual = TrialRules::default();
    let rules = TrialRules {
        days: number("BILLING_TRIAL_DAYS", usual.days)?,
        referral_days: number("BILLING_TRIAL_REFERRAL_DAYS", usual.referral_days)?,
        promotion_days: number("BILLING_TRIAL_PROMOTION_DAYS", usual.promotion_days)?,
        most_extensions: number("BILLING_TRIAL_MOST_EXTENSIONS", usual.most_extensions)?,
        most_extra_days: number("BILLING_TRIAL_MOST_EXTRA_DAYS", usual.most_extra_days)?,
    };
    ensure!(rules.days > 0, "BILLING_TRIAL_DAYS is 0; a trial has at least one day");
    Ok(rules)
}

fn number(name: &str, default: u16) -> anyhow::Result<u16> {
    let Some(value) = text(name)? else { return Ok(default) };
    value.parse().with_context(|| format!("{name} is `{value}`; it must be a number"))
}

fn seconds(name: &str) -> anyhow::Result<Duration> {
    let value = text(name)?.unwrap_or_else(|| "0".to_owned());
    let whole = value.parse::<u16>().map(u64::from).map(Duration::from_secs);
    whole.with_context(|| format!("{name} is `{value}`; it must be a number of seconds"))
}

/// Partitions are made again for the two months before this one, where events may still come late.
const LEAST_DAYS_KEPT: u16 = 62;

fn kept_days(name: &str) -> anyhow::Result<u16> {
    let value = text(name)?.unwrap_or_else(|| "90".to_owned());
    let days = value.parse().ok().filter(|days| *days >= LEAST_DAYS_KEPT);
    days.with_context(|| {
        format!("{name} is `{value}`; it must be a number of days, at least {LEAST_DAYS_KEPT}")
    })
}

fn flag(name: &str, default: bool) -> anyhow::Result<bool> {
    match text(name)?.as_deref() {
        None => Ok(default),
        Some("true") => Ok(true),
        Some("false") => Ok(false),
        Some(other) => bail!("{name} is `{other}`; it must be true or false"),
    }
}
