//! The configuration, from the environment: one struct per concern, every error names its variable.

use std::{env, net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use anyhow::{Context, bail, ensure};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use billing_clerk::Clerk;
use billing_domain::{
    collection::DunningRules, invoice::Party, organization::is_email, trial::TrialRules,
};
use billing_notify::{
    email::{InvalidSmtp, Smtp},
    webhooks::TargetRules,
};
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
    /// How money is tried again that did not come.
    pub(crate) dunning: DunningRules,
    /// Who sells, as it stands on invoices.
    pub(crate) seller: Party,
    /// How long the server says that it is not ready before it closes its door.
    pub(crate) notice: Duration,
    /// The mail server, and who we are to it.
    pub(crate) smtp: Option<Arc<Smtp>>,
    /// Who is written to when something needs a look.
    pub(crate) admin_emails: Vec<String>,
    /// Where customers look after their billing: emails lead there.
    pub(crate) billing_page: Option<String>,
    /// Clerk, if users and organizations arrive from there.
    pub(crate) clerk: Option<Arc<Clerk>>,
    /// Whether each user who arrives gets an organization of his own.
    pub(crate) personal_organizations: bool,
    /// Where webhooks may go.
    pub(crate) webhook_targets: TargetRules,
    /// The installation's own keys, of which secrets are made, the newest first.
    pub(crate) secret_keys: Vec<[u8; 32]>,
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
            dunning: dunning()?,
            seller: seller()?,
            notice: seconds("BILLING_STOP_NOTICE_SECONDS")?,
            smtp: smtp()?,
            admin_emails: admin_emails()?,
            billing_page: billing_page()?,
            clerk: clerk()?,
            personal_organizations: flag("CLERK_PERSONAL_ORGANIZATIONS", false)?,
            webhook_targets: webhook_targets(live)?,
            secret_keys: secret_keys("BILLING_SECRET_KEY")?,
            cron_secret: cron_secret()?,
        })
    }
}

/// This machine is for development: where money is real nothing is sent to it.
fn webhook_targets(live: bool) -> anyhow::Result<TargetRules> {
    let this_machine = flag("BILLING_WEBHOOKS_TO_THIS_MACHINE", false)?;
    ensure!(
        !(live && this_machine),
        "BILLING_WEBHOOKS_TO_THIS_MACHINE is for development; STRIPE_SECRET_KEY is a live key"
    );
    let Some(ports) = text("BILLING_WEBHOOK_PORTS")? else {
        return Ok(TargetRules { this_machine, ..TargetRules::default() });
    };
    let ports = ports.split(',').map(|it| it.trim().parse()).collect::<Result<_, _>>();
    let ports = ports.context("BILLING_WEBHOOK_PORTS must be ports, separated by commas")?;
    Ok(TargetRules { ports, this_machine })
}

/// Several while one is replaced by another, the newest first.
fn secret_keys(name: &str) -> anyhow::Result<Vec<[u8; 32]>> {
    let keys = text(name)?.unwrap_or_default();
    let keys = keys.split(',').map(str::trim).filter(|key| !key.is_empty());
    keys.map(|key| secret_key(key).with_context(|| format!("{name} must be 32 bytes in base64")))
        .collect()
}

/// A key of its text.
pub(crate) fn secret_key(text: &str) -> Option<[u8; 32]> {
    STANDARD.decode(text).ok()?.try_into().ok()
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

/// Emails are sent when there is a mail server.
fn smtp() -> anyhow::Result<Option<Arc<Smtp>>> {
    let Some(url) = text("SMTP_URL")? else { return Ok(None) };
    let from = text("EMAIL_FROM")?.context(
        "SMTP_URL is set, so EMAIL_FROM must be: whom emails are from, such as Billing <billing@example.com>",
    )?;
    Smtp::new(&url, &from).map(Arc::new).map(Some).map_err(|error| match error {
        InvalidSmtp::From(_) => anyhow::anyhow!("EMAIL_FROM is wrong: {error}"),
        InvalidSmtp::Url(_) | InvalidSmtp::InTheClear => {
            anyhow::anyhow!("SMTP_URL is wrong: {error}")
        }
    })
}

fn admin_emails() -> anyhow::Result<Vec<String>> {
    let all = text("ADMIN_EMAILS")?.unwrap_or_default();
    let all = all.split(',').map(str::trim).filter(|it| !it.is_empty());
    let mut checked = Vec::new();
    for email in all {
        ensure!(is_email(email), "ADMIN_EMAILS has `{email}` in it, which is no email address");
        checked.push(email.to_owned());
    }
    Ok(checked)
}

fn billing_page() -> anyhow::Result<Option<String>> {
    let Some(url) = text("BILLING_CUSTOMER_URL")? else { return Ok(None) };
    let url = url.trim();
    let wrong = "it must begin with https:// (or http://)";
    ensure!(
        url.starts_with("https://") || url.starts_with("http://"),
        "BILLING_CUSTOMER_URL is `{url}`; {wrong}"
    );
    Ok(Some(url.to_owned()))
}

/// Clerk is on when its signing secret is there.
fn clerk() -> anyhow::Result<Option<Arc<Clerk>>> {
    let Some(secrets) = text("CLERK_WEBHOOK_SECRET")? else { return Ok(None) };
    let secrets: Vec<_> = secrets.split(',').map(|it| SecretString::from(it.trim())).collect();
    let clerk = Clerk::new(&secrets).context("CLERK_WEBHOOK_SECRET is wrong")?;
    Ok(Some(Arc::new(clerk)))
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

/// No card network lets more pass.
const MOST_ATTEMPTS: u32 = 15;

fn dunning() -> anyhow::Result<DunningRules> {
    let usual = DunningRules::default();
    let most_attempts = number("BILLING_DUNNING_MOST_ATTEMPTS", 15)?.into();
    ensure!(
        (1..=MOST_ATTEMPTS).contains(&most_attempts),
        "BILLING_DUNNING_MOST_ATTEMPTS is {most_attempts}; it must be from 1 to {MOST_ATTEMPTS}"
    );
    let retry_days = numbers("BILLING_DUNNING_RETRY_DAYS", usual.retry_days)?;
    ensure!(
        retry_days.iter().all(|days| (1..=60).contains(days)),
        "BILLING_DUNNING_RETRY_DAYS are days from 1 to 60"
    );
    let technical_minutes = numbers("BILLING_DUNNING_TECHNICAL_MINUTES", usual.technical_minutes)?;
    Ok(DunningRules { retry_days, technical_minutes, most_attempts, ..usual })
}

/// Numbers above 0 in ascending order, separated by commas.
fn numbers(name: &str, default: Vec<u16>) -> anyhow::Result<Vec<u16>> {
    let Some(value) = text(name)? else { return Ok(default) };
    let numbers: Result<Vec<u16>, _> = value.split(',').map(|part| part.trim().parse()).collect();
    let ascending = numbers.ok().filter(|all| all.is_sorted_by(|a, b| a < b) && !all.contains(&0));
    ascending.with_context(|| {
        format!("{name} is `{value}`; it must be numbers in ascending order, such as 1,3,5,7")
    })
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
