//! Jobs: one runner at a time, whatever happens to a runner.

use std::time::Duration;

use billing_app::{
    Error,
    ports::{
        AskedBy, Claimable, Clock as _, Ended, JobClaim, JobLease, JobRow, JobRun, NewJob, Page,
        RUNS_KEPT, RunId, RunOutcome,
    },
};
use time::OffsetDateTime;

use super::{
    Promise,
    stage::{at_once, everything},
};
use crate::{Stopped, Subject, builders::a_fresh_id};

const JOB: &str = "sweep";
const LONG: Duration = Duration::from_secs(3_600);
/// Over as soon as it is taken.
const LAPSED: Duration = Duration::ZERO;

/// Long ago, and far away: whatever the store's clock says.
fn past_and_future() -> (OffsetDateTime, OffsetDateTime) {
    let now = Stopped::default().now();
    (now - time::Duration::days(3_650), now + time::Duration::days(36_500))
}

fn a_job(first_run_at: OffsetDateTime) -> NewJob {
    NewJob { name: JOB, first_run_at, at_the_latest: past_and_future().1 }
}

impl Subject {
    async fn due_job(&self) -> Promise {
        self.jobs.register(&[a_job(past_and_future().0)]).await?;
        Ok(())
    }

    async fn claim(&self, asked_by: AskedBy, lease: Duration) -> Result<Claimable, Error> {
        let claim = JobClaim { job: JOB, run: a_fresh_id::<RunId>(), asked_by, lease };
        self.jobs.claim(&claim).await
    }

    async fn taken(&self, lease: Duration) -> Result<JobLease, Error> {
        let claimed = self.claim(AskedBy::Schedule, lease).await?;
        let Claimable::Taken(lease) = claimed else { panic!("not taken: {claimed:?}") };
        Ok(lease)
    }

    async fn job_row(&self) -> Result<JobRow, Error> {
        let rows = self.jobs.jobs().await?;
        Ok(rows.into_iter().find(|row| row.name == JOB).expect("the job is known"))
    }

    async fn all_runs(&self) -> Result<Vec<JobRun>, Error> {
        self.jobs.runs(JOB, everything()).await
    }
}

fn done(done: u64) -> Ended {
    Ended { outcome: RunOutcome::Done, done, failed: 0, error: None }
}

fn is_lost<T: core::fmt::Debug>(result: &Result<T, Error>) -> bool {
    matches!(result, Err(Error::Conflict(_)))
}

/// A job is known once; made known again it may become due sooner, and never later.
pub async fn a_job_that_recurs_is_due_when_it_is_made_known(subject: &Subject) -> Promise {
    let (past, future) = past_and_future();
    let sooner = future - time::Duration::DAY;
    subject.jobs.register(&[a_job(future)]).await?;
    assert_eq!(
        subject.job_row().await?,
        JobRow { name: JOB.to_owned(), next_run_at: future, last: None }
    );
    assert_eq!(subject.jobs.due().await?, Vec::<String>::new());
    assert_eq!(subject.claim(AskedBy::Schedule, LONG).await?, Claimable::NotDue);

    let again = NewJob { name: JOB, first_run_at: past, at_the_latest: sooner };
    subject.jobs.register(&[again]).await?;
    assert_eq!(subject.job_row().await?.next_run_at, sooner);
    subject.jobs.register(&[a_job(past)]).await?;
    assert_eq!(subject.job_row().await?.next_run_at, sooner, "it is known");

    let other = NewJob { name: "other", first_run_at: past, at_the_latest: future };
    subject.jobs.register(&[a_job(past), other]).await?;
    assert_eq!(subject.jobs.due().await?, ["other"]);
    Ok(())
}

