//! The database: found, or started; brought up to date; checked.

use std::path::Path;

use anyhow::Context;
use billing_embedded_postgres::{EmbeddedPostgres, Event, Options, Source};
use billing_postgres::{Database, Mode, PoolSettings, create_database, create_login, grant_roles};

use crate::{config::DatabaseConfig, system};

/// The product's login and database in a cluster of our own.
const OWN: &str = "billing";
/// Where a cluster of our own is, in the data folder.
const FOLDER: &str = "postgres";

/// A database that is ready, and the server under it where that is ours.
pub(crate) struct Opened {
    /// The records.
    pub(crate) database: Database,
    /// What to tell people of where they are; no password in it.
    pub(crate) described: String,
    embedded: Option<EmbeddedPostgres>,
}

impl Opened {
    /// Opens the database of a configuration, in a mode that stays the same for ever.
    pub(crate) async fn open(
        config: &DatabaseConfig,
        data_dir: &Path,
        mode: Mode,
    ) -> anyhow::Result<Self> {
        let (url, described, embedded) = match config {
            DatabaseConfig::Url(url) => (url.clone(), "from DATABASE_URL".to_owned(), None),
            DatabaseConfig::Embedded(binaries) => {
                let own = start_own(data_dir, Source::from(binaries.clone())).await?;
                let described =
                    format!("PostgreSQL {}, data in {}", own.version(), own.data_dir().display());
                (own.url(OWN, OWN), described, Some(own))
            }
        };
        Self::prepare(&url, described, mode, embedded).await
    }

    /// Opens the database beside a server that has started it, or as `open` does.
    pub(crate) async fn join(
        config: &DatabaseConfig,
        data_dir: &Path,
        mode: Mode,
    ) -> anyhow::Result<Self> {
        let running = match config {
            DatabaseConfig::Url(_) => None,
            DatabaseConfig::Embedded(_) => {
                EmbeddedPostgres::running(&data_dir.join(FOLDER), OWN, OWN)
            }
        };
        match running {
            Some(url) => Self::prepare(&url, "of the running server".to_owned(), mode, None).await,
            None => Self::open(config, data_dir, mode).await,
        }
    }

    async fn prepare(
        url: &str,
        described: String,
        mode: Mode,
        embedded: Option<EmbeddedPostgres>,
    ) -> anyhow::Result<Self> {
        let database = Database::new(url, PoolSettings::default())?;
        grant_roles(&database).await.context("cannot prepare the roles")?;
        database.check_login(mode).await?;
        for migration in database.migrate().await? {
            tracing::info!(migration, "applied");
        }
        database.fix_mode(mode, system::now()).await?;
        database.ensure_partitions(system::now()).await?;
        database.settle_outbox().await?;
        Ok(Self { database, described, embedded })
    }

    /// Stops the server under it, where that is ours.
    pub(crate) async fn close(self) -> anyhow::Result<()> {
        let Self { database, described: _, embedded } = self;
        drop(database);
        match embedded {
            Some(own) => tokio::task::spawn_blocking(|| own.stop()).await?,
            None => Ok(()),
        }
    }
}

async fn start_own(data_dir: &Path, source: Source) -> anyhow::Result<EmbeddedPostgres> {
    let mut options = Options::new(data_dir.join(FOLDER));
    options.source = source;
    options.on_event = Box::new(|event| match event {
        Event::Ready { .. } => tracing::info!("{event}"),
        Event::Down { .. } => tracing::error!("{event}"),
    });
    let own = tokio::task::spawn_blocking(|| EmbeddedPostgres::start(options)).await??;
    let admin = own.url("postgres", "postgres");
    create_login(&admin, OWN).await.context("cannot prepare the embedded database")?;
    create_database(&admin, OWN, OWN, None).await?;
    Ok(own)
}
