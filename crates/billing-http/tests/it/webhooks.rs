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
    let delivery = world.gateway.webhook(About::Payment("pi_1".to_owned()));
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
async fn what_is_not_meant_for_us_is_told_so_counted_and_not_kept() {
    let world = World::new().await;
    let (headers, body) = world.gateway.webhook(About::Nothing);
    let text = String::from_utf8(body.clone()).unwrap();
    let [unsigned, stale] = [BTreeMap::new(), {
        let mut stale = headers.clone();
        for value in stale.values_mut().filter(|value| value.parse::<i64>().is_ok()) {
            *value = (value.parse::<i64>().unwrap() - 301).to_string();
        }
        stale
    }];
    let future: BTreeMap<_, _> = headers
        .clone()
        .into_iter()
        .map(|(name, value)| match value.parse::<i64>() {
            Ok(at) => (name, (at + 301).to_string()),
            Err(_) => (name, value),
        })
        .collect();
    let truncated = text.as_bytes()[..text.len() / 2].to_vec();
    let doubly = serde_json::to_vec(&text).unwrap();
    for (headers, body, refused) in [
        (&unsigned, body.clone(), (400, "INVALID_SIGNATURE")),
        (&stale, body.clone(), (400, "INVALID_SIGNATURE")),
        (&future, body.clone(), (400, "INVALID_SIGNATURE")),
        (&headers, truncated, (400, "VALIDATION_ERROR")),
        (&headers, doubly, (400, "VALIDATION_ERROR")),
        (&headers, Vec::new(), (400, "VALIDATION_ERROR")),
        (&headers, vec![b' '; 2 << 20], (413, "PAYLOAD_TOO_LARGE")),
    ] {
        let answer = sent(&world, PATH, (headers.clone(), body)).await;
        assert_eq!((answer.status, &*answer.code()), refused);
    }
    for path in ["/api/billing/webhook/nobody", "/api/billing/webhook/"] {
        let answer = sent(&world, path, (headers.clone(), body.clone())).await;
        assert_eq!(answer.refused(), (404, "ROUTE_NOT_FOUND".to_owned()));
    }
    let metrics = world.get("/api/admin/metrics/webhooks", &world.admin).await.ok();
    assert_eq!(metrics["refused"], json!({ "bad_signatures": 3, "unreadable": 3 }));
    assert_eq!(metrics["received"], 0);
}

#[actix_web::test]
async fn a_webhook_that_cannot_be_kept_comes_again() {
    let world = World::new().await;
    let delivery = world.gateway.webhook(About::Nothing);
    world.store.go_down();
    let answer = sent(&world, PATH, delivery.clone()).await;
    assert_eq!(answer.refused(), (503, "SERVICE_UNAVAILABLE".to_owned()));
    assert!(answer.header("retry-after").is_some());
    world.store.come_back();
    assert_eq!(sent(&world, PATH, delivery).await.ok()["duplicate"], false);
}
