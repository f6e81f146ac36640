//! A job goes on step by step, for as long as it holds its lease and nobody asks it to stop.

use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use time::OffsetDateTime;

use crate::{Billing, Error, ports::Pass, run_job::Pace};

/// What a running job asks between its steps, and tells of what it did.
pub(crate) struct Steps<'a> {
    pace: &'a dyn Pace,
    lease: Duration,
    /// When the lease was last known to be held, by the wall clock.
    held_at: Mutex<OffsetDateTime>,
    lost: AtomicBool,
    stopped: AtomicBool,
    done: AtomicU64,
    failed: AtomicU64,
}

/// The right to do one step.
pub(crate) struct Step(#[expect(dead_code, reason = "it is held, not read")] Option<Pass>);

impl<'a> Steps<'a> {
    pub(crate) fn new(pace: &'a dyn Pace, lease: Duration, held_at: OffsetDateTime) -> Self {
        Self {
            pace,
            lease,
            held_at: Mutex::new(held_at),
            lost: AtomicBool::new(false),
            stopped: AtomicBool::new(false),
            done: AtomicU64::new(0),
            failed: AtomicU64::new(0),
        }
    }

    /// What the run goes by.
    pub(crate) fn pace(&self) -> &'a dyn Pace {
        self.pace
    }

    /// The right to do the next step; nothing when the job is to end. Whoever was frozen for
    /// longer than his lease finds it gone before he does anything.
    pub(crate) async fn next(&self, billing: &Billing) -> Result<Option<Step>, Error> {
        if self.pace.is_over() {
            self.stopped.store(true, Ordering::SeqCst);
            return Ok(None);
        }
        // While the clock of a sandbox is moved nothing goes on; the next run does.
        let Ok(pass) = billing.enter().await else {
            self.stopped.store(true, Ordering::SeqCst);
            return Ok(None);
        };
        let held_at = *self.held_at.lock().unwrap_or_else(PoisonError::into_inner);
        if self.lost.load(Ordering::SeqCst) || billing.ports.clock.wall() - held_at >= self.lease {
            return Err(lost());
        }
        Ok(Some(Step(pass)))
    }

    /// Does a thing again and again, a step each time, until nothing was left to do.
    pub(crate) async fn until_idle<Round>(
        &self,
        billing: &Billing,
        round: impl Fn() -> Round,
    ) -> Result<(), Error>
    where
        Round: Future<Output = Result<usize, Error>>,
    {
        while let Some(_step) = self.next(billing).await? {
            let done = round().await?;
            self.did(done);
            if done == 0 {
                break;
            }
        }
        Ok(())
    }

    /// Does a thing in one step.
    pub(crate) async fn once<Round>(
        &self,
        billing: &Billing,
        round: impl FnOnce() -> Round,
    ) -> Result<(), Error>
    where
        Round: Future<Output = Result<usize, Error>>,
    {
        if let Some(_step) = self.next(billing).await? {
            self.did(round().await?);
        }
        Ok(())
    }

    /// So much was done.
    pub(crate) fn did(&self, more: usize) {
        self.done.fetch_add(u64::try_from(more).unwrap_or(u64::MAX), Ordering::SeqCst);
    }

    /// So much failed, without holding up the rest.
    pub(crate) fn failed(&self, more: usize) {
        self.failed.fetch_add(u64::try_from(more).unwrap_or(u64::MAX), Ordering::SeqCst);
    }

    /// The lease was held when this was asked.
    pub(crate) fn renewed(&self, asked_at: OffsetDateTime) {
        *self.held_at.lock().unwrap_or_else(PoisonError::into_inner) = asked_at;
    }

    /// Another has taken the lease.
    pub(crate) fn lose(&self) {
        self.lost.store(true, Ordering::SeqCst);
    }

    /// Whether it ended because it was asked to.
    pub(crate) fn was_stopped(&self) -> bool {
        self.stopped.load(Ordering::SeqCst)
    }

    /// How much was done, and how much failed.
    pub(crate) fn counts(&self) -> (u64, u64) {
        (self.done.load(Ordering::SeqCst), self.failed.load(Ordering::SeqCst))
    }
}

/// The job is another's now.
pub(crate) fn lost() -> Error {
    Error::Conflict("the lease of the job")
}
