use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

use async_trait::async_trait;
use billing_app::{
    Error, JOBS, JobEnded, Pace, Refusal, Schedule,
    ports::{
        About, AskedBy, Claimable, Clock as _, Ended, JobClaim, JobStore as _, LedgerQueries as _,
        RunOutcome,
    },
};
use billing_testkit::{NOON, builders::a_fresh_id};
use time::Duration;

use crate::{
    grant_credits::for_a_day,
    scene::{Scene, everything},
};

/// Goes on until it is over, and renews whenever it is waited for.
#[derive(Default)]
struct Beating {
    over: AtomicBool,
    beats: AtomicUsize,
}

#[async_trait]
impl Pace for Beating {
    fn is_over(&self) -> bool {
        self.over.load(Ordering::SeqCst)
    }

    async fn beat(&self) {
        self.beats.fetch_add(1, Ordering::SeqCst);
        std::future::pending().await
    }
}

/// When it is asked whether it is over, something happens.
struct Meanwhile<F>(F);

#[async_trait]
impl<F: Fn() -> bool + Send + Sync> Pace for Meanwhile<F> {
    fn is_over(&self) -> bool {
        (self.0)()
    }

    async fn beat(&self) {
        std::future::pending().await
    }
}

async fn run(scene: &Scene, job: &str, pace: &dyn Pace) -> Result<Option<JobEnded>, Error> {
    scene.billing.run_job(job, AskedBy::Admin, pace).await
}

fn ended(outcome: RunOutcome, done: u64) -> Ended {
    Ended { outcome, done, failed: 0, error: None }
}

#[tokio::test]
async fn every_job_runs_and_is_recorded() {
    let scene = Scene::new();
    for job in JOBS {
        let ran = run(&scene, job.name, &Beating::default()).await.unwrap().unwrap();
        assert_eq!(ran.ended.outcome, RunOutcome::Done, "{}", job.name);
        let runs = scene.billing.job_runs(job.name, everything()).await.unwrap();
        let [kept] = runs.as_slice() else { panic!("one run: {runs:?}") };
        assert_eq!((kept.id, kept.asked_by), (ran.run, AskedBy::Admin));
        assert_eq!(kept.ended.as_ref().map(|(_, ended)| ended), Some(&ran.ended));
    }
    let listed = scene.billing.list_jobs().await.unwrap();
    assert_eq!(listed.len(), JOBS.len());
    assert!(listed.iter().all(|it| it.kept.as_ref().is_some_and(|it| it.last.is_some())));
    fails!(run(&scene, "sweep", &Beating::default()).await, Error::NotFound(_));
}

#[tokio::test]
async fn a_job_counts_what_it_did() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    scene.billing.grant_credits(for_a_day(acme, 10)).await.unwrap();
    scene.clock.advance(Duration::days(3));
    let ran = run(&scene, "due-credits", &Beating::default()).await.unwrap().unwrap();
    assert_eq!(ran.ended, ended(RunOutcome::Done, 1));
    scene.tell(About::Subscription("sub_unknown".to_owned())).await;
    let ran = run(&scene, "webhook-retry", &Beating::default()).await.unwrap().unwrap();
    assert_eq!(ran.ended, Ended { failed: 1, ..ended(RunOutcome::Done, 0) });
}

#[tokio::test]
async fn a_job_that_fails_says_why_and_is_due_again() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    scene.billing.grant_credits(for_a_day(acme, 10)).await.unwrap();
    scene.clock.advance(Duration::days(3));
    scene.store.fail_next_commit();
    let ran = run(&scene, "due-credits", &Beating::default()).await.unwrap().unwrap();
    assert_eq!((ran.ended.outcome, ran.ended.done), (RunOutcome::Failed, 0));
    assert!(ran.ended.error.unwrap().contains("not available"));
    let ran = run(&scene, "due-credits", &Beating::default()).await.unwrap().unwrap();
    assert_eq!(ran.ended, ended(RunOutcome::Done, 1));
}

