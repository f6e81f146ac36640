//! Usage arrives in batches, and as `CloudEvents`.

use actix_web::test::TestRequest;
use serde_json::{Value, json};

use crate::world::{Answer, World, request};

const BATCH: &str = "/api/billing/track-usage/batch";
const TRACK: &str = "/api/billing/track-usage";
const CLOUD_EVENT: &str = "application/cloudevents+json";
const CLOUD_EVENTS: &str = "application/cloudevents-batch+json";

fn of_type(path: &str, key: &str, (kind, body): (&str, &Value)) -> TestRequest {
    let asked = request("POST", path, key).insert_header(("Content-Type", kind.to_owned()));
    asked.set_payload(body.to_string())
}

async fn batch(world: &World, events: Value) -> Answer {
    world.post(BATCH, &world.bound, json!({ "events": events })).await
}

/// Places and codes of what was rejected.
fn rejected(answer: &Value) -> Vec<(u64, &str)> {
    let all = answer["rejected"].as_array().unwrap().iter();
    all.map(|one| (one["index"].as_u64().unwrap(), one["code"].as_str().unwrap())).collect()
}

async fn used(world: &World, meter: &str) -> Value {
    let path = format!("/api/billing/check-quota?meter={meter}");
    world.get(&path, &world.bound).await.ok()["used"].clone()
}

#[actix_web::test]
async fn the_good_ones_count_and_each_bad_one_says_why() {
    let world = World::new().await;
    let long = "k".repeat(300);
    let wide: serde_json::Map<_, _> = (0..10_000).map(|n| (format!("p{n}"), json!(n))).collect();
    let answer = batch(
        &world,
        json!([
            { "meter": "api_calls", "quantity": 3, "idempotency_key": "a" },
            { "meter": "steps" },
            { "meter": "api_calls", "at": "2026-01-01T00:00:00Z" },
            { "meter": "api_calls", "at": "2026-03-14T12:06:00Z" },
            { "meter": "api_calls", "quantity": 0 },
            { "meter": "api_calls", "quantity": -1 },
            { "meter": "api_calls", "quantity": 1.5 },
            { "meter": "api_calls", "quantity": 9_007_199_254_740_992_u64 },
            { "meter": "api_calls", "idempotency_key": long },
            { "meter": "api_calls", "properties": wide },
            { "meter": "api_calls", "properties": { "a": "nul \u{0}" } },
            { "meter": "api_calls", "colour": "red" },
            { "meter": "api_calls", "organization_id": world.other },
            7,
            { "meter": "api_calls", "quantity": 3, "idempotency_key": "a" },
            { "meter": "api_calls", "quantity": 4, "idempotency_key": "a" },
            { "meter": "api_calls", "quantity": 1, "decrement": true },
        ]),
    )
    .await
    .ok();
    assert_eq!((&answer["accepted"], &answer["duplicates"]), (&json!(2), &json!(1)), "{answer}");
    let wrong = |index| (index, "VALIDATION_ERROR");
    let late = |index| (index, "EVENT_OUT_OF_TIME");
    let mut expected = vec![(1, "METER_NOT_FOUND"), late(2), late(3)];
    expected.extend((4..12).map(wrong));
    expected.extend([(12, "ORGANIZATION_NOT_FOUND"), wrong(13), (15, "IDEMPOTENCY_KEY_REUSED")]);
    assert_eq!(rejected(&answer), expected);
    let messages = answer["rejected"].to_string();
    for part in ["35 days", "5 minutes", "at most 50 fields", "NUL", "colour", "quantity"] {
        assert!(messages.contains(part), "{part}: {messages}");
    }
    assert_eq!(used(&world, "api_calls").await, 2);
}

#[actix_web::test]
async fn a_batch_has_an_end() {
    let world = World::new().await;
    let event = json!({ "meter": "api_calls" });
    let most = batch(&world, vec![event.clone(); 10_000].into()).await.ok();
    assert_eq!(most["accepted"], 10_000);
    let more = batch(&world, vec![event; 10_001].into()).await;
    assert_eq!(more.refused(), (400, "VALIDATION_ERROR".to_owned()));
    assert!(more.text().contains("10 000"), "{}", more.text());
    let huge = json!({ "events": [{ "meter": "x".repeat(17 * 1024 * 1024) }] });
    let huge = world.post(BATCH, &world.bound, huge).await;
    assert_eq!(huge.refused(), (413, "PAYLOAD_TOO_LARGE".to_owned()));
    for body in [json!({}), json!({ "events": 1 }), json!({ "events": [], "more": 1 })] {
        let answer = world.post(BATCH, &world.bound, body.clone()).await;
        assert_eq!(answer.refused(), (400, "VALIDATION_ERROR".to_owned()), "{body}");
    }
    let text = world.send(of_type(BATCH, &world.bound, ("text/plain", &json!([])))).await;
    assert_eq!(text.refused(), (415, "UNSUPPORTED_MEDIA_TYPE".to_owned()));
}

#[actix_web::test]
async fn a_batch_and_a_single_event_share_their_keys() {
    let world = World::new().await;
    let event = json!({ "meter": "exports", "quantity": 2, "idempotency_key": "k" });
    world.post(TRACK, &world.bound, event.clone()).await.ok();
    let again = batch(&world, json!([event])).await.ok();
    assert_eq!((&again["accepted"], &again["duplicates"]), (&json!(0), &json!(1)));

    let keyed = || {
        let body = json!({ "events": [{ "meter": "exports" }, { "meter": "exports" }] });
        let asked = request("POST", BATCH, &world.bound).set_json(body);
        world.send(asked.insert_header(("Idempotency-Key", "batch-1")))
    };
    assert_eq!(keyed().await.ok()["accepted"], 2);
    assert_eq!(keyed().await.ok()["duplicates"], 2, "the same batch again counts nothing");
    assert_eq!(used(&world, "exports").await, 4);
}

