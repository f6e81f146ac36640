//! A load: every connection sends one request after the other until the time is over.

use std::{sync::Arc, time::Duration};

use anyhow::ensure;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};

use crate::{
    accounts::Tally,
    http::{Connection, Request},
    target::Target,
};

/// How long to wait before a new connection after one was lost.
const PAUSE: Duration = Duration::from_millis(10);

/// What is sent.
pub(crate) struct Load {
    /// What to call it.
    pub(crate) name: &'static str,
    /// One of them is picked at random each time.
    pub(crate) requests: Vec<Request>,
    /// Whether answers acknowledge credits.
    pub(crate) consumes: bool,
}

/// How hard.
#[derive(Clone, Copy)]
pub(crate) struct Pressure {
    /// How many requests are under way at any moment.
    pub(crate) connections: usize,
    /// For how long.
    pub(crate) time: Duration,
}

/// What came of it.
pub(crate) struct Measured {
    /// How long it took, to the last answer.
    pub(crate) elapsed: Duration,
    /// How long each success took, in microseconds, ascending.
    pub(crate) latencies_us: Vec<u32>,
    /// Requests that were refused, or had no answer.
    pub(crate) errors: u64,
    /// What happened to the organization of each request.
    pub(crate) tallies: Vec<Tally>,
}

/// Loads a server.
pub(crate) async fn run(
    target: &Arc<dyn Target>,
    load: &Arc<Load>,
    pressure: Pressure,
) -> anyhow::Result<Measured> {
    ensure!(!load.requests.is_empty(), "{} sends nothing", load.name);
    let began = Instant::now();
    let mut workers = JoinSet::new();
    for seed in 0..pressure.connections {
        let mut worker = Worker::new(target.clone(), load.clone(), seed);
        workers.spawn(async move {
            worker.work_until(began + pressure.time).await;
            worker.measured
        });
    }
    let mut all = Measured::nothing(load.requests.len());
    while let Some(measured) = workers.join_next().await {
        all.add(measured?);
    }
    all.elapsed = began.elapsed();
    all.latencies_us.sort_unstable();
    ensure!(!all.latencies_us.is_empty(), "{}: no request succeeded", load.name);
    Ok(all)
}

struct Worker {
    target: Arc<dyn Target>,
    load: Arc<Load>,
    random: u64,
    measured: Measured,
}

impl Worker {
    fn new(target: Arc<dyn Target>, load: Arc<Load>, seed: usize) -> Self {
        // Any odd constant does; it keeps neighbours apart, and 0 would stay 0.
        let random = (seed as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let measured = Measured::nothing(load.requests.len());
        Self { target, load, random, measured }
    }

    async fn work_until(&mut self, end: Instant) {
        while Instant::now() < end {
            if let Ok(mut connection) = Connection::open(self.target.site()).await {
                while Instant::now() < end && self.ask(&mut connection).await.is_ok() {}
            } else {
                self.measured.errors += 1;
                sleep(PAUSE).await;
            }
        }
    }

    /// One request. An error means that the connection is lost.
    async fn ask(&mut self, connection: &mut Connection) -> anyhow::Result<()> {
        let nth = self.pick();
        let (Some(request), Some(tally)) =
            (self.load.requests.get(nth), self.measured.tallies.get_mut(nth))
        else {
            return Ok(());
        };
        let sent = Instant::now();
        let answer = connection.ask(request).await.inspect_err(|_| {
            self.measured.errors += 1;
            tally.unknown += 1;
        })?;
        if answer.is_success() {
            let micros = sent.elapsed().as_micros();
            self.measured.latencies_us.push(u32::try_from(micros).unwrap_or(u32::MAX));
            if self.load.consumes {
                tally.acknowledged += self.target.consumed(answer.body)?;
            }
        } else {
            self.measured.errors += 1;
            // A server that failed may have done it all the same.
            tally.unknown += i64::from(answer.status >= 500);
        }
        Ok(())
    }

    /// The number of the next request, by xorshift.
    fn pick(&mut self) -> usize {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        let upper = usize::try_from(self.random >> 32).unwrap_or_default();
        upper.checked_rem(self.load.requests.len()).unwrap_or_default()
    }
}

impl Measured {
    fn nothing(requests: usize) -> Self {
        let tallies = vec![Tally::default(); requests];
        Self { elapsed: Duration::ZERO, latencies_us: Vec::new(), errors: 0, tallies }
    }

    fn add(&mut self, other: Self) {
        self.latencies_us.extend(other.latencies_us);
        self.errors += other.errors;
        for (tally, more) in self.tallies.iter_mut().zip(other.tallies) {
            tally.add(more);
        }
    }

    /// Successes in a second.
    pub(crate) fn per_second(&self) -> u128 {
        let micros = self.elapsed.as_micros().max(1);
        self.latencies_us.len() as u128 * 1_000_000 / micros
    }

    /// The time in which so many of a hundred successes came, in microseconds (nearest rank).
    pub(crate) fn percentile_us(&self, percent: usize) -> u32 {
        let rank = (self.latencies_us.len() * percent).div_ceil(100).max(1);
        self.latencies_us.get(rank - 1).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(latencies_us: Vec<u32>) -> Measured {
        Measured { latencies_us, ..Measured::nothing(0) }
    }

    #[test]
    fn percentiles_are_latencies_that_occurred() {
        let hundred = of((1..=100).collect());
        assert_eq!([50, 99, 100].map(|it| hundred.percentile_us(it)), [50, 99, 100]);
        let three = of(vec![10, 20, 30]);
        assert_eq!([0, 33, 34, 50, 99].map(|it| three.percentile_us(it)), [10, 10, 20, 20, 30]);
        assert_eq!(of(vec![7]).percentile_us(50), 7);
        assert_eq!(of(Vec::new()).percentile_us(99), 0);
    }

    #[test]
    fn rates_count_successes_only() {
        let elapsed = Duration::from_millis(500);
        let measured = Measured { elapsed, errors: 9, ..of(vec![1; 20]) };
        assert_eq!(measured.per_second(), 40);
    }
}
