//! Group commit: many commands of many organizations in one transaction, answered after it.
//!
//! Commands queue at a writer, one for each shard. A writer takes what is there, applies it through
//! the ledger's door in two flights (open, lock and read; write and commit), and answers each. No
//! timer: the queue fills while the batch before commits.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use billing_app::{Error, Missing};
use billing_domain::id::OrganizationId;
use diesel::QueryResult;
use diesel_async::{AsyncPgConnection, SimpleAsyncConnection, pooled_connection::deadpool::Object};
use time::OffsetDateTime;
use tokio::sync::{
    OwnedSemaphorePermit, Semaphore,
    mpsc::{self, error::TrySendError},
    oneshot,
};

use crate::{
    Database,
    database::bounded,
    error::{failed, unreachable, waited_for_a_lock},
};

/// More than that at once does not make a batch faster.
const MOST_AT_ONCE: usize = 512;
/// More than that waiting is a sign to come back later.
const MOST_WAITING: usize = 4096;
/// Of the commands that batches bring, so many may wait, and so many go into one transaction.
const MOST_IN_BATCHES: u32 = 100_000;
const MOST_TOGETHER: usize = 10_000;
/// When to come back.
const COME_BACK: Duration = Duration::from_secs(1);
/// Writers on one PostgreSQL: while one waits for the disk, the other computes.
const WRITERS: usize = 2;

/// What a transaction begins and ends with, where its statements fly together with them.
#[derive(Clone, Copy)]
pub(crate) struct Frame {
    /// Goes before the first statement.
    pub(crate) opening: &'static str,
    /// Goes after the last one.
    pub(crate) closing: &'static str,
}

/// A writer serves many organizations, so it runs as the engine. Its statements look up rows by
/// their keys, and are planned once, perhaps while a table is still empty: such a plan would read
/// all of a table that has grown since. The SELECT is refused where something failed before:
/// PostgreSQL would answer ROLLBACK to the COMMIT without an error.
const FRAME: Frame = Frame {
    opening: "BEGIN; SET LOCAL ROLE billing_engine; SET LOCAL enable_seqscan = off",
    closing: "SELECT; COMMIT",
};

/// A command, whose it is, and when it is decided.
pub(crate) struct Order<'a, C> {
    pub(crate) organization: OrganizationId,
    pub(crate) command: &'a C,
    pub(crate) now: OffsetDateTime,
    /// Whether it was sent before, and may have been committed.
    pub(crate) again: bool,
}

/// The accounts at hand, in the order in which they are locked.
pub(crate) type Accounts<D> = BTreeMap<OrganizationId, <D as Door>::Account>;

/// The one way into a ledger.
pub(crate) trait Door: Send + Sync + 'static {
    /// What one can ask.
    type Command: Send + Sync + 'static;
    /// What comes of it.
    type Outcome: Send + 'static;
    /// What decides.
    type Account: Send + 'static;

    /// Locks the accounts that the orders name, and reads what they will be decided on. Accounts
    /// that do not exist are left out. In a frame all of it is one flight behind its opening.
    fn load(
        connection: &AsyncPgConnection,
        orders: &[Order<'_, Self::Command>],
        frame: Option<Frame>,
    ) -> impl Future<Output = Result<Accounts<Self>, Error>> + Send
    where
        Self: Sized;

    /// Decides one command, by the domain alone.
    fn decide(
        account: &mut Self::Account,
        command: &Self::Command,
        now: OffsetDateTime,
    ) -> Self::Outcome;

    /// Writes what was decided, the last of it at `now`, in one flight; in a frame, with the commit
    /// at its end.
    fn record(
        connection: &AsyncPgConnection,
        accounts: &mut Accounts<Self>,
        now: OffsetDateTime,
        frame: Option<Frame>,
    ) -> impl Future<Output = Result<(), Error>> + Send
    where
        Self: Sized;

    /// Prepares every statement on a new connection, within an open transaction.
    fn prepare(connection: &AsyncPgConnection) -> impl Future<Output = QueryResult<()>> + Send;

    /// The outcome for the one who asked first: where a commit was unknown and the command was
    /// sent again, it is no replay.
    fn first_hand(command: &Self::Command, outcome: Self::Outcome) -> Self::Outcome;
}