fn cloud_event(id: &str, more: Value) -> Value {
    let mut event = json!({
        "specversion": "1.0", "id": id, "source": "/eu", "type": "api_calls", "vendor": "x",
    });
    event.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    event
}

#[actix_web::test]
async fn cloud_events_count_once_by_source_and_id() {
    let world = World::new().await;
    let events = json!([
        cloud_event("1", json!({ "data": { "quantity": 3, "region": "eu" } })),
        cloud_event("1", json!({ "data": { "quantity": 3 } })),
        cloud_event("1", json!({ "source": "/us", "time": "2026-03-14T11:00:00Z" })),
        // Not the same pair, though the same text.
        cloud_event("b", json!({ "source": "/a" })),
        cloud_event("", json!({ "source": "/ab" })),
        cloud_event("ab", json!({ "source": "/" })),
        cloud_event(&"long".repeat(200), json!({})),
        cloud_event(&"long".repeat(200), json!({})),
        cloud_event("s", json!({ "subject": world.acme })),
        cloud_event("t", json!({ "subject": "ext-acme" })),
        cloud_event("u", json!({ "subject": "ext-other" })),
        cloud_event("v", json!({ "specversion": "0.3" })),
        cloud_event("w", json!({ "data": { "quantity": 0.5 } })),
        cloud_event("x", json!({ "data": "text" })),
    ]);
    let answer = world.send(of_type(BATCH, &world.bound, (CLOUD_EVENTS, &events))).await.ok();
    let counts = (&answer["accepted"], &answer["duplicates"]);
    assert_eq!(counts, (&json!(7), &json!(2)), "{answer}");
    let wrong = |index| (index, "VALIDATION_ERROR");
    let expected = [wrong(4), (10, "ORGANIZATION_NOT_FOUND"), wrong(11), wrong(12), wrong(13)];
    assert_eq!(rejected(&answer), expected);
    assert_eq!(used(&world, "api_calls").await, 9);
    let counted = world.store.counted(world.acme);
    assert_eq!(counted[0].usage.properties.as_deref(), Some(r#"{"region":"eu"}"#));

    let one = cloud_event("1", json!({ "data": { "quantity": 3 } }));
    let single = world.send(of_type(TRACK, &world.bound, (CLOUD_EVENT, &one))).await;
    assert_eq!(single.header("idempotent-replayed"), Some("true"), "{}", single.text());
    let one = cloud_event("2", json!({ "subject": "ext-acme" }));
    let single = world.send(of_type(TRACK, &world.backend, (CLOUD_EVENT, &one))).await.ok();
    assert_eq!((&single["used"], &single["quantity"]), (&json!(10), &json!(1)));
    let nobody = cloud_event("3", json!({ "subject": "ext-nobody" }));
    let nobody = world.send(of_type(TRACK, &world.backend, (CLOUD_EVENT, &nobody))).await;
    assert_eq!(nobody.refused(), (404, "ORGANIZATION_NOT_FOUND".to_owned()));
}

#[actix_web::test]
async fn what_ceases_to_exist_is_taken_away() {
    let world = World::new().await;
    let project = |quantity: u32, decrement: bool| {
        let body = json!({ "meter": "projects", "quantity": quantity, "decrement": decrement });
        world.post(TRACK, &world.bound, body)
    };
    assert_eq!(project(3, false).await.ok()["used"], 3);
    assert_eq!(project(1, true).await.ok()["used"], 2);
    assert_eq!(project(9, true).await.ok()["used"], 0);
    let checked = json!({ "meter": "projects", "decrement": true });
    let checked = world.post("/api/billing/check-quota", &world.bound, checked).await;
    assert_eq!(checked.refused(), (400, "VALIDATION_ERROR".to_owned()));
}

#[actix_web::test]
async fn denials_are_listed_with_their_reason() {
    let world = World::new().await;
    let path = format!("/api/billing/usage/{}/denials", world.acme);
    assert_eq!(world.get(&path, &world.bound).await.ok()["data"], json!([]));
    for quantity in [4, 5] {
        let body = json!({ "meter": "projects", "quantity": quantity });
        let denied = world.post("/api/billing/check-quota", &world.bound, body).await;
        assert_eq!(denied.status, 403);
    }
    let page = world.get(&format!("{path}?limit=1"), &world.bound).await.ok();
    assert_eq!(page["has_more"], true);
    insta::assert_json_snapshot!(page["data"][0], {
        ".decision_id" => "[decision]", ".plan_version_id" => "[version]",
    }, @r#"
    {
      "at": "2026-03-14T12:00:00.535897Z",
      "bonus": 0,
      "decision_id": "[decision]",
      "limit": 3,
      "meter": "projects",
      "plan_version_id": "[version]",
      "quantity": 5,
      "reason": "limit_reached",
      "used": 0
    }
    "#);
    let after = page["data"][0]["decision_id"].as_str().unwrap();
    let next = world.get(&format!("{path}?starting_after={after}"), &world.bound).await.ok();
    assert_eq!((&next["data"][0]["quantity"], &next["has_more"]), (&json!(4), &json!(false)));
    let foreign = format!("/api/billing/usage/{}/denials", world.other);
    assert_eq!(world.get(&foreign, &world.bound).await.status, 404);
}
