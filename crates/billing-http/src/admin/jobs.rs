//! Jobs: where they stand, what became of their runs, and running one now.

use actix_web::web::{Data, Json, Path};
use billing_app::{
    JobEnded, JobStands,
    ports::{AskedBy, Ended, JobRun},
};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    body::Params,
    cron::run_one,
    moment::Moment,
    page::{List, Paging, page},
    problem::Problem,
    state::Http,
};

/// A job.
#[derive(Serialize, ToSchema)]
pub(crate) struct ListedJob {
    #[schema(example = "webhook-retry")]
    name: &'static str,
    /// What it does.
    about: &'static str,
    #[schema(example = "every 1 min")]
    schedule: String,
    /// Nothing before any process has made it known.
    next_run_at: Option<Moment>,
    /// The newest run; one that has not ended is under way.
    last_run: Option<Run>,
}

/// One run of a job.
#[derive(Serialize, ToSchema)]
pub(crate) struct Run {
    id: Uuid,
    /// `schedule`, `cron`, `admin` or `operator`.
    #[schema(example = "schedule")]
    asked_by: &'static str,
    /// By the database's clock.
    started_at: Moment,
    ended_at: Option<Moment>,
    /// `done`, `failed`, `stopped` (asked to end, after a step) or `lost` (its runner was not heard
    /// of any more); nothing while it runs.
    #[schema(example = "done")]
    outcome: Option<&'static str>,
    /// How much it did.
    done: u64,
    /// How much of it failed, without holding up the rest.
    failed: u64,
    /// Why it failed.
    error: Option<String>,
}

/// How a run ended.
#[derive(Serialize, ToSchema)]
pub(crate) struct JobOutcome {
    #[schema(example = "webhook-retry")]
    job: String,
    /// The run, by which it is found among the others.
    run_id: Uuid,
    started_at: Moment,
    /// `done`, `failed`, or `stopped`: the server is about to stop, and another goes on.
    #[schema(example = "done")]
    outcome: &'static str,
    /// How much it did.
    done: u64,
    /// How much of it failed, without holding up the rest.
    failed: u64,
    /// Why it failed.
    error: Option<String>,
}

/// Lists all jobs, and where they stand.
#[utoipa::path(get, path = "/api/admin/jobs", tag = "Administration",
    responses((status = 200, description = "All of them", body = List<ListedJob>)))]
pub(crate) async fn list(http: Data<Http>) -> Result<Json<List<ListedJob>>, Problem> {
    let jobs = http.billing.list_jobs().await?;
    Ok(Json(List::all(jobs.into_iter().map(ListedJob::from).collect())))
}

/// Lists runs of a job, the newest first. Of runs in a row that found nothing to do the last is kept.
#[utoipa::path(get, path = "/api/admin/jobs/{job}/runs", tag = "Administration",
    params(("job" = String, Path, description = "Its name"), Paging),
    responses(
        (status = 200, description = "A page of them", body = List<Run>),
        (status = 404, description = "`JOB_NOT_FOUND`"),
    ))]
pub(crate) async fn runs(
    http: Data<Http>,
    job: Path<String>,
    Params(paging): Params<Paging>,
) -> Result<Json<List<Run>>, Problem> {
    let page = page(paging.limit, paging.starting_after.as_deref())?;
    let found = http.billing.job_runs(&job, page).await?;
    Ok(Json(List::of(found, page, Run::from)))
}

/// Runs a job now, and answers when it has ended.
#[utoipa::path(post, path = "/api/admin/jobs/{job}/run", tag = "Administration",
    params(("job" = String, Path, description = "Its name")),
    responses(
        (status = 200, description = "How it ended; `outcome` may be `failed`", body = JobOutcome),
        (status = 404, description = "`JOB_NOT_FOUND`"),
        (status = 409, description = "`JOB_RUNNING`, `CONFLICT`"),
    ))]
pub(crate) async fn run(http: Data<Http>, job: Path<String>) -> Result<Json<JobOutcome>, Problem> {
    run_one(&http, job.into_inner(), AskedBy::Admin).await
}

impl JobOutcome {
    pub(crate) fn of(job: String, ended: JobEnded) -> Self {
        let JobEnded { run, started_at, ended } = ended;
        let Ended { outcome, done, failed, error } = ended;
        Self {
            job,
            run_id: run.0,
            started_at: Moment(started_at),
            outcome: outcome.name(),
            done,
            failed,
            error,
        }
    }
}

impl From<JobStands> for ListedJob {
    fn from(stands: JobStands) -> Self {
        let JobStands { job, kept } = stands;
        Self {
            name: job.name,
            about: job.about,
            schedule: job.schedule.to_string(),
            next_run_at: kept.as_ref().map(|kept| Moment(kept.next_run_at)),
            last_run: kept.and_then(|kept| kept.last).map(Run::from),
        }
    }
}

impl From<JobRun> for Run {
    fn from(run: JobRun) -> Self {
        let JobRun { id, asked_by, started_at, ended } = run;
        let ended_at = ended.as_ref().map(|(at, _)| Moment(*at));
        let ended = ended.map(|(_, ended)| ended);
        Self {
            id: id.0,
            asked_by: asked_by.name(),
            started_at: Moment(started_at),
            ended_at,
            outcome: ended.as_ref().map(|it| it.outcome.name()),
            done: ended.as_ref().map_or(0, |it| it.done),
            failed: ended.as_ref().map_or(0, |it| it.failed),
            error: ended.and_then(|it| it.error),
        }
    }
}
