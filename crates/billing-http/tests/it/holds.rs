//! Credits are reserved, then used or returned.

use serde_json::{Value, json};
use time::Duration;

use crate::world::{Answer, World, request};

const HOLDS: &str = "/api/billing/credits/holds";

fn four_answers() -> Value {
    json!({ "event": "ai_inference", "quantity": 4, "ttl_seconds": 600 })
}

/// A hundred of `acme`'s 250 credits are reserved; the path of the hold.
async fn a_hold(world: &World) -> String {
    world.credit(world.acme, 250).await;
    let held = world.post(HOLDS, &world.bound, four_answers()).await.ok();
    format!("{HOLDS}/{}", held["hold_id"].as_str().unwrap())
}

async fn settle(world: &World, hold: &str, body: Value) -> Answer {
    world.post(&format!("{hold}/settle"), &world.bound, body).await
}

async fn release(world: &World, hold: &str) -> Answer {
    world.post(&format!("{hold}/release"), &world.bound, json!({})).await
}

fn replayed(answer: &Answer) -> bool {
    answer.header("idempotent-replayed") == Some("true")
}

#[actix_web::test]
async fn credits_are_reserved_settled_and_listed() {
    let world = World::new().await;
    world.credit(world.acme, 250).await;
    let held = world.post(HOLDS, &world.bound, four_answers()).await;
    assert_eq!(held.status, 201);
    insta::assert_json_snapshot!(held.json(), {
        ".organization_id" => "[acme]", ".hold_id" => "[hold]", ".decision_id" => "[hold]", ".grants[].grant_id" => "[grant]",
        ".idempotency_key" => "[made]",
    }, @r#"
    {
      "amount": 100,
      "decision_id": "[hold]",
      "event": "ai_inference",
      "expires_at": "2026-03-14T12:10:00.535897Z",
      "grants": [
        {
          "amount": 100,
          "grant_id": "[grant]"
        }
      ],
      "hold_id": "[hold]",
      "idempotency_key": "[made]",
      "organization_id": "[acme]",
      "seq": 2
    }
    "#);
    let credits = format!("/api/billing/credits/{}", world.acme);
    let before = world.get(&credits, &world.bound).await.ok();
    assert_eq!([&before["balance"], &before["held"], &before["available"]], [250, 100, 150]);
    assert_eq!(before["grants"][0]["held"], 100);

    let hold = held.json()["hold_id"].clone();
    let path = format!("{HOLDS}/{}", hold.as_str().unwrap());
    let used = settle(&world, &path, json!({ "amount": 60 })).await;
    assert_eq!((used.status, replayed(&used)), (200, false));
    let expected = json!({
        "hold_id": hold, "decision_id": hold,
        "settled": 60, "returned": 40, "balance": 190, "seq": 3,
    });
    assert_eq!(used.json(), expected);
    let again = settle(&world, &path, json!({ "amount": 60 })).await;
    assert_eq!((again.json(), replayed(&again)), (expected, true));
    let after = world.get(&credits, &world.bound).await.ok();
    assert_eq!([&after["balance"], &after["held"], &after["available"]], [190, 0, 190]);

    let rows = world.get(&format!("{credits}/transactions"), &world.bound).await.ok();
    let row = |n: usize| {
        let row = &rows["data"][n];
        let fields = ["kind", "cause", "amount", "held_change", "event", "decision_id"];
        fields.map(|field| row[field].clone())
    };
    let settled = json!(["consumed", "settle", -60, -100, "ai_inference", hold]);
    let reserved = json!(["held", "hold", 0, 100, "ai_inference", hold]);
    assert_eq!((json!(row(0)), json!(row(1))), (settled, reserved));
}

#[actix_web::test]
async fn a_hold_is_released_once() {
    let world = World::new().await;
    let path = a_hold(&world).await;
    let first = release(&world, &path).await;
    assert_eq!((first.status, replayed(&first)), (200, false));
    assert_eq!((&first.json()["returned"], &first.json()["seq"]), (&json!(100), &json!(3)));
    let again = release(&world, &path).await;
    assert_eq!((again.json(), replayed(&again)), (first.json(), true));
    let late = settle(&world, &path, json!({})).await;
    assert_eq!(late.refused(), (409, "HOLD_RESOLVED".to_owned()));
    assert_eq!(late.json()["error"]["details"], json!({ "how": "released" }));
}

#[actix_web::test]
async fn a_hold_resolves_once() {
    let world = World::new().await;
    let path = a_hold(&world).await;
    let much = settle(&world, &path, json!({ "amount": 101 })).await;
    assert_eq!(much.refused(), (422, "HOLD_EXCEEDED".to_owned()));
    assert_eq!(much.json()["error"]["details"], json!({ "held": 100 }));
    assert_eq!(settle(&world, &path, json!({})).await.ok()["settled"], 100);
    for other in [settle(&world, &path, json!({ "amount": 1 })).await, release(&world, &path).await]
    {
        assert_eq!(other.refused(), (409, "HOLD_RESOLVED".to_owned()));
        let details = json!({ "how": "settled", "settled": 100 });
        assert_eq!(other.json()["error"]["details"], details);
    }
}

#[actix_web::test]
async fn a_hold_times_out() {
    let world = World::new().await;
    let path = a_hold(&world).await;
    world.clock.advance(Duration::minutes(10));
    let late = settle(&world, &path, json!({})).await;
    assert_eq!(late.refused(), (409, "HOLD_RESOLVED".to_owned()));
    let details = json!({ "how": "timed_out", "at": "2026-03-14T12:10:00.535897Z" });
    assert_eq!(late.json()["error"]["details"], details);
    let credits = world.get(&format!("/api/billing/credits/{}", world.acme), &world.bound).await;
    assert_eq!(credits.json()["available"], 250);
}

#[actix_web::test]
async fn a_key_holds_once_a_denial_included() {
    let world = World::new().await;
    world.credit(world.acme, 150).await;
    let keyed = |key: &'static str, body: Value| {
        let asked = request("POST", HOLDS, &world.bound).set_json(body);
        world.send(asked.insert_header(("Idempotency-Key", key)))
    };
    let first = keyed("one", four_answers()).await;
    let again = keyed("one", four_answers()).await;
    assert_eq!((first.status, again.status), (201, 201));
    assert_eq!((replayed(&first), replayed(&again)), (false, true));
    assert_eq!(again.bytes, first.bytes);
    let other = keyed("one", json!({ "event": "ai_inference", "amount": 99 })).await;
    assert_eq!(other.refused(), (422, "IDEMPOTENCY_KEY_REUSED".to_owned()));

    let denied = keyed("two", four_answers()).await;
    assert_eq!(denied.refused(), (402, "INSUFFICIENT_CREDITS".to_owned()));
    let details = denied.json()["error"]["details"].clone();
    assert_eq!([&details["required"], &details["available"], &details["missing"]], [100, 50, 50]);
    world.credit(world.acme, 1000).await;
    let still = keyed("two", four_answers()).await;
    assert_eq!((still.status, replayed(&still)), (402, true));
    assert_eq!(still.json()["error"]["details"], details);
}