/// Applies orders in their order, on a transaction that is open, or in a frame that opens and
/// commits one. An organization without an account answers nothing.
async fn apply<D: Door>(
    connection: &AsyncPgConnection,
    orders: &[Order<'_, D::Command>],
    frame: Option<Frame>,
) -> Result<Vec<Option<D::Outcome>>, Error> {
    let mut accounts = D::load(connection, orders, frame).await?;
    let decide = |order: &Order<'_, D::Command>| {
        let account = accounts.get_mut(&order.organization)?;
        Some(D::decide(account, order.command, order.now))
    };
    let outcomes = orders.iter().map(decide).collect();
    if let Some(now) = orders.iter().map(|order| order.now).max() {
        D::record(connection, &mut accounts, now, frame).await?;
    }
    Ok(outcomes)
}

/// Applies one command on a transaction that is open.
pub(crate) async fn apply_one<D: Door>(
    connection: &AsyncPgConnection,
    organization: OrganizationId,
    command: &D::Command,
    now: OffsetDateTime,
) -> Result<D::Outcome, Error> {
    let orders = [Order { organization, command, now, again: false }];
    let outcome = apply::<D>(connection, &orders, None).await?.into_iter().flatten().next();
    outcome.ok_or(Error::NotFound(Missing::Organization))
}

/// Commands of one organization, which go into one transaction.
struct Job<D: Door> {
    organization: OrganizationId,
    commands: Vec<D::Command>,
    now: OffsetDateTime,
    answer: oneshot::Sender<Result<Vec<D::Outcome>, Error>>,
    /// The place of a batch among those that wait.
    _place: Option<OwnedSemaphorePermit>,
}

/// The queues of a ledger's writers. The writers end when the last clone is dropped.
pub(crate) struct Writers<D: Door> {
    queues: Arc<[mpsc::Sender<Job<D>>]>,
    places: Arc<Semaphore>,
}

impl<D: Door> Clone for Writers<D> {
    fn clone(&self) -> Self {
        Self { queues: self.queues.clone(), places: self.places.clone() }
    }
}

impl<D: Door> Writers<D> {
    /// Starts the writers on the current runtime.
    pub(crate) fn start(database: &Database) -> Self {
        let start = |_| {
            let (queue, jobs) = mpsc::channel(MOST_WAITING);
            tokio::spawn(write(database.clone(), jobs));
            queue
        };
        let places = Arc::new(Semaphore::new(usize::try_from(MOST_IN_BATCHES).unwrap_or_default()));
        Self { queues: (0..WRITERS).map(start).collect(), places }
    }

    /// Queues a command and waits until it is durable. It is decided even if nobody waits.
    pub(crate) async fn apply(
        &self,
        organization: OrganizationId,
        command: D::Command,
        now: OffsetDateTime,
    ) -> Result<D::Outcome, Error> {
        let outcomes = self.send(organization, vec![command], now, None).await?;
        let outcome = outcomes.into_iter().next();
        outcome.ok_or_else(|| anyhow::anyhow!("the writer has lost an outcome").into())
    }

    /// Queues a batch, which goes into one transaction, and waits until it is durable.
    pub(crate) async fn apply_all(
        &self,
        organization: OrganizationId,
        commands: Vec<D::Command>,
        now: OffsetDateTime,
    ) -> Result<Vec<D::Outcome>, Error> {
        if commands.is_empty() {
            return Ok(Vec::new());
        }
        let weight = u32::try_from(commands.len()).unwrap_or(u32::MAX);
        let place = self.places.clone().try_acquire_many_owned(weight);
        let place = place.map_err(|_| full(MOST_IN_BATCHES))?;
        self.send(organization, commands, now, Some(place)).await
    }

    async fn send(
        &self,
        organization: OrganizationId,
        commands: Vec<D::Command>,
        now: OffsetDateTime,
        place: Option<OwnedSemaphorePermit>,
    ) -> Result<Vec<D::Outcome>, Error> {
        let (answer, answered) = oneshot::channel();
        let queue = self.queues.get(shard_of(organization, self.queues.len()));
        let queue = queue.ok_or_else(|| anyhow::anyhow!("the ledger has no writer"))?;
        let job = Job { organization, commands, now, answer, _place: place };
        queue.try_send(job).map_err(|error| match error {
            TrySendError::Full(_) => full(MOST_WAITING),
            TrySendError::Closed(_) => unreachable(anyhow::anyhow!("the writer has ended")),
        })?;
        bounded(async {
            answered.await.map_err(|_| unreachable(anyhow::anyhow!("the writer has died")))?
        })
        .await
    }
}

fn full(waiting: impl core::fmt::Display) -> Error {
    Error::Unavailable {
        what: "the ledger",
        retry_after: COME_BACK,
        cause: anyhow::anyhow!("{waiting} commands wait already"),
    }
}

