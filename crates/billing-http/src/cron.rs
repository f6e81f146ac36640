//! Jobs that another scheduler calls.

use actix_web::web::{Data, Json, Path};
use billing_app::{Error, JOBS, Missing, ports::AskedBy};

use crate::{admin::jobs::JobOutcome, codes::Code, pace::Until, problem::Problem, state::Http};

/// Runs a job now, and answers when it has ended. The bearer is `CRON_SECRET`.
#[utoipa::path(post, path = "/api/cron/{job}", tag = "Jobs",
    params(("job" = String, Path, description = "Its name, such as `webhook-retry`")),
    responses(
        (status = 200, description = "How it ended; `outcome` may be `failed`", body = JobOutcome),
        (status = 404, description = "`JOB_NOT_FOUND`; `details.jobs` names those there are"),
        (status = 409, description = "`JOB_RUNNING`, `CONFLICT`"),
    ))]
pub(crate) async fn run(http: Data<Http>, job: Path<String>) -> Result<Json<JobOutcome>, Problem> {
    run_one(&http, job.into_inner(), AskedBy::Cron).await
}

/// Runs a job to its end, even if nobody waits for it.
pub(crate) async fn run_one(
    http: &Http,
    job: String,
    asked_by: AskedBy,
) -> Result<Json<JobOutcome>, Problem> {
    let (name, pace) = (job.clone(), Until(http.draining.clone()));
    let ran = http.spawned(|billing| async move { billing.run_job(&name, asked_by, &pace).await });
    match ran.await? {
        Ok(Some(ended)) => Ok(Json(JobOutcome::of(job, ended))),
        // It runs whenever it is asked for by name.
        Ok(None) => Err(Error::Conflict("the job").into()),
        Err(Error::NotFound(Missing::Job)) => Err(unknown()),
        Err(error) => Err(error.into()),
    }
}

fn unknown() -> Problem {
    let names: Vec<_> = JOBS.iter().map(|job| job.name).collect();
    let message = format!("There is no such job; there are {}", names.join(", "));
    Problem::new(Code::JobNotFound, message).with("jobs", names)
}