#[actix_web::test]
async fn what_is_wrong_with_a_hold_is_named() {
    let world = World::new().await;
    world.credit(world.acme, 250).await;
    for (field, value) in [
        ("amount", json!(1)),
        ("quantity", json!(0)),
        ("quantity", json!(-1)),
        ("quantity", json!(1.5)),
        ("quantity", json!("4")),
        ("ttl_seconds", json!(0)),
        ("ttl_seconds", json!(-1)),
        ("ttl_seconds", json!(31 * 86_400)),
        ("event", json!(null)),
        ("seconds", json!(5)),
        ("idempotency_key", json!("x".repeat(300))),
    ] {
        let mut body = four_answers();
        body[field] = value;
        let answer = world.post(HOLDS, &world.bound, body).await;
        assert_eq!(answer.refused(), (400, "VALIDATION_ERROR".to_owned()), "{field}");
        assert_eq!(answer.json()["error"]["details"]["field"], field, "{}", answer.text());
    }
    let unknown = world.post(HOLDS, &world.bound, json!({ "event": "teleport" })).await;
    assert_eq!(unknown.refused(), (404, "CREDIT_EVENT_NOT_FOUND".to_owned()));
    let path = a_hold(&world).await;
    for (field, value) in
        [("amount", json!(0)), ("amount", json!(-1)), ("amount", json!(0.5)), ("sum", json!(1))]
    {
        let answer = settle(&world, &path, json!({ field: value })).await;
        assert_eq!(answer.refused(), (400, "VALIDATION_ERROR".to_owned()), "{field}");
        assert_eq!(answer.json()["error"]["details"]["field"], field, "{}", answer.text());
    }
}

#[actix_web::test]
async fn a_hold_of_another_is_not_found() {
    let world = World::new().await;
    let path = a_hold(&world).await;
    let of_other = json!({ "organization_id": world.other });
    for verb in ["settle", "release"] {
        let foreign = world.post(&format!("{path}/{verb}"), &world.backend, of_other.clone()).await;
        assert_eq!(foreign.refused(), (404, "HOLD_NOT_FOUND".to_owned()));
        for id in ["x", "0192d3a4-0000-7000-8000-00000000dead"] {
            let strange = format!("{HOLDS}/{id}/{verb}");
            let answer = world.post(&strange, &world.bound, json!({})).await;
            assert_eq!(answer.refused(), (404, "HOLD_NOT_FOUND".to_owned()));
        }
    }
    assert_eq!(settle(&world, &path, json!({})).await.status, 200);
}
