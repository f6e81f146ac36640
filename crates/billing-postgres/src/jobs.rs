//! Jobs: leases with a fence, and what became of each run. The clock is the database's.

use std::time::Duration;

use async_trait::async_trait;
use billing_app::{
    Error,
    ports::{
        AskedBy, Claimable, Ended, JobClaim, JobLease, JobRow, JobRun, JobStore, NewJob, Page,
        RUNS_KEPT, RunId, RunOutcome, Scope,
    },
};
use diesel::{
    OptionalExtension as _,
    sql_types::{Array, BigInt, Bool, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid},
};
use diesel_async::RunQueryDsl;
use time::OffsetDateTime;
use uuid::Uuid;

use self::rows::{RunRow, StandingRow, run, standing};
use crate::{Database, error::failed, statement::statement};

mod rows;

statement! {
    /// Makes jobs known that are not.
    Register<'a> { names: &'a [&'a str], firsts: &'a [OffsetDateTime] } -> Integer;
    "INSERT INTO jobs (job, next_run_at) SELECT * FROM unnest(" [names: Array<Text>] ", "
    [firsts: Array<Timestamptz>] ") ON CONFLICT (job) DO NOTHING"
}

statement! {
    /// Makes jobs due at the latest then.
    Hasten<'a> { names: &'a [&'a str], latest: &'a [OffsetDateTime] } -> Integer;
    "UPDATE jobs SET next_run_at = at_the_latest FROM unnest(" [names: Array<Text>] ", "
    [latest: Array<Timestamptz>] ") AS new (name, at_the_latest) \
     WHERE job = name AND next_run_at > at_the_latest"
}

statement! {
    /// Takes a lease that nobody has.
    Take<'a> { job: &'a str, run: Uuid, always: bool, seconds: i64 } -> (BigInt, Timestamptz);
    "UPDATE jobs SET fence = fence + 1, owner = " [run: SqlUuid]
    ", expires_at = clock_timestamp() + " [seconds: BigInt] " * interval '1 second' WHERE job = "
    [job: Text] " AND (expires_at IS NULL OR expires_at <= clock_timestamp()) AND ("
    [always: Bool] " OR next_run_at <= clock_timestamp()) RETURNING fence, clock_timestamp()"
}

statement! {
    /// Whether somebody has the lease.
    IsHeld<'a> { job: &'a str } -> Bool;
    "SELECT COALESCE(expires_at > clock_timestamp(), false) FROM jobs WHERE job = " [job: Text]
}

statement! {
    /// The run of a lease that has lapsed ends here.
    GiveUp<'a> { job: &'a str, lost: &'a str } -> Integer;
    "UPDATE job_runs SET ended_at = clock_timestamp(), outcome = " [lost: Text]
    " WHERE ended_at IS NULL AND job = " [job: Text]
}

statement! {
    /// A run begins.
    Begin<'a> { run: Uuid, job: &'a str, asked_by: &'a str, at: OffsetDateTime } -> Integer;
    "INSERT INTO job_runs (run_id, job, asked_by, started_at) VALUES (" [run: SqlUuid] ", "
    [job: Text] ", " [asked_by: Text] ", " [at: Timestamptz] ")"
}

statement! {
    /// Holds on.
    Renew<'a> { job: &'a str, run: Uuid, fence: i64, seconds: i64 } -> Integer;
    "UPDATE jobs SET expires_at = clock_timestamp() + " [seconds: BigInt]
    " * interval '1 second' WHERE job = " [job: Text] " AND owner = " [run: SqlUuid]
    " AND fence = " [fence: BigInt]
}

statement! {
    /// Lets a lease go that is still held.
    LetGo<'a> { job: &'a str, run: Uuid, fence: i64, next_run_at: OffsetDateTime } -> Integer;
    "UPDATE jobs SET owner = NULL, expires_at = NULL, next_run_at = " [next_run_at: Timestamptz]
    " WHERE job = " [job: Text] " AND owner = " [run: SqlUuid] " AND fence = " [fence: BigInt]
}

statement! {
    /// A run ends.
    End<'a> {
        run: Uuid, outcome: &'a str, done: i64, failed: i64, error: Option<&'a str>,
    } -> Integer;
    "UPDATE job_runs SET ended_at = clock_timestamp(), outcome = " [outcome: Text] ", done = "
    [done: BigInt] ", failed = " [failed: BigInt] ", error = " [error: Nullable<Text>]
    " WHERE run_id = " [run: SqlUuid]
}

statement! {
    /// Of idle runs in a row the last stays; of all runs the latest.
    Forget<'a> { job: &'a str, run: Uuid, kept: i64 } -> Integer;
    "DELETE FROM job_runs old WHERE old.job = " [job: Text] " AND (old.run_id IN (\
       SELECT run_id FROM job_runs WHERE job = " [job: Text] " ORDER BY run_id DESC OFFSET "
    [kept: BigInt] ") OR (old.run_id = (SELECT run_id FROM job_runs WHERE job = "
    [job: Text] " AND run_id < " [run: SqlUuid] " ORDER BY run_id DESC LIMIT 1) AND old.asked_by = 'schedule' \
       AND old.outcome = 'done' AND old.done = 0 AND old.failed = 0 \
       AND EXISTS (SELECT FROM job_runs new WHERE new.run_id = " [run: SqlUuid]
    " AND new.asked_by = 'schedule' AND new.outcome = 'done' AND new.done = 0 \
       AND new.failed = 0)))"
}

