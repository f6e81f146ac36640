//! Webhooks come in.

use std::{collections::BTreeMap, sync::atomic::Ordering};

use actix_web::test::TestRequest;
use billing_app::ports::About;
use serde_json::json;
use time::Duration;

use crate::world::{Answer, World};

const PATH: &str = "/api/billing/webhook/stripe";

async fn sent(
    world: &World,
    path: &str,
    (headers, body): (BTreeMap<String, String>, Vec<u8>),
) -> Answer {
    let mut asked = TestRequest::post().uri(path).set_payload(body);
    for (name, value) in headers {
        asked = asked.insert_header((name, value));
    }
    world.send(asked).await
}

/// Delivers a webhook, and lets it have its effect.
pub(crate) async fn delivered(world: &World, about: About) {
    let kept = sent(world, PATH, world.gateway.webhook(about)).await;
    assert_eq!(kept.ok()["received"], true);
    let progress = world.http.billing.process_webhooks().await.unwrap();
    assert_eq!((progress.done, progress.failed), (1, 0));
}

#[actix_web::test]
async fn a_webhook_is_kept_once_and_wakes_the_worker() {
    let world = World::new().await;
    let delivery = world.gateway.webhook(About::Nothing);
    let first = sent(&world, PATH, delivery.clone()).await;
    assert_eq!(first.ok(), json!({ "received": true, "duplicate": false }));
    let again = sent(&world, "/api/billing/webhooks", delivery).await;
    assert_eq!(again.ok(), json!({ "received": true, "duplicate": true }));
    assert_eq!(world.woken.load(Ordering::SeqCst), 1);
    assert_eq!(world.get("/health/ready", "").await.json()["webhooks"]["pending"], 1);
}

#[actix_web::test]
async fn a_forged_stale_or_unsigned_webhook_leaves_no_trace() {
    let world = World::new().await;
    let (mut forged, body) = world.gateway.webhook(About::Nothing);
    let stale = (forged.clone(), body.clone());
    for value in forged.values_mut() {
        "bad".clone_into(value);
    }
    let unsigned = BTreeMap::new();
    for headers in [forged, unsigned] {
        let answer = sent(&world, PATH, (headers, body.clone())).await;
        assert_eq!(answer.refused(), (400, "INVALID_SIGNATURE".to_owned()));
    }
    world.clock.advance_wall(Duration::seconds(301));
    let answer = sent(&world, PATH, stale).await;
    assert_eq!(answer.refused(), (400, "INVALID_SIGNATURE".to_owned()));
    assert_eq!(world.get("/health/ready", "").await.json()["webhooks"]["pending"], 0);
    assert_eq!(world.woken.load(Ordering::SeqCst), 0);
}

#[actix_web::test]
async fn a_signed_body_that_says_nothing_is_refused() {
    let world = World::new().await;
    let (headers, _) = world.gateway.webhook(About::Nothing);
    for body in [&b""[..], b"{}", b"[1]", b"\xff\xfe"] {
        let answer = sent(&world, PATH, (headers.clone(), body.to_vec())).await;
        assert_eq!(answer.refused(), (400, "VALIDATION_ERROR".to_owned()));
    }
}

#[actix_web::test]
async fn a_webhook_may_be_larger_than_a_request_and_not_endless() {
    let world = World::new().await;
    let (headers, body) = world.gateway.webhook(About::Nothing);
    let padded = |most: usize| {
        let mut body = body.clone();
        body.resize(most, b' ');
        body
    };
    let large = sent(&world, PATH, (headers.clone(), padded(1024 * 1024))).await;
    assert_eq!(large.status, 200);
    let endless = sent(&world, PATH, (headers, padded(1024 * 1024 + 1))).await;
    assert_eq!(endless.refused(), (413, "PAYLOAD_TOO_LARGE".to_owned()));
}

#[actix_web::test]
async fn operators_see_webhooks_and_try_them_again() {
    let world = World::new().await;
    for _ in 0..3 {
        delivered(&world, About::Nothing).await;
    }
    let list = |query: &'static str| {
        let path = format!("/api/admin/webhooks{query}");
        let world = &world;
        async move { world.get(&path, &world.admin).await }
    };
    let all = list("").await.ok();
    assert_eq!(all["data"].as_array().unwrap().len(), 3);
    insta::assert_json_snapshot!(all["data"][0], {
        ".id" => "[id]", ".event_id" => "[event]",
    }, @r#"
    {
      "attempts": 1,
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
    assert_eq!(list("?status=ignored").await.ok()["data"].as_array().unwrap().len(), 3);
    assert_eq!(list("?status=dead").await.ok()["data"], json!([]));
    assert_eq!(list("?status=lost").await.refused(), (400, "VALIDATION_ERROR".to_owned()));
    let page = list("?limit=1").await.ok();
    assert_eq!(
        (page["data"][0].clone(), &page["has_more"]),
        (all["data"][0].clone(), &json!(true))
    );

    let woken = world.woken.load(Ordering::SeqCst);
    let id = all["data"][2]["id"].as_str().unwrap();
    let path = format!("/api/admin/webhooks/{id}/retry");
    let bare = crate::world::request("POST", &path, &world.admin);
    let retried = world.send(bare).await;
    assert_eq!((retried.status, retried.json()), (202, json!({ "id": id, "status": "queued" })));
    assert_eq!(world.woken.load(Ordering::SeqCst), woken + 1);
    let progress = world.http.billing.process_webhooks().await.unwrap();
    assert_eq!(progress.done, 1);
    for unknown in ["nothing", "0192d3a4-0000-7000-8000-00000000dead"] {
        let path = format!("/api/admin/webhooks/{unknown}/retry");
        let answer = world.post(&path, &world.admin, json!({})).await;
        assert_eq!(answer.refused(), (404, "WEBHOOK_NOT_FOUND".to_owned()));
    }
}
