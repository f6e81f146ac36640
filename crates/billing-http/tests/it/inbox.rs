//! What administrators see of webhooks, and do about them.

use std::sync::atomic::Ordering;

use actix_web::test::TestRequest;
use billing_app::ports::About;
use serde_json::{Value, json};
use time::Duration;

use crate::world::World;

const LIST: &str = "/api/admin/webhooks";

/// A webhook about something is kept. Its id.
async fn kept(world: &World, about: About) -> String {
    let (headers, body) = world.gateway.webhook(about);
    let mut asked = TestRequest::post().uri("/api/billing/webhook/stripe").set_payload(body);
    asked = asked.insert_header(("user-agent", "Stripe/1.0 (+https://stripe.com/docs/webhooks)"));
    for (name, value) in headers {
        asked = asked.insert_header((name, value));
    }
    world.send(asked).await.ok();
    list(world, "?limit=1").await[0]["id"].as_str().unwrap().to_owned()
}

/// A webhook that waits to be processed. Its id.
pub(crate) async fn waiting(world: &World) -> String {
    kept(world, About::Payment("pi_unknown".to_owned())).await
}

/// A webhook that has failed for good. Its id.
async fn dead(world: &World) -> String {
    let id = waiting(world).await;
    for _ in 0..9 {
        world.http.billing.process_webhooks().await.unwrap();
        world.clock.advance_wall(Duration::minutes(80));
    }
    id
}

async fn list(world: &World, query: &str) -> Vec<Value> {
    let page = world.get(&format!("{LIST}{query}"), &world.admin).await.ok();
    page["data"].as_array().unwrap().clone()
}

async fn one(world: &World, id: &str) -> Value {
    world.get(&format!("{LIST}/{id}"), &world.admin).await.ok()
}

fn why() -> Value {
    json!({ "reason": "The price is in the catalogue now" })
}

