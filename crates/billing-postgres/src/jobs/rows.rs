//! Rows of jobs and runs, read.

use anyhow::Context;
use billing_app::{
    Error,
    ports::{AskedBy, Ended, JobRow, JobRun, RunId, RunOutcome},
};
use time::OffsetDateTime;
use uuid::Uuid;

pub(super) type RunRow = (
    Uuid,
    String,
    OffsetDateTime,
    Option<OffsetDateTime>,
    Option<String>,
    i64,
    i64,
    Option<String>,
);

pub(super) type StandingRow = (
    String,
    OffsetDateTime,
    Option<Uuid>,
    Option<String>,
    Option<OffsetDateTime>,
    Option<OffsetDateTime>,
    Option<String>,
    Option<i64>,
    Option<i64>,
    Option<String>,
);

pub(super) fn run(row: RunRow) -> Result<JobRun, Error> {
    let id = row.0;
    Ok(read(row).with_context(|| format!("the run {id} of a job cannot be read"))?)
}

fn read(row: RunRow) -> anyhow::Result<JobRun> {
    let (id, asked_by, started_at, ended_at, outcome, done, failed, error) = row;
    let asked_by = AskedBy::ALL.into_iter().find(|known| known.name() == asked_by);
    let outcome = match outcome {
        None => None,
        Some(name) => {
            let known = RunOutcome::ALL.into_iter().find(|known| known.name() == name);
            Some(known.context("the outcome is unknown")?)
        }
    };
    let (done, failed) = (u64::try_from(done)?, u64::try_from(failed)?);
    let ended =
        ended_at.zip(outcome).map(|(at, outcome)| (at, Ended { outcome, done, failed, error }));
    let asked_by = asked_by.context("nobody knows who asked")?;
    Ok(JobRun { id: RunId(id), asked_by, started_at, ended })
}

pub(super) fn standing(row: StandingRow) -> Result<JobRow, Error> {
    let (name, next_run_at, id, asked_by, started_at, ended_at, outcome, done, failed, error) = row;
    let last = match (id, asked_by, started_at, done, failed) {
        (Some(id), Some(asked_by), Some(started_at), Some(done), Some(failed)) => {
            Some(run((id, asked_by, started_at, ended_at, outcome, done, failed, error))?)
        }
        _ => None,
    };
    Ok(JobRow { name, next_run_at, last })
}
