//! The way in: a pool of connections to one database.

use std::time::Duration;

use anyhow::Context;
use billing_app::Error;
use deadpool::Runtime;
use diesel_async::{
    AsyncConnection, AsyncPgConnection, SimpleAsyncConnection,
    pooled_connection::{
        AsyncDieselConnectionManager, ManagerConfig, RecyclingMethod,
        deadpool::{Object, Pool},
    },
};
use futures_util::FutureExt;

use crate::error::unreachable;

/// All of billing's records, in one database. Cheap to clone.
#[derive(Clone)]
pub struct Database {
    pool: Pool<AsyncPgConnection>,
    url: String,
    wait: Duration,
}

/// How many connections, and how long to wait for one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PoolSettings {
    /// At most so many at once.
    pub connections: usize,
    /// How long a request waits for one before it is told to come back.
    pub wait: Duration,
}

impl Default for PoolSettings {
    fn default() -> Self {
        Self { connections: 16, wait: Duration::from_secs(2) }
    }
}

/// What every connection is bounded by: a lock that is not given, a statement that does not end,
/// a transaction that somebody forgot. Set once per connection, for all roles.
const BOUNDS: &str = "SET lock_timeout = '2s'; SET statement_timeout = '15s'; \
     SET idle_in_transaction_session_timeout = '30s'; SET client_min_messages = warning";

impl Database {
    /// A pool for a database; connections are made when they are needed.
    pub fn new(url: &str, settings: PoolSettings) -> anyhow::Result<Self> {
        let mut config = ManagerConfig::default();
        config.recycling_method = RecyclingMethod::Fast;
        config.custom_setup = Box::new(|url| connect(url).boxed());
        let manager = AsyncDieselConnectionManager::new_with_config(url, config);
        let pool = Pool::builder(manager)
            .max_size(settings.connections)
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(settings.wait))
            .create_timeout(Some(settings.wait))
            .build()
            .context("cannot build the connection pool")?;
        Ok(Self { pool, url: url.to_owned(), wait: settings.wait })
    }

    /// A connection from the pool; `Unavailable` when the database does not give one in time.
    pub(crate) async fn connection(&self) -> Result<Object<AsyncPgConnection>, Error> {
        self.pool.get().await.map_err(|error| unreachable(error.into()))
    }

    /// A connection beside the pool, for one who keeps it; `Unavailable` when there is none in time.
    pub(crate) async fn line(&self) -> Result<AsyncPgConnection, Error> {
        match tokio::time::timeout(self.wait, connect(&self.url)).await {
            Ok(connected) => connected.map_err(|error| unreachable(error.into())),
            Err(_) => Err(unreachable(anyhow::anyhow!("no connection within {:?}", self.wait))),
        }
    }

    /// A connection of its own, for what happens once at start.
    pub(crate) async fn own_connection(&self) -> anyhow::Result<AsyncPgConnection> {
        AsyncPgConnection::establish(&self.url).await.context("cannot connect to the database")
    }
}

/// How long anybody waits for an answer. The bounds above are kept by a server that runs; this one
/// also ends the waiting for one that is frozen.
const PATIENCE: Duration = Duration::from_secs(20);

/// Waits for an answer, but not for ever.
pub(crate) async fn bounded<T>(answer: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    match tokio::time::timeout(PATIENCE, answer).await {
        Ok(answer) => answer,
        Err(_) => Err(unreachable(anyhow::anyhow!("no answer within {PATIENCE:?}"))),
    }
}

/// Runs a task on a thread of its own, with the connections that it opens. They get their turn when
/// the task waits, so all that it has sent by then leaves in one write, and wakes PostgreSQL once.
pub(crate) fn on_own_thread(name: &str, task: impl Future<Output = ()> + Send + 'static) {
    let run = move || match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(task),
        Err(error) => tracing::error!(%error, "a thread has no runtime"),
    };
    let started = std::thread::Builder::new().name(name.to_owned()).spawn(run);
    if let Err(error) = started {
        tracing::error!(%error, name, "cannot start a thread");
    }
}

async fn connect(url: &str) -> diesel::ConnectionResult<AsyncPgConnection> {
    let mut connection = AsyncPgConnection::establish(url).await?;
    connection
        .batch_execute(BOUNDS)
        .await
        .map_err(diesel::ConnectionError::CouldntSetupConfiguration)?;
    Ok(connection)
}