#[actix_web::test]
async fn webhooks_are_listed() {
    let world = World::new().await;
    for _ in 0..3 {
        kept(&world, About::Nothing).await;
    }
    let all = list(&world, "").await;
    assert_eq!(all.len(), 3);
    insta::assert_json_snapshot!(all[0], {
        ".id" => "[id]", ".event_id" => "[event]",
    }, @r#"
    {
      "attempts": 0,
      "error": null,
      "event_id": "[event]",
      "gateway": "stripe",
      "id": "[id]",
      "next_attempt_at": null,
      "received_at": "2026-03-14T12:00:00.535897Z",
      "status": "ignored",
      "type": "plan.created"
    }
    "#);
    for (query, count) in [
        ("?status=ignored", 3),
        ("?status=dead", 0),
        ("?gateway=stripe&type=plan.created", 3),
        ("?type=invoice.paid", 0),
        ("?since=2026-03-14T12:00:00.535897Z", 3),
        ("?until=2026-03-14T12:00:00.535897Z", 0),
        ("?limit=2", 2),
    ] {
        assert_eq!(list(&world, query).await.len(), count, "{query}");
    }
    for (query, field) in [
        ("?status=lost", "status"),
        ("?gateway=nobody", "gateway"),
        ("?since=yesterday", "since"),
        ("?limit=0", "limit"),
    ] {
        let answer = world.get(&format!("{LIST}{query}"), &world.admin).await;
        assert_eq!(answer.refused(), (400, "VALIDATION_ERROR".to_owned()), "{query}");
        assert_eq!(answer.json()["error"]["details"]["field"], field, "{query}");
    }
    assert_eq!(world.get(LIST, &world.backend).await.status, 403);
}

#[actix_web::test]
async fn all_of_a_webhook_is_shown() {
    let world = World::new().await;
    let id = waiting(&world).await;
    world.http.billing.process_webhooks().await.unwrap();
    let shown = one(&world, &id).await;
    assert_eq!((&shown["status"], &shown["attempts"]), (&json!("retrying"), &json!(1)));
    assert_eq!(shown["payload"]["type"], "payment_intent.succeeded");
    assert_eq!(shown["headers"]["user-agent"], "Stripe/1.0 (+https://stripe.com/docs/webhooks)");
    assert!(shown["headers"]["x-request-id"].as_str().unwrap().starts_with("req_"));
    let [tried] = shown["history"].as_array().unwrap().as_slice() else { panic!("{shown}") };
    assert_eq!((&tried["outcome"], &tried["duration_us"]), (&json!("failed"), &json!(0)));
    assert!(tried["error"].as_str().unwrap().contains("does not know the object"));
    assert_eq!(shown["actions"], json!([]));
}

#[actix_web::test]
async fn a_webhook_is_tried_again_and_it_is_kept_who_wanted_it() {
    let world = World::new().await;
    let id = dead(&world).await;
    assert_eq!(one(&world, &id).await["status"], "dead");
    let woken = world.woken.load(Ordering::SeqCst);
    let path = format!("{LIST}/{id}/retry");
    let retried = world.post(&path, &world.admin, why()).await;
    assert_eq!((retried.status, retried.json()), (202, json!({ "id": id, "status": "queued" })));
    assert_eq!(world.woken.load(Ordering::SeqCst), woken + 1);
    let progress = world.http.billing.process_webhooks().await.unwrap();
    assert_eq!(progress.failed, 1);
    let shown = one(&world, &id).await;
    assert_eq!(shown["actions"][0]["action"], "retry");
    assert_eq!(shown["actions"][0]["reason"], why()["reason"]);
    assert!(shown["actions"][0]["actor"].as_str().unwrap().starts_with("api_key "));
    assert_eq!(shown["history"].as_array().unwrap().len(), 10);
    let without = world.post(&path, &world.admin, json!({})).await;
    assert_eq!(without.refused(), (400, "VALIDATION_ERROR".to_owned()), "a wish says why");
}

#[actix_web::test]
async fn a_webhook_is_given_up() {
    let world = World::new().await;
    let id = dead(&world).await;
    let path = format!("{LIST}/{id}/discard");
    for _ in 0..2 {
        let given_up = world.post(&path, &world.admin, why()).await.ok();
        assert_eq!(given_up, json!({ "id": id, "status": "discarded" }));
    }
    let shown = one(&world, &id).await;
    assert_eq!(
        (&shown["status"], &shown["actions"][0]["action"]),
        (&json!("discarded"), &json!("discard"))
    );
    assert_eq!(shown["actions"].as_array().unwrap().len(), 1);
    let ignored = kept(&world, About::Nothing).await;
    let path = format!("{LIST}/{ignored}/discard");
    let refused = world.post(&path, &world.admin, why()).await;
    assert_eq!(refused.refused(), (422, "WEBHOOK_DONE".to_owned()));
}

#[actix_web::test]
async fn what_is_not_there_cannot_be_tended() {
    let world = World::new().await;
    for unknown in ["nothing", "0192d3a4-0000-7000-8000-00000000dead"] {
        let path = format!("{LIST}/{unknown}");
        let answer = world.get(&path, &world.admin).await;
        assert_eq!(answer.refused(), (404, "WEBHOOK_NOT_FOUND".to_owned()));
        for deed in ["retry", "discard"] {
            let answer = world.post(&format!("{path}/{deed}"), &world.admin, why()).await;
            assert_eq!(answer.refused(), (404, "WEBHOOK_NOT_FOUND".to_owned()));
        }
    }
}

#[actix_web::test]
async fn many_are_tried_again_after_a_look() {
    let world = World::new().await;
    let first = dead(&world).await;
    let second = dead(&world).await;
    let path = format!("{LIST}/retry");
    let ask = |body: Value| {
        let (world, path) = (&world, path.clone());
        async move { world.post(&path, &world.admin, body).await }
    };
    let dry = ask(json!({ "dry_run": true, "limit": 1 })).await.ok();
    assert_eq!(
        (&dry["dry_run"], &dry["matched"], &dry["retried"]),
        (&json!(true), &json!(2), &json!(1))
    );
    assert_eq!(dry["webhooks"][0]["id"], first, "the oldest first");
    assert_eq!(one(&world, &first).await["status"], "dead");
    let none = ask(json!({ "dry_run": true, "type": "invoice.paid" })).await.ok();
    assert_eq!(none["matched"], 0);

    let wet =
        ask(json!({ "gateway": "stripe", "type": "payment_intent.succeeded", "reason": "mended" }));
    let wet = wet.await.ok();
    assert_eq!((&wet["matched"], &wet["retried"]), (&json!(2), &json!(2)));
    let shown = [one(&world, &first).await, one(&world, &second).await];
    assert!(shown.iter().all(|it| it["status"] == "received"));
    assert_eq!(shown[0]["actions"][0]["id"], shown[1]["actions"][0]["id"], "one wish");
    for (body, field) in [
        (json!({}), "reason"),
        (json!({ "reason": " " }), "reason"),
        (json!({ "dry_run": true, "limit": 1001 }), "limit"),
        (json!({ "dry_run": true, "status": "lost" }), "status"),
        (json!({ "dry_run": true, "until": 7 }), "until"),
    ] {
        let refused = ask(body).await;
        assert_eq!(refused.refused(), (400, "VALIDATION_ERROR".to_owned()));
        assert_eq!(refused.json()["error"]["details"]["field"], field);
    }
}

#[actix_web::test]
async fn the_inbox_says_how_it_does() {
    let world = World::new().await;
    kept(&world, About::Nothing).await;
    let path = "/api/admin/metrics/webhooks";
    insta::assert_json_snapshot!(world.get(path, &world.admin).await.ok(), @r#"
    {
      "dead": 0,
      "dead_letters": 0,
      "discarded": 0,
      "ignored": 1,
      "median_to_effect_us": null,
      "p99_to_effect_us": null,
      "pending": 0,
      "processed": 0,
      "received": 1,
      "refused": {
        "bad_signatures": 0,
        "unreadable": 0
      },
      "retrying": 0,
      "since": "2026-03-13T12:00:00.535897Z",
      "status": "healthy",
      "success_basis_points": 10000
    }
    "#);
    dead(&world).await;
    let metrics = world.get(path, &world.admin).await.ok();
    assert_eq!((&metrics["status"], &metrics["dead_letters"]), (&json!("unhealthy"), &json!(1)));
    assert_eq!(metrics["success_basis_points"], 5_000);
    let week = world.get(&format!("{path}?hours=168"), &world.admin).await.ok();
    assert_eq!(week["received"], 2);
    assert_eq!(world.get(&format!("{path}?hours=0"), &world.admin).await.status, 400);
    assert_eq!(world.get(path, &world.backend).await.status, 403);
}