#[tokio::test]
async fn a_job_runs_when_it_is_due_and_by_one() {
    let scene = Scene::new();
    scene.billing.register_jobs().await.unwrap();
    let due: Vec<_> = scene.billing.due_jobs().await.unwrap().iter().map(|it| it.name).collect();
    let again = JOBS.iter().filter(|job| matches!(job.schedule, Schedule::Every(_)));
    let mut again: Vec<_> = again.map(|job| job.name).collect();
    again.sort_unstable();
    assert_eq!(due, again, "the others have an hour of the day");
    let scheduled = async |job| {
        let pace = Beating::default();
        scene.billing.run_job(job, AskedBy::Schedule, &pace).await
    };
    assert!(scheduled("top-ups").await.unwrap().is_some());
    assert_eq!(scheduled("top-ups").await.unwrap(), None, "it was done just now");
    assert_eq!(scheduled("partitions").await.unwrap(), None);

    let lease = core::time::Duration::from_secs(60);
    let asked_by = AskedBy::Operator;
    let claim = JobClaim { job: "due-credits", run: a_fresh_id(), asked_by, lease };
    assert!(matches!(scene.store.claim(&claim).await.unwrap(), Claimable::Taken(_)));
    fails!(scheduled("due-credits").await, Error::Refused(Refusal::JobRunning(_)));
}

#[tokio::test]
async fn who_is_asked_to_stop_does_after_a_step_and_another_goes_on() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    scene.billing.grant_credits(for_a_day(acme, 10)).await.unwrap();
    scene.clock.advance(Duration::HOUR);
    let steps = AtomicUsize::new(0);
    let after_one = Meanwhile(|| steps.fetch_add(1, Ordering::SeqCst) == 1);
    let ran = run(&scene, "due-credits", &after_one).await.unwrap().unwrap();
    assert_eq!(ran.ended, ended(RunOutcome::Stopped, 1));
    let due = scene.billing.due_jobs().await.unwrap();
    assert!(due.iter().any(|job| job.name == "due-credits"));
    let ran = run(&scene, "due-credits", &Beating::default()).await.unwrap().unwrap();
    assert_eq!(ran.ended, ended(RunOutcome::Done, 0));
}

#[tokio::test]
async fn who_was_away_for_longer_than_his_lease_does_nothing_more() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    scene.billing.grant_credits(for_a_day(acme, 10)).await.unwrap();
    scene.clock.advance_business(Duration::HOUR);
    // It was frozen between being given the job and its first step.
    let frozen = Meanwhile(|| {
        scene.clock.advance_wall(Duration::minutes(2));
        false
    });
    let ran = run(&scene, "due-credits", &frozen).await.unwrap().unwrap();
    assert_eq!((ran.ended.outcome, ran.ended.done), (RunOutcome::Failed, 0));
    assert!(ran.ended.error.unwrap().contains("lease"));
    let balance = scene.store.credits(acme).await.unwrap().unwrap().balance;
    assert_eq!(balance, 0, "nothing was booked");
}

#[tokio::test]
async fn what_a_lost_leader_did_is_not_recorded() {
    let scene = Arc::new(Scene::new());
    scene.billing.register_jobs().await.unwrap();
    let claim = |lease| JobClaim {
        job: "top-ups",
        run: a_fresh_id(),
        asked_by: AskedBy::Operator,
        lease: core::time::Duration::from_secs(lease),
    };
    let Claimable::Taken(away) = scene.store.claim(&claim(0)).await.unwrap() else {
        panic!("nobody has it")
    };
    assert!(matches!(scene.store.claim(&claim(60)).await.unwrap(), Claimable::Taken(_)));
    let late = scene.store.finish(&away, &ended(RunOutcome::Done, 9), NOON).await;
    fails!(late, Error::Conflict(_));
    let runs = scene.billing.job_runs("top-ups", everything()).await.unwrap();
    let outcomes: Vec<_> =
        runs.iter().map(|run| run.ended.as_ref().map(|(_, it)| (it.outcome, it.done))).collect();
    assert_eq!(outcomes, [None, Some((RunOutcome::Lost, 0))]);
    assert_eq!(scene.clock.now(), NOON);
}