/// Which writer serves an organization: always the same one, so that writers of one process never
/// wait for each other.
fn shard_of(organization: OrganizationId, shards: usize) -> usize {
    let [.., last] = organization.0.into_bytes();
    usize::from(last) % shards.max(1)
}

async fn write<D: Door>(database: Database, mut jobs: mpsc::Receiver<Job<D>>) {
    let mut line = Line { database, connection: None };
    let mut batch = Vec::with_capacity(MOST_AT_ONCE);
    while jobs.recv_many(&mut batch, MOST_AT_ONCE).await > 0 {
        while !batch.is_empty() {
            let together = together(&batch);
            let rest = batch.split_off(together);
            line.serve::<D>(std::mem::replace(&mut batch, rest), false).await;
        }
    }
}

/// How many of the jobs go into one transaction: all of them, but for large ones.
fn together<D: Door>(jobs: &[Job<D>]) -> usize {
    let mut commands = 0;
    let fits = |job: &&Job<D>| {
        commands += job.commands.len();
        commands <= MOST_TOGETHER
    };
    jobs.iter().take_while(fits).count().max(1)
}

/// A writer's way to the database: one connection, kept as long as it works.
struct Line {
    database: Database,
    connection: Option<Object<AsyncPgConnection>>,
}

impl Line {
    /// Applies a batch, whatever it takes, and answers everybody.
    async fn serve<D: Door>(&mut self, batch: Vec<Job<D>>, again: bool) {
        let mut tried = self.commit(&batch, again).await;
        let stuck = tried.as_ref().is_err_and(waited_for_a_lock);
        if matches!(tried, Err(Error::Unavailable { .. })) && !stuck {
            // The connection is lost, and with it perhaps the answer to a commit. Sent again, what
            // was committed is found by its key or source.
            tried = self.commit(&batch, true).await;
        }
        match tried {
            Ok(outcomes) => answer(batch, outcomes),
            Err(Error::Unavailable { what, retry_after, cause }) if !stuck => {
                tracing::warn!(error = format!("{cause:#}"), batch = batch.len(), "ledger is away");
                for job in batch {
                    let cause = anyhow::anyhow!("{cause:#}");
                    drop(job.answer.send(Err(Error::Unavailable { what, retry_after, cause })));
                }
            }
            Err(error) if batch.len() > 1 => {
                tracing::warn!(%error, batch = batch.len(), "a batch failed, its members go alone");
                for job in batch {
                    Box::pin(self.serve(vec![job], true)).await;
                }
            }
            Err(error) => {
                if let Some(job) = batch.into_iter().next() {
                    drop(job.answer.send(Err(error)));
                }
            }
        }
    }

    /// One transaction for a batch. Whatever fails takes the connection with it.
    async fn commit<D: Door>(
        &mut self,
        batch: &[Job<D>],
        again: bool,
    ) -> Result<Vec<Option<Vec<D::Outcome>>>, Error> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.connect::<D>().await?,
        };
        let orders: Vec<_> = batch
            .iter()
            .flat_map(|job| {
                let Job { organization, now, .. } = *job;
                job.commands.iter().map(move |command| Order { organization, command, now, again })
            })
            .collect();
        match apply::<D>(&connection, &orders, Some(FRAME)).await {
            Ok(outcomes) => {
                self.connection = Some(connection);
                let mut outcomes = outcomes.into_iter();
                let of_job = |job: &Job<D>| outcomes.by_ref().take(job.commands.len()).collect();
                Ok(batch.iter().map(of_job).collect())
            }
            Err(error) => {
                drop(Object::take(connection));
                Err(error)
            }
        }
    }

    async fn connect<D: Door>(&self) -> Result<Object<AsyncPgConnection>, Error> {
        let connection = self.database.connection().await?;
        let prepared = async {
            (&mut { &*connection }).batch_execute(FRAME.opening).await?;
            D::prepare(&connection).await?;
            (&mut { &*connection }).batch_execute("ROLLBACK").await
        };
        match prepared.await {
            Ok(()) => Ok(connection),
            Err(error) => {
                drop(Object::take(connection));
                Err(failed(error))
            }
        }
    }
}

fn answer<D: Door>(batch: Vec<Job<D>>, outcomes: Vec<Option<Vec<D::Outcome>>>) {
    for (job, outcomes) in batch.into_iter().zip(outcomes) {
        let first_hand = |(command, outcome)| D::first_hand(command, outcome);
        let outcomes =
            outcomes.map(|all| job.commands.iter().zip(all).map(first_hand).collect::<Vec<_>>());
        // Nobody may be waiting any more; it is decided all the same.
        drop(job.answer.send(outcomes.ok_or(Error::NotFound(Missing::Organization))));
    }
}
