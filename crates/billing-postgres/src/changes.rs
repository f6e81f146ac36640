//! Processes tell one another what they changed, by NOTIFY.
//!
//! One connection outside the pool listens and tells, and touches no table. What is told is
//! gathered first: a NOTIFY makes commits wait for one another, so it goes out a few times in a
//! second, and never in a transaction that changes something. LISTEN needs a connection of its own
//! at the server: behind a pooler that shares them nothing is heard, which only costs freshness.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use billing_app::{
    Error,
    ports::{Change, Changes, Heard},
};
use diesel::{dsl::sql, sql_types::Integer};
use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use futures_util::StreamExt;
use tokio::{
    sync::Notify,
    task::JoinSet,
    time::{Instant, sleep, sleep_until},
};

use self::payload::{payloads, read};
use crate::{
    Database,
    database::bounded,
    error::{failed, unreachable},
};

mod payload;

const CHANNEL: &str = "billing_changes";
/// How long what is told is gathered.
const GATHER: Duration = Duration::from_millis(100);
/// More than that at once is as if anything had changed.
const MOST_AT_ONCE: usize = 4096;
/// How long to wait before connecting again: at first, and at most.
const PAUSES: [Duration; 2] = [Duration::from_millis(250), Duration::from_secs(15)];

/// The way to the other processes on a database. It closes when it is dropped.
pub struct PostgresChanges {
    told: Arc<Pile>,
    heard: Arc<Pile>,
    _wire: JoinSet<()>,
}

impl PostgresChanges {
    /// Opens it on the current runtime.
    pub fn start(database: &Database) -> Self {
        let (told, heard) = (Arc::<Pile>::default(), Arc::<Pile>::default());
        let mut wire = JoinSet::new();
        wire.spawn(keep_open(database.clone(), told.clone(), heard.clone()));
        Self { told, heard, _wire: wire }
    }
}

#[async_trait]
impl Changes for PostgresChanges {
    fn tell(&self, change: Change) {
        self.told.add(Heard::Changes(BTreeSet::from([change])));
    }

    async fn heard(&self) -> Heard {
        loop {
            if let Some(heard) = self.heard.take() {
                return heard;
            }
            self.heard.something().await;
        }
    }
}

/// Changes that wait to be taken.
#[derive(Default)]
struct Pile {
    waiting: Mutex<Option<Heard>>,
    added: Notify,
}

impl Pile {
    fn add(&self, more: Heard) {
        let mut waiting = self.waiting();
        *waiting = Some(match (waiting.take(), more) {
            (Some(Heard::Changes(mut changes)), Heard::Changes(more)) => {
                changes.extend(more);
                if changes.len() > MOST_AT_ONCE {
                    Heard::Everything
                } else {
                    Heard::Changes(changes)
                }
            }
            (None, more) => more,
            (Some(Heard::Everything), _) | (_, Heard::Everything) => Heard::Everything,
        });
        drop(waiting);
        self.added.notify_one();
    }

    fn take(&self) -> Option<Heard> {
        self.waiting().take()
    }

    /// Waits until there is something to take.
    async fn something(&self) {
        while self.waiting().is_none() {
            self.added.notified().await;
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Option<Heard>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn keep_open(database: Database, told: Arc<Pile>, heard: Arc<Pile>) {
    let [at_first, at_most] = PAUSES;
    let mut pause = at_first;
    loop {
        match Wire::open(&database).await {
            Ok(mut wire) => {
                pause = at_first;
                // Who was not listening has missed what was told meanwhile.
                heard.add(Heard::Everything);
                let error = wire.carry(&told, &heard).await;
                tracing::warn!(error = error.in_full(), "the way to other processes broke");
            }
            Err(error) => {
                tracing::warn!(error = error.in_full(), "cannot open the way to other processes");
            }
        }
        sleep(pause).await;
        pause = at_most.min(pause * 2);
    }
}

/// A connection that listens.
struct Wire {
    connection: AsyncPgConnection,
    /// The process that serves it at the database, by which its own words are known.
    own: i32,
}

impl Wire {
    async fn open(database: &Database) -> Result<Self, Error> {
        bounded(async {
            let mut connection = database.own_connection().await.map_err(unreachable)?;
            connection.batch_execute(&format!("LISTEN {CHANNEL}")).await.map_err(failed)?;
            let own = sql::<Integer>("SELECT pg_backend_pid()").get_result(&mut connection).await;
            Ok(Self { own: own.map_err(failed)?, connection })
        })
        .await
    }

    /// Carries changes both ways until it breaks.
    async fn carry(&mut self, told: &Pile, heard: &Pile) -> Error {
        let mut next = Instant::now();
        loop {
            let gathered = async {
                told.something().await;
                sleep_until(next).await;
            };
            tokio::select! {
                told = hear(&mut self.connection) => match told {
                    Ok((by, _)) if by == self.own => {}
                    Ok((_, payload)) => heard.add(read(&payload)),
                    Err(error) => return error,
                },
                () = gathered => {
                    next = Instant::now() + GATHER;
                    let Some(changes) = told.take() else { continue };
                    if let Err(error) = self.send(&changes).await {
                        told.add(changes);
                        return error;
                    }
                }
            }
        }
    }

    async fn send(&mut self, changes: &Heard) -> Result<(), Error> {
        let notify = |payload: String| format!("NOTIFY {CHANNEL}, '{payload}';");
        let notifies: String = payloads(changes).into_iter().map(notify).collect();
        bounded(async { self.connection.batch_execute(&notifies).await.map_err(failed) }).await
    }
}

/// The next word, and whose it is.
async fn hear(connection: &mut AsyncPgConnection) -> Result<(i32, String), Error> {
    let mut notifications = std::pin::pin!(connection.notifications_stream());
    match notifications.next().await {
        Some(Ok(told)) => Ok((told.process_id, told.payload)),
        Some(Err(error)) => Err(failed(error)),
        None => Err(unreachable(anyhow::anyhow!("the connection has ended"))),
    }
}