/// While one runs a job nobody else does; when he has ended, another may.
pub async fn a_job_has_one_runner(subject: &Subject) -> Promise {
    let (past, _) = past_and_future();
    subject.due_job().await?;
    assert_eq!(subject.jobs.due().await?, [JOB]);
    let first = subject.taken(LONG).await?;
    assert_eq!(subject.jobs.due().await?, Vec::<String>::new());
    for asked_by in AskedBy::ALL {
        assert_eq!(subject.claim(asked_by, LONG).await?, Claimable::Running);
    }
    let row = subject.job_row().await?;
    let last = row.last.expect("it runs");
    assert_eq!((last.id, last.started_at), (first.run, first.started_at));
    assert_eq!(last.ended, None);

    subject.jobs.finish(&first, &done(1), past).await?;
    let second = subject.taken(LONG).await?;
    assert!(second.fence > first.fence);
    Ok(())
}

/// Of many who want a due job at the same time one gets it.
pub async fn a_job_has_one_runner_at_the_same_time(subject: &Subject) -> Promise {
    subject.due_job().await?;
    let all = (0..8).map(|_| {
        let (jobs, run) = (subject.jobs.clone(), a_fresh_id::<RunId>());
        async move {
            let claim = JobClaim { job: JOB, run, asked_by: AskedBy::Schedule, lease: LONG };
            jobs.claim(&claim).await
        }
    });
    let claimed = at_once(all).await;
    let taken = claimed.iter().filter(|it| matches!(it, Ok(Claimable::Taken(_)))).count();
    let running = claimed.iter().filter(|it| matches!(it, Ok(Claimable::Running))).count();
    assert_eq!((taken, running), (1, 7), "{claimed:?}");
    assert_eq!(subject.all_runs().await?.len(), 1);
    Ok(())
}

/// A runner of whom nothing is heard loses the job, and can do nothing with it any more.
pub async fn a_lapsed_lease_passes_to_another(subject: &Subject) -> Promise {
    let (past, future) = past_and_future();
    subject.due_job().await?;
    let paused = subject.taken(LAPSED).await?;
    assert_eq!(subject.jobs.due().await?, [JOB]);
    let other = subject.taken(LONG).await?;
    assert!(other.fence > paused.fence);

    assert!(is_lost(&subject.jobs.renew(&paused, LONG).await));
    assert!(is_lost(&subject.jobs.finish(&paused, &done(7), future).await));
    let runs = subject.all_runs().await?;
    let [newer, older] = runs.as_slice() else { panic!("two runs: {runs:?}") };
    assert_eq!((newer.id, &newer.ended), (other.run, &None));
    let (_, ended) = older.ended.as_ref().expect("it has ended");
    assert_eq!((older.id, ended.outcome, ended.done), (paused.run, RunOutcome::Lost, 0));

    subject.jobs.finish(&other, &done(1), past).await?;
    assert!(is_lost(&subject.jobs.finish(&other, &done(1), past).await), "it is over");
    Ok(())
}

/// Who renews his lease keeps the job.
pub async fn a_lease_that_is_renewed_goes_on(subject: &Subject) -> Promise {
    let (past, _) = past_and_future();
    subject.due_job().await?;
    let lease = subject.taken(LAPSED).await?;
    subject.jobs.renew(&lease, LONG).await?;
    assert_eq!(subject.claim(AskedBy::Admin, LONG).await?, Claimable::Running);
    subject.jobs.finish(&lease, &done(1), past).await?;
    assert!(is_lost(&subject.jobs.renew(&lease, LONG).await), "it is over");
    Ok(())
}

/// The end of a run says when the job is due again, and how the run went is kept.
pub async fn a_job_is_due_again_when_its_run_said(subject: &Subject) -> Promise {
    let (past, future) = past_and_future();
    subject.due_job().await?;
    let lease = subject.taken(LONG).await?;
    let ended = Ended {
        outcome: RunOutcome::Failed,
        done: 3,
        failed: 2,
        error: Some("the gateway is away".to_owned()),
    };
    subject.jobs.finish(&lease, &ended, future).await?;
    let row = subject.job_row().await?;
    assert_eq!(row.next_run_at, future);
    let last = row.last.expect("it ran");
    let (at, kept) = last.ended.expect("it has ended");
    assert!(last.started_at <= at);
    assert_eq!((last.asked_by, kept), (AskedBy::Schedule, ended));
    assert_eq!(subject.claim(AskedBy::Schedule, LONG).await?, Claimable::NotDue);

    subject.jobs.register(&[NewJob { at_the_latest: past, ..a_job(past) }]).await?;
    subject.taken(LONG).await?;
    Ok(())
}

