//! Group commit for receipts: many webhooks kept by one statement, acknowledged after its commit.
//!
//! Receipts queue at a writer, one for each shard of event ids. A writer takes what is there, and
//! keeps it in one flight. No timer: the queue fills while the batch before commits. Nothing is
//! read or locked but the event ids, so what waits to be processed costs a receipt nothing.

use std::{
    collections::HashSet,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    sync::Arc,
    time::Duration,
};

use billing_app::{Error, ports::NewWebhook};
use diesel_async::AsyncPgConnection;
use tokio::sync::{
    OwnedSemaphorePermit, Semaphore,
    mpsc::{self, error::TrySendError},
    oneshot,
};
use uuid::Uuid;

use super::kept::{keep, prepare};
use crate::{
    Database,
    database::{bounded, on_own_thread},
    error::{failed, unreachable},
};

/// More than that at once does not make a batch faster.
const MOST_AT_ONCE: usize = 512;
/// More than that waiting is a sign to come back later.
const MOST_WAITING: usize = 4096;
/// Of the bodies of all that wait, and of those in one transaction: most are a few thousand bytes,
/// and a few may be very large.
const MOST_BYTES_WAITING: usize = 64 << 20;
const MOST_BYTES_TOGETHER: usize = 8 << 20;
/// When to come back.
const COME_BACK: Duration = Duration::from_secs(1);
/// Writers of a process: while one waits for the disk, the other is sent the next batch.
const WRITERS: usize = 2;

/// A webhook that waits to be kept.
struct Receipt {
    webhook: NewWebhook,
    answer: oneshot::Sender<Result<bool, Error>>,
    /// Its bytes among those that wait.
    _place: OwnedSemaphorePermit,
}

/// The queues of the writers, which end when the last clone is dropped.
#[derive(Clone)]
pub(super) struct Receipts {
    queues: Arc<[mpsc::Sender<Receipt>]>,
    places: Arc<Semaphore>,
}

impl Receipts {
    /// Starts the writers, each on a thread of its own.
    pub(super) fn start(database: &Database) -> Self {
        let start = |_| {
            let (queue, receipts) = mpsc::channel(MOST_WAITING);
            on_own_thread("receipts", write(database.clone(), receipts));
            queue
        };
        let places = Arc::new(Semaphore::new(MOST_BYTES_WAITING));
        Self { queues: (0..WRITERS).map(start).collect(), places }
    }

    /// Keeps a webhook, and answers when it is durable: whether it is new.
    pub(super) async fn keep(&self, webhook: NewWebhook) -> Result<bool, Error> {
        let bytes = u32::try_from(webhook.body.len()).unwrap_or(u32::MAX);
        let place = self.places.clone().try_acquire_many_owned(bytes);
        let place = place.map_err(|_| full())?;
        let queue = self.queues.get(shard_of(&webhook.event_id, self.queues.len()));
        let queue = queue.ok_or_else(|| anyhow::anyhow!("the inbox has no writer"))?;
        let (answer, answered) = oneshot::channel();
        queue.try_send(Receipt { webhook, answer, _place: place }).map_err(
            |error| match error {
                TrySendError::Full(_) => full(),
                TrySendError::Closed(_) => unreachable(anyhow::anyhow!("the writer has ended")),
            },
        )?;
        bounded(async {
            answered.await.map_err(|_| unreachable(anyhow::anyhow!("the writer has died")))?
        })
        .await
    }
}

fn full() -> Error {
    let cause = anyhow::anyhow!("too many webhooks wait to be kept already");
    Error::Unavailable { what: "the inbox", retry_after: COME_BACK, cause }
}

/// Which writer keeps an event: always the same one, so that the same event, delivered often at
/// once, never waits for another transaction of this process.
fn shard_of(event_id: &str, shards: usize) -> usize {
    let mut hasher = DefaultHasher::new();
    event_id.hash(&mut hasher);
    let [.., last] = hasher.finish().to_be_bytes();
    usize::from(last) % shards.max(1)
}

async fn write(database: Database, mut receipts: mpsc::Receiver<Receipt>) {
    let mut line = Line { database, connection: None };
    let mut batch = Vec::with_capacity(MOST_AT_ONCE);
    while receipts.recv_many(&mut batch, MOST_AT_ONCE).await > 0 {
        // Nobody was told that these are kept, and nobody waits to be told: they come again.
        batch.retain(|receipt| !receipt.answer.is_closed());
        while !batch.is_empty() {
            let rest = batch.split_off(together(&batch));
            line.serve(std::mem::replace(&mut batch, rest), false).await;
        }
    }
}

/// How many of them go into one transaction: all, but for large ones.
fn together(batch: &[Receipt]) -> usize {
    let mut bytes = 0;
    let fits = |receipt: &&Receipt| {
        bytes += receipt.webhook.body.len();
        bytes <= MOST_BYTES_TOGETHER
    };
    batch.iter().take_while(fits).count().max(1)
}

/// A writer's way to the database: one connection, kept as long as it works.
struct Line {
    database: Database,
    connection: Option<AsyncPgConnection>,
}

impl Line {
    /// Keeps a batch, whatever it takes, and answers everybody.
    async fn serve(&mut self, mut batch: Vec<Receipt>, again: bool) {
        // Processes that are sent the same events take turns at each in the same order.
        batch.sort_unstable_by(|one, other| key(one).cmp(&key(other)));
        let mut tried = self.commit(&batch, again).await;
        if matches!(tried, Err(Error::Unavailable { .. })) {
            // The connection is lost, and with it perhaps the answer to a commit.
            tried = self.commit(&batch, true).await;
        }
        match tried {
            Ok(kept) => {
                for Receipt { webhook, answer, .. } in batch {
                    // Whoever does not wait any more asks again, and hears that it was kept before.
                    drop(answer.send(Ok(kept.contains(&webhook.id.0))));
                }
            }
            Err(error @ Error::Unavailable { .. }) => {
                tracing::warn!(error = error.in_full(), batch = batch.len(), "inbox is away");
                for receipt in batch {
                    drop(receipt.answer.send(Err(error.for_another())));
                }
            }
            Err(error) if batch.len() > 1 => {
                tracing::warn!(%error, batch = batch.len(), "receipts failed, each goes alone");
                for receipt in batch {
                    Box::pin(self.serve(vec![receipt], true)).await;
                }
            }
            Err(error) => {
                if let Some(receipt) = batch.into_iter().next() {
                    drop(receipt.answer.send(Err(error)));
                }
            }
        }
    }

    /// One transaction for a batch: which of it are kept. Whatever fails takes the connection with
    /// it.
    async fn commit(&mut self, batch: &[Receipt], again: bool) -> Result<HashSet<Uuid>, Error> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.connect().await?,
        };
        let webhooks: Vec<_> = batch.iter().map(|receipt| &receipt.webhook).collect();
        let keeping = async { keep(&connection, &webhooks, again).await.map_err(failed) };
        let kept = bounded(keeping).await?;
        self.connection = Some(connection);
        Ok(kept.into_iter().collect())
    }

    /// A connection on which the statement is prepared.
    async fn connect(&self) -> Result<AsyncPgConnection, Error> {
        let connection = self.database.line().await?;
        bounded(async { prepare(&connection).await.map_err(failed) }).await?;
        Ok(connection)
    }
}

fn key(receipt: &Receipt) -> (&'static str, &str) {
    (receipt.webhook.source.name(), &receipt.webhook.event_id)
}
