//! Jobs: leases with a fence, and what became of each run. The store's clock stands still.

use std::{collections::BTreeMap, time::Duration};

use async_trait::async_trait;
use billing_app::{
    Error,
    ports::{
        AskedBy, Claimable, Ended, JobClaim, JobLease, JobRow, JobRun, JobStore, NewJob, Page,
        Partitions, RUNS_KEPT, RunId, RunOutcome,
    },
};
use time::OffsetDateTime;

use super::{MemoryStore, ledgers::at_most};
use crate::NOON;

/// A job, who runs it until when, and its runs.
#[derive(Clone)]
pub(super) struct KeptJob {
    next_run_at: OffsetDateTime,
    fence: i64,
    held: Option<(RunId, OffsetDateTime)>,
    runs: BTreeMap<RunId, JobRun>,
}

/// The store's own clock.
const NOW: OffsetDateTime = NOON;

impl KeptJob {
    const fn new(next_run_at: OffsetDateTime) -> Self {
        Self { next_run_at, fence: 0, held: None, runs: BTreeMap::new() }
    }

    fn is_held(&self) -> bool {
        self.held.is_some_and(|(_, until)| NOW < until)
    }

    fn take(&mut self, wanted: &JobClaim<'_>) -> JobLease {
        let JobClaim { job, run, asked_by, lease } = *wanted;
        for left in self.runs.values_mut().filter(|run| run.ended.is_none()) {
            let (outcome, error) = (RunOutcome::Lost, None);
            left.ended = Some((NOW, Ended { outcome, done: 0, failed: 0, error }));
        }
        self.fence += 1;
        self.held = Some((run, NOW + lease));
        self.runs.insert(run, JobRun { id: run, asked_by, started_at: NOW, ended: None });
        JobLease { job: job.to_owned(), run, fence: self.fence, started_at: NOW }
    }

    fn finish(&mut self, run: RunId, ended: &Ended, next_run_at: OffsetDateTime) {
        (self.held, self.next_run_at) = (None, next_run_at);
        if let Some(run) = self.runs.get_mut(&run) {
            run.ended = Some((NOW, ended.clone()));
        }
        let before = self.runs.range(..run).next_back().map(|(id, _)| *id);
        if let Some(before) = before
            && [before, run].iter().all(|id| self.runs.get(id).is_some_and(is_idle))
        {
            self.runs.remove(&before);
        }
        while self.runs.len() > at_most(RUNS_KEPT) {
            self.runs.pop_first();
        }
    }
}

fn is_idle(run: &JobRun) -> bool {
    let nothing =
        |ended: &Ended| ended.outcome == RunOutcome::Done && ended.done == 0 && ended.failed == 0;
    run.asked_by == AskedBy::Schedule && run.ended.as_ref().is_some_and(|(_, it)| nothing(it))
}

fn still<'a>(
    jobs: &'a mut BTreeMap<String, KeptJob>,
    lease: &JobLease,
) -> Result<&'a mut KeptJob, Error> {
    let kept = jobs.get_mut(&lease.job).filter(|kept| kept.fence == lease.fence);
    let kept = kept.filter(|kept| kept.held.is_some_and(|(run, _)| run == lease.run));
    kept.ok_or(Error::Conflict("the lease of the job"))
}

#[async_trait]
impl JobStore for MemoryStore {
    async fn register(&self, jobs: &[NewJob]) -> Result<(), Error> {
        self.shared
            .write(|world| {
                for NewJob { name, first_run_at, at_the_latest } in jobs {
                    let known = world.jobs.entry((*name).to_owned());
                    known
                        .and_modify(|it| it.next_run_at = it.next_run_at.min(*at_the_latest))
                        .or_insert(KeptJob::new(*first_run_at));
                }
                Ok(())
            })
            .await
    }

    async fn claim(&self, wanted: &JobClaim<'_>) -> Result<Claimable, Error> {
        self.shared
            .write(|world| {
                let Some(kept) = world.jobs.get_mut(wanted.job) else {
                    return Ok(Claimable::NotDue);
                };
                let wants = wanted.asked_by != AskedBy::Schedule || kept.next_run_at <= NOW;
                Ok(match (kept.is_held(), wants) {
                    (true, _) => Claimable::Running,
                    (false, true) => Claimable::Taken(kept.take(wanted)),
                    (false, false) => Claimable::NotDue,
                })
            })
            .await
    }

    async fn renew(&self, lease: &JobLease, length: Duration) -> Result<(), Error> {
        self.shared
            .write(|world| {
                still(&mut world.jobs, lease)?.held = Some((lease.run, NOW + length));
                Ok(())
            })
            .await
    }

    async fn finish(
        &self,
        lease: &JobLease,
        ended: &Ended,
        next_run_at: OffsetDateTime,
    ) -> Result<(), Error> {
        self.shared
            .write(|world| {
                still(&mut world.jobs, lease)?.finish(lease.run, ended, next_run_at);
                Ok(())
            })
            .await
    }

    async fn jobs(&self) -> Result<Vec<JobRow>, Error> {
        self.shared.read(|world| {
            let row = |(name, kept): (&String, &KeptJob)| JobRow {
                name: name.clone(),
                next_run_at: kept.next_run_at,
                last: kept.runs.values().next_back().cloned(),
            };
            world.jobs.iter().map(row).collect()
        })
    }

    async fn runs(&self, job: &str, page: Page<RunId>) -> Result<Vec<JobRun>, Error> {
        self.shared.read(|world| {
            let runs = world.jobs.get(job).into_iter().flat_map(|kept| kept.runs.values().rev());
            let older = runs.filter(|run| page.after.is_none_or(|after| run.id < after));
            older.take(at_most(page.limit)).cloned().collect()
        })
    }

    async fn due(&self) -> Result<Vec<String>, Error> {
        self.shared.read(|world| {
            let free = world.jobs.iter().filter(|(_, it)| it.next_run_at <= NOW && !it.is_held());
            let mut due: Vec<_> = free.map(|(name, it)| (it.next_run_at, name.clone())).collect();
            due.sort();
            due.into_iter().map(|(_, name)| name).collect()
        })
    }
}

/// Memory is not cut by time; what was asked for is kept for tests to see.
#[async_trait]
impl Partitions for MemoryStore {
    async fn ensure(&self, now: OffsetDateTime) -> Result<(), Error> {
        self.shared
            .write(|world| {
                world.partitions.push(now);
                Ok(())
            })
            .await
    }
}

impl MemoryStore {
    /// Around which instants partitions were made, in order.
    pub fn partitions(&self) -> Vec<OffsetDateTime> {
        self.shared.world(|world| world.partitions.clone())
    }
}
