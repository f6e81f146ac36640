//! Jobs: who runs one, and what became of each run.

use core::fmt;
use std::time::Duration;

use async_trait::async_trait;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{Error, ports::Page};

/// Keeps who runs a job, over any number of processes, and what became of each run.
///
/// Instants here are the store's own: it alone rules when something is due and how long a lease
/// lasts, so that clocks of processes need not agree.
#[async_trait]
pub trait JobStore: Send + Sync {
    /// Makes jobs known. One that is known becomes due at `at_the_latest`, or as it was before.
    async fn register(&self, jobs: &[NewJob]) -> Result<(), Error>;

    /// Takes the lease of a known job, unless another has it; nothing is taken where it is only
    /// wanted when due and is not. A run of which the lease has lapsed ends as lost.
    async fn claim(&self, wanted: &JobClaim<'_>) -> Result<Claimable, Error>;

    /// Holds on for as long again. `Conflict` once another has taken the lease.
    async fn renew(&self, lease: &JobLease, length: Duration) -> Result<(), Error>;

    /// Records how a run ended, gives up the lease, and says when the job is due next. `Conflict`
    /// once another has taken the lease: then nothing is recorded.
    ///
    /// Of a job the latest [`RUNS_KEPT`] runs are kept; of scheduled runs in a row that found
    /// nothing to do, the last.
    async fn finish(
        &self,
        lease: &JobLease,
        ended: &Ended,
        next_run_at: OffsetDateTime,
    ) -> Result<(), Error>;

    /// Where the known jobs stand, by name.
    async fn jobs(&self) -> Result<Vec<JobRow>, Error>;

    /// Runs of a job, the newest first.
    async fn runs(&self, job: &str, page: Page<RunId>) -> Result<Vec<JobRun>, Error>;

    /// Names of known jobs that are due and that nobody runs.
    async fn due(&self) -> Result<Vec<String>, Error>;
}

/// How many runs of a job are kept.
pub const RUNS_KEPT: i64 = 100;

/// One run of a job.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct RunId(pub Uuid);

impl From<Uuid> for RunId {
    fn from(id: Uuid) -> Self {
        Self(id)
    }
}

impl core::str::FromStr for RunId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self)
    }
}

/// A job to be known.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewJob {
    /// Its name.
    pub name: &'static str,
    /// When it is due for the first time, if it was never known.
    pub first_run_at: OffsetDateTime,
    /// It is due then at the latest, if it was known: a schedule may have become denser.
    pub at_the_latest: OffsetDateTime,
}

/// Who wants to run a job, and when.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct JobClaim<'a> {
    /// Which one.
    pub job: &'a str,
    /// The run, if it begins.
    pub run: RunId,
    /// Who asks.
    pub asked_by: AskedBy,
    /// How long the lease lasts, unless it is renewed.
    pub lease: Duration,
}

/// Why a job runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AskedBy {
    /// Its time has come. It runs only if it is still due.
    Schedule,
    /// Another scheduler called.
    Cron,
    /// An administrator asked, over the API.
    Admin,
    /// An operator asked, on the command line.
    Operator,
}

impl AskedBy {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Schedule, Self::Cron, Self::Admin, Self::Operator];

    /// Its name in tables and answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Schedule => "schedule",
            Self::Cron => "cron",
            Self::Admin => "admin",
            Self::Operator => "operator",
        }
    }
}

/// Whether a job could be taken.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Claimable {
    /// It is taken.
    Taken(JobLease),
    /// Another runs it.
    Running,
    /// It is only wanted when due, and is not.
    NotDue,
}

/// The right to run a job, for a while.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct JobLease {
    /// Which one.
    pub job: String,
    /// The run that began.
    pub run: RunId,
    /// Greater than that of every run before: by it a runner who was away is known.
    pub fence: i64,
    /// When the run began.
    pub started_at: OffsetDateTime,
}

/// How a run ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ended {
    /// What became of it.
    pub outcome: RunOutcome,
    /// How much it did.
    pub done: u64,
    /// How much of it failed, without holding up the rest.
    pub failed: u64,
    /// Why it failed, for operators.
    pub error: Option<String>,
}

/// What became of a run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RunOutcome {
    /// It did all there was.
    Done,
    /// It could not go on.
    Failed,
    /// It was asked to stop, and did after a step.
    Stopped,
    /// Its runner was not heard of any more, and another took the job.
    Lost,
}

impl RunOutcome {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Done, Self::Failed, Self::Stopped, Self::Lost];

    /// Its name in tables and answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Stopped => "stopped",
            Self::Lost => "lost",
        }
    }
}

impl fmt::Display for RunOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Where a job stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct JobRow {
    /// Its name.
    pub name: String,
    /// When it is due next.
    pub next_run_at: OffsetDateTime,
    /// The newest run; one that has not ended is under way.
    pub last: Option<JobRun>,
}

/// One run of a job.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct JobRun {
    /// Our id.
    pub id: RunId,
    /// Why it ran.
    pub asked_by: AskedBy,
    /// When it began.
    pub started_at: OffsetDateTime,
    /// When and how it ended.
    pub ended: Option<(OffsetDateTime, Ended)>,
}
