use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::time::{Duration, Instant};

use anyhow::anyhow;

use crate::cluster::Cluster;
use crate::embedded::Facts;
use crate::options::{Event, Options};
use crate::postmaster::Postmaster;

const TICK: Duration = Duration::from_millis(50);
const LOG_CHECK: Duration = Duration::from_secs(10);

/// Keeps PostgreSQL up until it is asked to stop.
pub(crate) struct Supervisor {
    /// The running process, 0 for none.
    pub(crate) pid: Arc<AtomicI32>,
    pub(crate) stop: Stop,
}

impl Supervisor {
    /// Lives on a thread of its own, and reports the first success through `started`. Fails only
    /// when the first start fails, or when stopping does.
    pub(crate) fn run(self, options: Options, started: &SyncSender<Facts>) -> anyhow::Result<()> {
        let begun = Instant::now();
        let cluster = Cluster::prepare(&options)?;
        let Some(first) = cluster.launch(&self.stop)? else { return Ok(()) };
        self.announce(&first, begun, &options);
        // Should the caller have gone, `stop` tells us at once.
        drop(started.send(cluster.facts()));

        let mut backoff = Backoff::default();
        let mut up_since = Instant::now();
        let mut next = Ok(Some(first));
        loop {
            let cause = match next {
                Ok(None) => return Ok(()),
                Ok(Some(postmaster)) => match self.watch(postmaster, &cluster)? {
                    Some(cause) => cause,
                    None => return Ok(()),
                },
                Err(error) => error,
            };
            let wait = backoff.after(up_since.elapsed());
            (options.on_event)(&Event::Down { cause, wait });
            if self.stop.asked_within(wait) {
                return Ok(());
            }
            let begun = Instant::now();
            next = cluster.launch(&self.stop);
            up_since = Instant::now();
            if let Ok(Some(postmaster)) = &next {
                self.announce(postmaster, begun, &options);
            }
        }
    }

    fn announce(&self, postmaster: &Postmaster, begun: Instant, options: &Options) {
        self.pid.store(postmaster.pid(), Ordering::Relaxed);
        (options.on_event)(&Event::Ready { pid: postmaster.pid(), took: begun.elapsed() });
    }

    /// Returns why it ended by itself, or `None` once it has been stopped.
    fn watch(
        &self,
        mut postmaster: Postmaster,
        cluster: &Cluster,
    ) -> anyhow::Result<Option<anyhow::Error>> {
        let mut log_checked = Instant::now();
        while !self.stop.asked_within(TICK) {
            if let Some(status) = postmaster.ended()? {
                self.pid.store(0, Ordering::Relaxed);
                return Ok(Some(anyhow!("PostgreSQL ended by itself: {status}")));
            }
            if log_checked.elapsed() > LOG_CHECK {
                cluster.log().keep_short();
                log_checked = Instant::now();
            }
        }
        postmaster.stop().map(|()| None)
    }
}

/// The wish to stop, which is the other end of the channel having gone.
pub(crate) struct Stop(Receiver<Infallible>);

impl Stop {
    pub(crate) fn new(asked: Receiver<Infallible>) -> Self {
        Self(asked)
    }

    /// Waits for the wish, at most `time`.
    pub(crate) fn asked_within(&self, time: Duration) -> bool {
        matches!(self.0.recv_timeout(time), Err(RecvTimeoutError::Disconnected))
    }
}

/// How long to wait before the next attempt: longer and longer, up to ten seconds.
#[derive(Default)]
struct Backoff {
    failures: u32,
}

impl Backoff {
    const FIRST: Duration = Duration::from_millis(50);
    const LONGEST: Duration = Duration::from_secs(10);
    /// Up this long, it was well, and its end is a new trouble.
    const WELL: Duration = Duration::from_secs(60);

    fn after(&mut self, up: Duration) -> Duration {
        if up >= Self::WELL {
            self.failures = 0;
        }
        let wait = Self::FIRST.saturating_mul(2_u32.saturating_pow(self.failures));
        self.failures += 1;
        wait.min(Self::LONGEST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_bound_and_start_over_after_a_good_while() {
        let mut backoff = Backoff::default();
        let waits: Vec<_> = (0..40).map(|_| backoff.after(Duration::ZERO).as_millis()).collect();

        assert_eq!(waits[..4], [50, 100, 200, 400]);
        assert_eq!(waits[39], 10_000);
        assert_eq!(backoff.after(Backoff::WELL).as_millis(), 50);
    }
}
