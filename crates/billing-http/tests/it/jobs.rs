//! Jobs: listed, run, and called by other schedulers.

use std::sync::atomic::Ordering;

use actix_web::test::TestRequest;
use billing_app::ports::{AskedBy, Claimable, Clock as _, JobClaim, JobStore as _};
use billing_testkit::builders::a_fresh_id;
use serde_json::json;

use crate::world::{Answer, World, request};

const SECRET: &str = "a secret of another scheduler";
const JOBS: &str = "/api/admin/jobs";

/// A world in which another scheduler may call.
async fn scheduled() -> World {
    let mut world = World::new().await;
    world.http.cron_digest = Some(world.http.billing.secrets().digest(SECRET.as_bytes()));
    world
}

async fn cron(world: &World, method: &str, job: &str, secret: &str) -> Answer {
    world.send(request(method, &format!("/api/cron/{job}"), secret)).await
}

#[actix_web::test]
async fn another_scheduler_runs_a_job() {
    let world = scheduled().await;
    for method in ["GET", "POST"] {
        let ran = cron(&world, method, "webhook-retry", SECRET).await;
        insta::allow_duplicates! {
            insta::assert_json_snapshot!(ran.ok(), { ".run_id" => "[id]" }, @r#"
            {
              "done": 0,
              "error": null,
              "failed": 0,
              "job": "webhook-retry",
              "outcome": "done",
              "run_id": "[id]",
              "started_at": "2026-03-14T12:00:00.535897Z"
            }
            "#);
        }
    }
}

#[actix_web::test]
async fn who_does_not_know_the_secret_runs_nothing() {
    let world = scheduled().await;
    for wrong in ["", "another", &SECRET[1..], &world.admin] {
        for job in ["webhook-retry", "no-such-job"] {
            let refused = cron(&world, "POST", job, wrong).await;
            assert_eq!(refused.refused(), (401, "UNAUTHENTICATED".to_owned()), "{wrong}");
            assert!(refused.text().contains("CRON_SECRET"), "{}", refused.text());
        }
    }
    let silent = world.send(TestRequest::post().uri("/api/cron/webhook-retry")).await;
    assert_eq!(silent.refused(), (401, "UNAUTHENTICATED".to_owned()));
    // The secret opens nothing else.
    let elsewhere = world.get(JOBS, SECRET).await;
    assert_eq!(elsewhere.refused(), (401, "UNAUTHENTICATED".to_owned()));
    assert_eq!(world.store.jobs().await.unwrap(), []);
}

#[actix_web::test]
async fn without_a_secret_nobody_may_call() {
    let world = World::new().await;
    let refused = cron(&world, "POST", "webhook-retry", SECRET).await;
    assert_eq!(refused.refused(), (401, "UNAUTHENTICATED".to_owned()));
    assert!(refused.text().contains("CRON_SECRET is not set"), "{}", refused.text());
}

#[actix_web::test]
async fn an_unknown_job_is_told_those_there_are() {
    let world = scheduled().await;
    let run = format!("{JOBS}/sweep/run");
    let answers = [
        cron(&world, "POST", "sweep", SECRET).await,
        world.post(&run, &world.admin, json!({})).await,
    ];
    for unknown in answers {
        assert_eq!(unknown.refused(), (404, "JOB_NOT_FOUND".to_owned()));
        let jobs = unknown.json()["error"]["details"]["jobs"].clone();
        assert!(jobs.as_array().unwrap().contains(&json!("webhook-retry")), "{jobs}");
    }
    let runs = world.get(&format!("{JOBS}/sweep/runs"), &world.admin).await;
    assert_eq!(runs.refused(), (404, "JOB_NOT_FOUND".to_owned()));
}

#[actix_web::test]
async fn a_job_that_runs_is_not_run_twice() {
    let world = scheduled().await;
    world.http.billing.register_jobs().await.unwrap();
    let lease = core::time::Duration::from_secs(60);
    let asked_by = AskedBy::Operator;
    let claim = JobClaim { job: "top-ups", run: a_fresh_id(), asked_by, lease };
    assert!(matches!(world.store.claim(&claim).await.unwrap(), Claimable::Taken(_)));

    let refused = cron(&world, "POST", "top-ups", SECRET).await;
    assert_eq!(refused.refused(), (409, "JOB_RUNNING".to_owned()));
    let run = format!("{JOBS}/top-ups/run");
    let refused = world.post(&run, &world.admin, json!({})).await;
    assert_eq!(refused.refused(), (409, "JOB_RUNNING".to_owned()));
    cron(&world, "POST", "webhook-retry", SECRET).await.ok();
}

#[actix_web::test]
async fn an_administrator_runs_a_job_and_sees_what_became_of_it() {
    let world = World::new().await;
    let ran = world.post(&format!("{JOBS}/partitions/run"), &world.admin, json!({})).await.ok();
    assert_eq!((&ran["outcome"], &ran["done"]), (&json!("done"), &json!(1)));
    assert_eq!(world.store.partitions(), [world.clock.now()]);

    let runs = world.get(&format!("{JOBS}/partitions/runs"), &world.admin).await.ok();
    assert_eq!(runs["data"][0]["id"], ran["run_id"]);
    assert_eq!(runs["data"][0]["asked_by"], "admin");
    assert_eq!(runs["has_more"], false);

    let jobs = world.get(JOBS, &world.admin).await.ok();
    let listed = jobs["data"].as_array().unwrap();
    let partitions = listed.iter().find(|job| job["name"] == "partitions").unwrap();
    assert_eq!(partitions["schedule"], "daily at 00:30 UTC");
    assert_eq!(partitions["next_run_at"], "2026-03-15T00:30:00Z");
    assert_eq!(partitions["last_run"]["outcome"], "done");
    let retry = listed.iter().find(|job| job["name"] == "webhook-retry").unwrap();
    assert_eq!(retry["last_run"], json!(null));
}

#[actix_web::test]
async fn a_server_that_is_about_to_stop_stops_jobs_after_their_step() {
    let world = World::new().await;
    world.http.draining.store(true, Ordering::SeqCst);
    let run = format!("{JOBS}/partitions/run");
    let ran = world.post(&run, &world.admin, json!({})).await.ok();
    assert_eq!((&ran["outcome"], &ran["done"]), (&json!("stopped"), &json!(0)));
    let due = world.http.billing.due_jobs().await.unwrap();
    assert!(due.iter().any(|job| job.name == "partitions"), "another may go on at once");
}
