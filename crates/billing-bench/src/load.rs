//! A load: every connection does one unit of work after the other until the time is over.

#[cfg(test)]
mod tests;

use std::{
    ops::Range,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use anyhow::ensure;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};

use crate::{
    accounts::{Account, Accounts},
    http::{Connection, Request, Site},
    measured::Measured,
    random::Random,
    target::{Next, Target, Work},
};

/// How long to wait before a new connection after one was lost.
const PAUSE: Duration = Duration::from_millis(10);
/// How many events a batch has.
const BATCH: usize = 100;
/// How many different batches there are.
const BATCHES: usize = 500;
/// Requests for more organizations than that are made when they are sent, to save memory.
const MOST_READY: usize = 100_000;

/// What is sent.
pub(crate) struct Load {
    target: Arc<dyn Target>,
    work: Work,
    accounts: Accounts,
    /// The first account that each unit of work is about. A unit is picked at random each time.
    units: Vec<usize>,
    /// How many accounts, in a row, a unit is about.
    size: usize,
    /// The first request of each unit, where it can be made once and sent many times.
    ready: Vec<Request>,
}

/// How hard, and where.
#[derive(Clone)]
pub(crate) struct Pressure {
    /// How many requests are under way at any moment.
    pub(crate) connections: usize,
    /// For how long.
    pub(crate) time: Duration,
    /// The servers, which share the connections.
    pub(crate) sites: Vec<Site>,
}

impl Load {
    /// Work on some of the accounts; nothing where the target does not offer it.
    pub(crate) fn new(
        target: &Arc<dyn Target>,
        work: Work,
        (accounts, some): (&Accounts, Range<usize>),
    ) -> Option<Self> {
        let (units, size) = match work {
            Work::Hello | Work::Webhook => (vec![0], 0),
            Work::Consume | Work::Settle | Work::Check | Work::Record => (some.collect(), 1),
            Work::Batch => {
                let mut random = Random::new(0);
                let size = BATCH.min(some.len());
                let any = |_| some.start + random.below(some.len() - size + 1);
                ((0..BATCHES).map(any).collect(), size)
            }
        };
        let (target, accounts) = (target.clone(), accounts.clone());
        let mut load = Self { target, work, accounts, units, size, ready: Vec::new() };
        load.make(0)?;
        // A webhook is signed with its time.
        if work != Work::Webhook && load.units.len() <= MOST_READY {
            load.ready = (0..load.units.len()).filter_map(|nth| load.make(nth)).collect();
        }
        Some(load)
    }

    /// Whether the server knows the request; one unit of work finds out.
    pub(crate) async fn is_offered(self: &Arc<Self>) -> anyhow::Result<bool> {
        let mut connection = Connection::open(self.target.site()).await?;
        let status = Worker::new(self.clone(), 0).unit(&mut connection).await?;
        Ok(!matches!(status, 404 | 405))
    }

    /// Loads the servers.
    pub(crate) async fn run(self: &Arc<Self>, pressure: &Pressure) -> anyhow::Result<Measured> {
        let began = Instant::now();
        let end = began + pressure.time;
        let mut workers = JoinSet::new();
        for (seed, site) in (0..pressure.connections).zip(pressure.sites.iter().cycle()) {
            let (mut worker, site) = (Worker::new(self.clone(), seed), site.clone());
            workers.spawn(async move {
                worker.work_until(end, &site).await;
                worker
            });
        }
        let mut all = Measured { per_unit: self.operations(), ..Measured::default() };
        while let Some(worker) = workers.join_next().await {
            let Worker { latencies_us, errors, .. } = worker?;
            all.latencies_us.extend(latencies_us);
            all.errors += errors;
        }
        all.elapsed = began.elapsed();
        all.latencies_us.sort_unstable();
        ensure!(!all.latencies_us.is_empty(), "{:?}: nothing succeeded", self.work);
        Ok(all)
    }

    /// The operations of one unit.
    fn operations(&self) -> u64 {
        u64::try_from(self.size).unwrap_or(u64::MAX).max(1)
    }

    /// The first request of a unit.
    fn make(&self, unit: usize) -> Option<Request> {
        let about: Vec<_> = self.about(unit)?.iter().map(|account| account.id.as_str()).collect();
        self.target.begin(self.work, &about)
    }

    /// Whom a unit is about.
    fn about(&self, unit: usize) -> Option<&[Account]> {
        let first = *self.units.get(unit)?;
        self.accounts.get(first..first + self.size)
    }

    /// Books what came of a unit; nothing is known of it where there is no amount.
    fn book(&self, unit: usize, amount: Option<i64>) {
        let Some(book) = self.work.book() else { return };
        for tally in self.about(unit).unwrap_or_default().iter().map(|account| account.tally(book))
        {
            match amount {
                Some(amount) => tally.acknowledged.fetch_add(amount, Relaxed),
                None => tally.unknown.fetch_add(1, Relaxed),
            };
        }
    }
}

struct Worker {
    load: Arc<Load>,
    random: Random,
    latencies_us: Vec<u32>,
    errors: u64,
}

impl Worker {
    fn new(load: Arc<Load>, seed: usize) -> Self {
        Self { load, random: Random::new(seed), latencies_us: Vec::new(), errors: 0 }
    }

    async fn work_until(&mut self, end: Instant, site: &Site) {
        while Instant::now() < end {
            if let Ok(mut connection) = Connection::open(site).await {
                while Instant::now() < end && self.unit(&mut connection).await.is_ok() {}
            } else {
                self.errors += 1;
                sleep(PAUSE).await;
            }
        }
    }

    /// One unit of work; the status of its last answer. An error means that the connection is of
    /// no more use.
    async fn unit(&mut self, connection: &mut Connection) -> anyhow::Result<u16> {
        let nth = self.random.below(self.load.units.len());
        let sent = Instant::now();
        let done = self.ask(connection, nth).await;
        match &done {
            Ok((_, Some(amount))) => {
                let micros = sent.elapsed().as_micros();
                self.latencies_us.push(u32::try_from(micros).unwrap_or(u32::MAX));
                self.load.book(nth, Some(*amount));
            }
            // A server that failed may have done it all the same.
            Ok((500.., None)) | Err(_) => {
                self.errors += 1;
                self.load.book(nth, None);
            }
            Ok((..500, None)) => self.errors += 1,
        }
        Ok(done?.0)
    }

    /// The requests of a unit: the last status, and what it acknowledges.
    async fn ask(
        &self,
        connection: &mut Connection,
        nth: usize,
    ) -> anyhow::Result<(u16, Option<i64>)> {
        let load = &self.load;
        let mut made;
        let mut request = load.ready.get(nth);
        for step in 0.. {
            if request.is_none() {
                made = load.make(nth);
                request = made.as_ref();
            }
            let Some(asked) = request else { break };
            let answer = connection.ask(asked).await?;
            let status = answer.status;
            if !answer.is_success() {
                return Ok((status, None));
            }
            match load.target.next(load.work, step, answer.body)? {
                Next::Done(amount) => return Ok((status, Some(amount))),
                Next::Ask(next) => {
                    made = Some(next);
                    request = made.as_ref();
                }
            }
        }
        anyhow::bail!("{:?} is not offered", load.work)
    }
}