statement! {
    /// Where jobs stand, with their newest run.
    Standing {} -> (Text, Timestamptz, Nullable<SqlUuid>, Nullable<Text>, Nullable<Timestamptz>,
        Nullable<Timestamptz>, Nullable<Text>, Nullable<BigInt>, Nullable<BigInt>, Nullable<Text>);
    "SELECT jobs.job, next_run_at, run_id, asked_by, started_at, ended_at, outcome, done, failed, \
     error FROM jobs LEFT JOIN LATERAL (SELECT * FROM job_runs WHERE job_runs.job = jobs.job \
     ORDER BY run_id DESC LIMIT 1) last ON true ORDER BY jobs.job"
}

statement! {
    /// Runs of a job, the newest first.
    Runs { job: String, before: Uuid, limit: i64 } -> (SqlUuid, Text, Timestamptz,
        Nullable<Timestamptz>, Nullable<Text>, BigInt, BigInt, Nullable<Text>);
    "SELECT run_id, asked_by, started_at, ended_at, outcome, done, failed, error FROM job_runs \
     WHERE job = " [job: Text] " AND run_id < " [before: SqlUuid] " ORDER BY run_id DESC LIMIT "
    [limit: BigInt]
}

statement! {
    /// What is due and nobody runs.
    DueJobs {} -> Text;
    "SELECT job FROM jobs WHERE next_run_at <= clock_timestamp() \
     AND (expires_at IS NULL OR expires_at <= clock_timestamp()) ORDER BY next_run_at, job"
}

#[async_trait]
impl JobStore for Database {
    async fn register(&self, jobs: &[NewJob]) -> Result<(), Error> {
        let names: Vec<_> = jobs.iter().map(|job| job.name).collect();
        let firsts: Vec<_> = jobs.iter().map(|job| job.first_run_at).collect();
        let latest: Vec<_> = jobs.iter().map(|job| job.at_the_latest).collect();
        let mut session = self.session(Scope::Engine).await?;
        let register = Register { names: &names, firsts: &firsts };
        register.execute(session.connection()).await.map_err(failed)?;
        let hasten = Hasten { names: &names, latest: &latest };
        hasten.execute(session.connection()).await.map_err(failed)?;
        session.commit().await
    }

    async fn claim(&self, wanted: &JobClaim<'_>) -> Result<Claimable, Error> {
        let JobClaim { job, run, asked_by, lease } = *wanted;
        let always = asked_by != AskedBy::Schedule;
        let mut session = self.session(Scope::Engine).await?;
        let take = Take { job, run: run.0, always, seconds: seconds(lease) };
        let taken: Option<(i64, OffsetDateTime)> =
            take.get_result(session.connection()).await.optional().map_err(failed)?;
        let Some((fence, started_at)) = taken else {
            let held: Option<bool> =
                IsHeld { job }.get_result(session.connection()).await.optional().map_err(failed)?;
            session.commit().await?;
            return Ok(if held == Some(true) { Claimable::Running } else { Claimable::NotDue });
        };
        let give_up = GiveUp { job, lost: RunOutcome::Lost.name() };
        give_up.execute(session.connection()).await.map_err(failed)?;
        let begin = Begin { run: run.0, job, asked_by: asked_by.name(), at: started_at };
        begin.execute(session.connection()).await.map_err(failed)?;
        session.commit().await?;
        Ok(Claimable::Taken(JobLease { job: job.to_owned(), run, fence, started_at }))
    }

    async fn renew(&self, lease: &JobLease, length: Duration) -> Result<(), Error> {
        let JobLease { job, run, fence, started_at: _ } = lease;
        let mut session = self.session(Scope::Engine).await?;
        let renew = Renew { job, run: run.0, fence: *fence, seconds: seconds(length) };
        let held = renew.execute(session.connection()).await.map_err(failed)?;
        session.commit().await?;
        still(held)
    }

    async fn finish(
        &self,
        lease: &JobLease,
        ended: &Ended,
        next_run_at: OffsetDateTime,
    ) -> Result<(), Error> {
        let JobLease { job, run, fence, started_at: _ } = lease;
        let Ended { outcome, done, failed: with_errors, error } = ended;
        let mut session = self.session(Scope::Engine).await?;
        let let_go = LetGo { job, run: run.0, fence: *fence, next_run_at };
        still(let_go.execute(session.connection()).await.map_err(failed)?)?;
        let count = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        let end = End {
            run: run.0,
            outcome: outcome.name(),
            done: count(*done),
            failed: count(*with_errors),
            error: error.as_deref(),
        };
        end.execute(session.connection()).await.map_err(failed)?;
        let forget = Forget { job, run: run.0, kept: RUNS_KEPT };
        forget.execute(session.connection()).await.map_err(failed)?;
        session.commit().await
    }

    async fn jobs(&self) -> Result<Vec<JobRow>, Error> {
        let rows: Vec<StandingRow> = self.rows(Scope::Operator, Standing {}).await?;
        rows.into_iter().map(standing).collect()
    }

    async fn runs(&self, job: &str, page: Page<RunId>) -> Result<Vec<JobRun>, Error> {
        let before = page.after.map_or(Uuid::max(), |id| id.0);
        let runs = Runs { job: job.to_owned(), before, limit: page.limit };
        let rows: Vec<RunRow> = self.rows(Scope::Operator, runs).await?;
        rows.into_iter().map(run).collect()
    }

    async fn due(&self) -> Result<Vec<String>, Error> {
        self.rows(Scope::Engine, DueJobs {}).await
    }
}

fn seconds(lease: Duration) -> i64 {
    i64::try_from(lease.as_secs()).unwrap_or(i64::MAX)
}

fn still(held: usize) -> Result<(), Error> {
    match held {
        1 => Ok(()),
        _ => Err(Error::Conflict("the lease of the job")),
    }
}
