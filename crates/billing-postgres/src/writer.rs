//! Group commit: many commands of many organizations in one transaction, answered after it.
//!
//! Commands queue at a writer, one for each shard. A writer takes what is there, applies it through
//! the ledger's door in two flights (open, lock and read; write and commit), and answers each. The
//! queue fills while the batch before commits; nobody waits for company unless many are there.

mod line;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use billing_app::Error;
use billing_domain::id::OrganizationId;
use futures_util::future::join_all;
use time::OffsetDateTime;
use tokio::sync::{
    OwnedSemaphorePermit, Semaphore,
    mpsc::{self, error::TrySendError},
    oneshot,
};

use self::line::Line;
use crate::{
    Database,
    database::{bounded, on_own_thread},
    door::Door,
    error::unreachable,
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
    let mut line = Line::to(database);
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