/// Who asks for it by name need not wait until it is due.
pub async fn a_job_runs_when_asked_though_not_due(subject: &Subject) -> Promise {
    let (_, future) = past_and_future();
    subject.jobs.register(&[a_job(future)]).await?;
    for asked_by in [AskedBy::Cron, AskedBy::Admin, AskedBy::Operator] {
        let claimed = subject.claim(asked_by, LONG).await?;
        let Claimable::Taken(lease) = claimed else { panic!("{asked_by:?}: {claimed:?}") };
        subject.jobs.finish(&lease, &done(0), future).await?;
        let last = subject.job_row().await?.last.expect("it ran");
        assert_eq!((last.id, last.asked_by), (lease.run, asked_by));
    }
    Ok(())
}

/// Runs are listed in pages, the newest first, each job's own.
pub async fn runs_of_jobs_are_listed_in_pages(subject: &Subject) -> Promise {
    let (past, _) = past_and_future();
    subject.due_job().await?;
    let mut ran = Vec::new();
    for n in 1..=5 {
        let lease = subject.taken(LONG).await?;
        subject.jobs.finish(&lease, &done(n), past).await?;
        ran.insert(0, lease.run);
    }
    let ids = |runs: Vec<JobRun>| runs.into_iter().map(|run| run.id).collect::<Vec<_>>();
    let first = ids(subject.jobs.runs(JOB, Page { after: None, limit: 2 }).await?);
    let last = first.last().copied();
    let rest = ids(subject.jobs.runs(JOB, Page { after: last, limit: 10 }).await?);
    assert_eq!([first, rest].concat(), ran);
    assert_eq!(subject.jobs.runs("other", everything()).await?, []);
    Ok(())
}

/// Scheduled runs that find nothing to do do not crowd out those that did something.
pub async fn idle_runs_in_a_row_leave_one_row(subject: &Subject) -> Promise {
    let (past, _) = past_and_future();
    subject.due_job().await?;
    let run = async |asked_by, count| {
        let claimed = subject.claim(asked_by, LONG).await?;
        let Claimable::Taken(lease) = claimed else { panic!("not taken: {claimed:?}") };
        subject.jobs.finish(&lease, &done(count), past).await?;
        Ok::<_, Error>(lease.run)
    };
    run(AskedBy::Schedule, 0).await?;
    let idle = run(AskedBy::Schedule, 0).await?;
    let busy = run(AskedBy::Schedule, 4).await?;
    let asked = run(AskedBy::Admin, 0).await?;
    run(AskedBy::Schedule, 0).await?;
    run(AskedBy::Schedule, 0).await?;
    let last = run(AskedBy::Schedule, 0).await?;
    let ids: Vec<_> = subject.all_runs().await?.into_iter().map(|run| run.id).collect();
    assert_eq!(ids, [last, asked, busy, idle]);
    Ok(())
}

/// So many runs are kept, and no more.
pub async fn the_latest_runs_are_kept(subject: &Subject) -> Promise {
    let (past, _) = past_and_future();
    subject.due_job().await?;
    let mut last = None;
    for n in 0..RUNS_KEPT + 3 {
        let lease = subject.taken(LONG).await?;
        subject.jobs.finish(&lease, &done(n.unsigned_abs() + 1), past).await?;
        last = Some(lease.run);
    }
    let runs = subject.all_runs().await?;
    assert_eq!(i64::try_from(runs.len())?, RUNS_KEPT);
    assert_eq!(runs.first().map(|run| run.id), last);
    Ok(())
}
