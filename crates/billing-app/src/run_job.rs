//! A job runs: by one process at a time, for as long as it holds the lease, and every run is
//! recorded.

use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::{Either, select};
use time::OffsetDateTime;

use crate::{
    Billing, Error, Missing, Refusal,
    jobs::{JOBS, Job, Steps},
    ports::{
        AskedBy, Claimable, Ended, JobClaim, JobLease, JobRow, JobRun, NewJob, Page, RunId,
        RunOutcome,
    },
};

/// How long a runner that is not heard of keeps others from the job. One that works renews it.
const LEASE: Duration = Duration::from_secs(45);

/// What a run goes by.
#[async_trait]
pub trait Pace: Send + Sync {
    /// Whether the run is asked to end after its step.
    fn is_over(&self) -> bool;

    /// Waits until the lease is to be renewed: sooner than in half a minute.
    async fn beat(&self);
}

/// How a run ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct JobEnded {
    /// The run, by which it is found among the others.
    pub run: RunId,
    /// When it began, by the store's clock.
    pub started_at: OffsetDateTime,
    /// What became of it.
    pub ended: Ended,
}

/// Where a job stands.
pub struct JobStands {
    /// The job.
    pub job: &'static Job,
    /// What is kept of it; nothing before any process has made it known.
    pub kept: Option<JobRow>,
}

impl Billing {
    /// Makes the jobs known, so that they are due when they should be.
    pub async fn register_jobs(&self) -> Result<(), Error> {
        let wall = self.ports.clock.wall();
        let new = JOBS.iter().map(|Job { name, schedule, .. }| NewJob {
            name,
            first_run_at: schedule.first_after(wall),
            at_the_latest: schedule.next_after(wall),
        });
        self.ports.jobs.register(&new.collect::<Vec<_>>()).await
    }

    /// The jobs that are due and that nobody runs. What another version has left is not known here.
    pub async fn due_jobs(&self) -> Result<Vec<&'static Job>, Error> {
        let due = self.ports.jobs.due().await?;
        Ok(due.iter().filter_map(|name| Job::named(name)).collect())
    }

    /// Runs a job, unless another does. Nothing where its time has come and another was faster.
    /// `NotFound(Job)`, `Refused(JobRunning)`; `Conflict` when the lease was lost on the way, and
    /// the run with it. That the job failed is no error of this: it is how the run ended.
    pub async fn run_job(
        &self,
        name: &str,
        asked_by: AskedBy,
        pace: &dyn Pace,
    ) -> Result<Option<JobEnded>, Error> {
        let job = Job::named(name).ok_or(Error::NotFound(Missing::Job))?;
        if asked_by != AskedBy::Schedule {
            self.register_jobs().await?;
        }
        let run = RunId(self.ports.ids.next());
        let asked_at = self.ports.clock.wall();
        let claim = JobClaim { job: job.name, run, asked_by, lease: LEASE };
        match self.ports.jobs.claim(&claim).await? {
            Claimable::Taken(lease) => {
                self.run_leased(job, lease, (pace, asked_at)).await.map(Some)
            }
            Claimable::Running => Err(Refusal::JobRunning(job.name.to_owned()).into()),
            Claimable::NotDue => Ok(None),
        }
    }

    async fn run_leased(
        &self,
        job: &Job,
        lease: JobLease,
        (pace, asked_at): (&dyn Pace, OffsetDateTime),
    ) -> Result<JobEnded, Error> {
        let steps = Steps::new(pace, LEASE, asked_at);
        let working = (job.work)(self, &steps);
        let renewing = Box::pin(self.keep_renewing(&lease, &steps));
        let worked = match select(working, renewing).await {
            Either::Left((worked, _)) => worked,
            // The step under way ends by itself: nobody cuts a charge in two.
            Either::Right(((), working)) => working.await,
        };
        let (done, failed) = steps.counts();
        let (outcome, error) = match worked {
            Ok(()) if steps.was_stopped() => (RunOutcome::Stopped, None),
            Ok(()) => (RunOutcome::Done, None),
            Err(error) => (RunOutcome::Failed, Some(error.in_full())),
        };
        if let Some(error) = &error {
            tracing::warn!(job = job.name, error, "a job failed");
        } else if done + failed > 0 {
            tracing::info!(job = job.name, done, failed, %outcome, "a job ran");
        }
        let ended = Ended { outcome, done, failed, error };
        // Who was stopped left something to do: another may take it at once.
        let next_run_at = match outcome {
            RunOutcome::Stopped => lease.started_at,
            RunOutcome::Done | RunOutcome::Failed | RunOutcome::Lost => {
                job.schedule.next_after(lease.started_at)
            }
        };
        self.ports.jobs.finish(&lease, &ended, next_run_at).await?;
        Ok(JobEnded { run: lease.run, started_at: lease.started_at, ended })
    }

    /// Ends when the lease is lost.
    async fn keep_renewing(&self, lease: &JobLease, steps: &Steps<'_>) {
        loop {
            steps.pace().beat().await;
            let asked_at = self.ports.clock.wall();
            match self.ports.jobs.renew(lease, LEASE).await {
                Ok(()) => steps.renewed(asked_at),
                Err(Error::Conflict(_)) => {
                    tracing::warn!(job = lease.job, "another runner has the job now");
                    return steps.lose();
                }
                // It runs out in time, if this goes on.
                Err(error) => {
                    tracing::warn!(job = lease.job, error = error.in_full(), "lease not renewed");
                }
            }
        }
    }

    /// Every job, and where it stands.
    pub async fn list_jobs(&self) -> Result<Vec<JobStands>, Error> {
        let mut rows = self.ports.jobs.jobs().await?;
        let mut take = |name: &str| {
            let at = rows.iter().position(|row| row.name == name)?;
            Some(rows.swap_remove(at))
        };
        Ok(JOBS.iter().map(|job| JobStands { job, kept: take(job.name) }).collect())
    }

    /// Runs of a job, the newest first. `NotFound(Job)`.
    pub async fn job_runs(&self, name: &str, page: Page<RunId>) -> Result<Vec<JobRun>, Error> {
        let job = Job::named(name).ok_or(Error::NotFound(Missing::Job))?;
        self.ports.jobs.runs(job.name, page).await
    }
}
