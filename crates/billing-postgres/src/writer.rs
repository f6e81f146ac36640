//! Group commit: many commands of many organizations in one transaction, answered after it.
//!
//! Commands queue at a writer, one for each shard. A writer takes what is there, applies it through
//! the ledger's door in two flights (open, lock and read; write and commit), and answers each. The
//! queue fills while the batch before commits; nobody waits for company unless many are there.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use billing_app::{Error, Missing};
use billing_domain::id::OrganizationId;
use diesel::QueryResult;
use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};
use futures_util::future::join_all;
use time::OffsetDateTime;
use tokio::sync::{
    OwnedSemaphorePermit, Semaphore,
    mpsc::{self, error::TrySendError},
    oneshot,
};

use crate::{
    Database,
    database::{bounded, on_own_thread},
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
/// Where so many came at once, as many more are waited for, but only for a moment: each batch has its
/// own cost, and when many wait that is what they wait for.
const MANY: usize = 16;
const GATHERING: Duration = Duration::from_millis(2);
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
    answer: oneshot::Sender<Answer<D>>,
    /// The place of a batch among those that wait.
    _place: Option<Arc<OwnedSemaphorePermit>>,
}

/// What comes of the commands of a job, in their order.
type Answer<D> = Result<Vec<<D as Door>::Outcome>, Error>;

/// The queues of a ledger's writers. The writers end when the last clone is dropped.
pub(crate) struct Writers<D: Door> {
    queues: Arc<[mpsc::Sender<Vec<Job<D>>>]>,
    places: Arc<Semaphore>,
}

impl<D: Door> Clone for Writers<D> {
    fn clone(&self) -> Self {
        Self { queues: self.queues.clone(), places: self.places.clone() }
    }
}

impl<D: Door> Writers<D> {
    /// Starts the writers, each on a thread of its own.
    pub(crate) fn start(database: &Database) -> Self {
        let start = |_| {
            let (queue, jobs) = mpsc::channel(MOST_WAITING);
            on_own_thread("writer", write::<D>(database.clone(), jobs));
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
        let (answer, answered) = oneshot::channel();
        let job = Job { organization, commands: vec![command], now, answer, _place: None };
        self.queue(shard_of(organization, self.queues.len()), vec![job]);
        let outcome = wait::<D>(answered).await?.into_iter().next();
        outcome.ok_or_else(|| anyhow::anyhow!("the writer has lost an outcome").into())
    }

    /// Queues a batch and waits until it is durable: one transaction for each organization, or one
    /// for many. Answers come in the order in which organizations are named.
    pub(crate) async fn apply_all(
        &self,
        commands: Vec<(OrganizationId, Vec<D::Command>)>,
        now: OffsetDateTime,
    ) -> Vec<Answer<D>> {
        let weight: usize = commands.iter().map(|(_, commands)| commands.len()).sum();
        let weight = u32::try_from(weight).unwrap_or(u32::MAX);
        let Ok(place) = self.places.clone().try_acquire_many_owned(weight) else {
            return commands.iter().map(|_| Err(full(MOST_IN_BATCHES))).collect();
        };
        let place = Arc::new(place);
        let mut shards: BTreeMap<usize, Vec<Job<D>>> = BTreeMap::new();
        let mut waiting = Vec::with_capacity(commands.len());
        for (organization, commands) in commands {
            let (answer, answered) = oneshot::channel();
            waiting.push(answered);
            if commands.is_empty() {
                drop(answer.send(Ok(Vec::new())));
                continue;
            }
            let shard = shards.entry(shard_of(organization, self.queues.len())).or_default();
            let place = Some(place.clone());
            shard.push(Job { organization, commands, now, answer, _place: place });
        }
        for (shard, jobs) in shards {
            self.queue(shard, jobs);
        }
        join_all(waiting.into_iter().map(wait::<D>)).await
    }

    /// Puts jobs into a queue, or tells each why that is impossible.
    fn queue(&self, shard: usize, jobs: Vec<Job<D>>) {
        let Some(queue) = self.queues.get(shard) else { return };
        let (jobs, refusal) = match queue.try_send(jobs) {
            Ok(()) => return,
            Err(TrySendError::Full(jobs)) => (jobs, full(MOST_WAITING)),
            Err(TrySendError::Closed(jobs)) => {
                (jobs, unreachable(anyhow::anyhow!("the writer has ended")))
            }
        };
        for job in jobs {
            drop(job.answer.send(Err(refusal.for_another())));
        }
    }
}

async fn wait<D: Door>(answered: oneshot::Receiver<Answer<D>>) -> Answer<D> {
    bounded(async {
        answered.await.map_err(|_| unreachable(anyhow::anyhow!("the writer has died")))?
    })
    .await
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

async fn write<D: Door>(database: Database, mut queue: mpsc::Receiver<Vec<Job<D>>>) {
    let mut line = Line { database, connection: None };
    let mut taken = Vec::with_capacity(MOST_AT_ONCE);
    let mut before = 0;
    while queue.recv_many(&mut taken, MOST_AT_ONCE).await > 0 {
        if before >= MANY {
            gather(&mut queue, &mut taken, 2 * before).await;
        }
        before = taken.len();
        let mut jobs: Vec<Job<D>> = taken.drain(..).flatten().collect();
        while !jobs.is_empty() {
            let rest = jobs.split_off(together(&jobs));
            line.serve::<D>(std::mem::replace(&mut jobs, rest), false).await;
        }
    }
}

/// Takes more of what comes within a moment, up to a number.
async fn gather<T>(queue: &mut mpsc::Receiver<T>, taken: &mut Vec<T>, enough: usize) {
    let enough = enough.min(MOST_AT_ONCE);
    let more = async {
        while taken.len() < enough {
            let room = enough - taken.len();
            if queue.recv_many(taken, room).await == 0 {
                break;
            }
        }
    };
    // What has come stays taken.
    let _late = tokio::time::timeout(GATHERING, more).await;
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
    connection: Option<AsyncPgConnection>,
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
            Err(error @ Error::Unavailable { .. }) if !stuck => {
                tracing::warn!(error = error.in_full(), batch = batch.len(), "ledger is away");
                for job in batch {
                    drop(job.answer.send(Err(error.for_another())));
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
        let mut outcomes = apply::<D>(&connection, &orders, Some(FRAME)).await?.into_iter();
        self.connection = Some(connection);
        // All that belong to a job are taken, also where an organization is unknown: the next ones
        // belong to the next job.
        let of_job = |job: &Job<D>| {
            let own: Vec<_> = outcomes.by_ref().take(job.commands.len()).collect();
            own.into_iter().collect()
        };
        Ok(batch.iter().map(of_job).collect())
    }

    async fn connect<D: Door>(&self) -> Result<AsyncPgConnection, Error> {
        let mut connection = self.database.line().await?;
        let prepared = async {
            connection.batch_execute(FRAME.opening).await?;
            D::prepare(&connection).await?;
            connection.batch_execute("ROLLBACK").await
        };
        prepared.await.map_err(failed)?;
        Ok(connection)
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
