//! Usage is checked and counted.

use serde_json::{Value, json};

use crate::world::{World, request};

const CHECK: &str = "/api/billing/check-quota";
const TRACK: &str = "/api/billing/track-usage";

#[actix_web::test]
async fn a_check_says_all_about_a_quota_and_changes_nothing() {
    let world = World::new().await;
    let path = format!("{CHECK}?meter=projects&quantity=3");
    let checked = world.get(&path, &world.bound).await;
    insta::assert_json_snapshot!(checked.ok(), {
        ".organization_id" => "[acme]", ".plan_version_id" => "[version]",
    }, @r#"
    {
      "allowed": true,
      "as_of": "2026-03-14T12:00:00.535897Z",
      "bonus_remaining": 0,
      "limit": 3,
      "meter": "projects",
      "organization_id": "[acme]",
      "plan": "free",
      "plan_version_id": "[version]",
      "policy": "block",
      "quantity": 3,
      "reason": "within_limit",
      "remaining": 3,
      "resets_at": null,
      "total_remaining": 3,
      "unlimited": false,
      "used": 0
    }
    "#);
    let again = world.get(&path, &world.bound).await;
    assert_eq!(again.bytes, checked.bytes);

    let denied = world.get(&format!("{CHECK}?meter=projects&quantity=4"), &world.bound).await;
    assert_eq!(denied.status, 200, "a denial is an answer");
    insta::assert_json_snapshot!(denied.json(), {
        ".organization_id" => "[acme]", ".plan_version_id" => "[version]",
    }, @r#"
    {
      "allowed": false,
      "as_of": "2026-03-14T12:00:00.535897Z",
      "bonus_remaining": 0,
      "limit": 3,
      "meter": "projects",
      "organization_id": "[acme]",
      "plan": "free",
      "plan_version_id": "[version]",
      "policy": "block",
      "quantity": 4,
      "reason": "limit_reached",
      "remaining": 3,
      "resets_at": null,
      "total_remaining": 3,
      "unlimited": false,
      "upgrade": {
        "checkout": "/api/billing/subscription/checkout",
        "current_plan": "free",
        "interval": "month",
        "plan": "starter",
        "plan_name": "Starter",
        "price": {
          "amount": 900,
          "currency": "USD"
        }
      },
      "used": 0
    }
    "#);
}

#[actix_web::test]
async fn check_and_record_counts_until_the_limit() {
    let world = World::new().await;
    let body = json!({ "meter": "projects", "quantity": 2, "properties": { "name": "site" } });
    let first = world.post(CHECK, &world.bound, body.clone()).await;
    insta::assert_json_snapshot!(first.ok(), {
        ".organization_id" => "[acme]", ".plan_version_id" => "[version]",
        ".decision_id" => "[decision]", ".idempotency_key" => "[made]",
    }, @r#"
    {
      "allowed": true,
      "bonus_remaining": 0,
      "decision_id": "[decision]",
      "idempotency_key": "[made]",
      "limit": 3,
      "meter": "projects",
      "organization_id": "[acme]",
      "plan": "free",
      "plan_version_id": "[version]",
      "policy": "block",
      "quantity": 2,
      "reason": "within_limit",
      "recorded": true,
      "remaining": 1,
      "resets_at": null,
      "total_remaining": 1,
      "unlimited": false,
      "used": 2
    }
    "#);
    let denied = world.post(CHECK, &world.bound, body).await;
    assert_eq!(denied.refused(), (403, "LIMIT_REACHED".to_owned()));
    insta::assert_json_snapshot!(denied.json()["error"], {
        ".details.organization_id" => "[acme]", ".details.plan_version_id" => "[version]",
        ".details.decision_id" => "[decision]", ".details.idempotency_key" => "[made]",
        ".request_id" => "[request]",
    }, @r#"
    {
      "code": "LIMIT_REACHED",
      "details": {
        "allowed": false,
        "bonus_remaining": 0,
        "decision_id": "[decision]",
        "idempotency_key": "[made]",
        "limit": 3,
        "meter": "projects",
        "organization_id": "[acme]",
        "plan": "free",
        "plan_version_id": "[version]",
        "policy": "block",
        "quantity": 2,
        "reason": "limit_reached",
        "recorded": false,
        "remaining": 1,
        "resets_at": null,
        "total_remaining": 1,
        "unlimited": false,
        "upgrade": {
          "checkout": "/api/billing/subscription/checkout",
          "current_plan": "free",
          "interval": "month",
          "plan": "starter",
          "plan_name": "Starter",
          "price": {
            "amount": 900,
            "currency": "USD"
          }
        },
        "used": 2
      },
      "message": "The plan does not allow 2 more of `projects`",
      "request_id": "[request]"
    }
    "#);
    assert_eq!(world.store.counted(world.acme).len(), 1);
}

#[actix_web::test]
async fn tracking_counts_whatever_the_quota_says() {
    let world = World::new().await;
    let body =
        json!({ "meter": "projects", "quantity": 9, "timestamp": "2026-03-14T13:00:00+01:00" });
    let tracked = world.post(TRACK, &world.bound, body).await.ok();
    assert_eq!((&tracked["used"], &tracked["recorded"]), (&json!(9), &json!(true)));

    let usage = world.get("/api/billing/usage", &world.bound).await.ok();
    assert_eq!(usage["plan"], "free");
    let meters = usage["meters"].as_array().unwrap();
    let projects = meters.iter().find(|it| it["meter"] == "projects").unwrap();
    assert_eq!((&projects["used"], &projects["allowed"]), (&json!(9), &json!(false)));
    let path = format!("/api/billing/usage/{}", world.acme);
    assert_eq!(world.get(&path, &world.reader).await.ok(), usage);
    assert_eq!(meters.len(), 6);
}

#[actix_web::test]
async fn a_key_counts_once() {
    let world = World::new().await;
    let keyed = |path: &'static str, body: Value| {
        let asked = request("POST", path, &world.bound).set_json(body);
        world.send(asked.insert_header(("Idempotency-Key", "k")))
    };
    for path in [TRACK, CHECK] {
        let body = json!({ "meter": "api_calls", "quantity": 5 });
        let first = keyed(path, body.clone()).await;
        assert_eq!((first.status, first.header("idempotent-replayed")), (200, None));
        world.clock.advance(time::Duration::MINUTE);
        let again = keyed(path, body).await;
        assert_eq!((again.status, again.header("idempotent-replayed")), (200, Some("true")));
        assert_eq!(again.text(), first.text());
        let other = keyed(path, json!({ "meter": "api_calls", "quantity": 6 })).await;
        assert_eq!(other.refused(), (422, "IDEMPOTENCY_KEY_REUSED".to_owned()), "{path}");
    }
    assert_eq!(world.store.counted(world.acme).len(), 2);
}

#[actix_web::test]
async fn a_denial_is_replayed_too() {
    let world = World::new().await;
    let ask = || {
        let body = json!({ "meter": "exports", "quantity": 2, "idempotency_key": "k" });
        world.post(CHECK, &world.bound, body)
    };
    let first = ask().await;
    let again = ask().await;
    assert_eq!((first.status, first.header("idempotent-replayed")), (403, None));
    assert_eq!((again.status, again.header("idempotent-replayed")), (403, Some("true")));
    assert_eq!(again.json()["error"]["details"], first.json()["error"]["details"]);
}

#[actix_web::test]
async fn what_cannot_be_counted_is_refused() {
    let world = World::new().await;
    let large = "x".repeat(9000);
    for (body, status, code) in [
        (json!({ "meter": "steps" }), 404, "METER_NOT_FOUND"),
        (
            json!({ "meter": "exports", "timestamp": "2026-01-01T00:00:00Z" }),
            422,
            "EVENT_OUT_OF_TIME",
        ),
        (
            json!({ "meter": "exports", "timestamp": "2026-03-15T00:00:00Z" }),
            422,
            "EVENT_OUT_OF_TIME",
        ),
        (json!({ "meter": "exports", "timestamp": "yesterday" }), 400, "VALIDATION_ERROR"),
        (json!({ "meter": "exports", "timestamp": 1_700_000_000 }), 400, "VALIDATION_ERROR"),
        (json!({ "meter": "exports", "properties": [1] }), 400, "VALIDATION_ERROR"),
        (json!({ "meter": "exports", "properties": { "a": large } }), 400, "VALIDATION_ERROR"),
        (json!({ "meter": "exports", "idempotency_key": "" }), 400, "VALIDATION_ERROR"),
        (json!({ "meter": "exports", "idempotency_key": "ключ" }), 400, "VALIDATION_ERROR"),
    ] {
        for path in [TRACK, CHECK] {
            let answer = world.post(path, &world.bound, body.clone()).await;
            assert_eq!(answer.refused(), (status, code.to_owned()), "{path} {body}");
        }
    }
    assert_eq!(world.get(&format!("{CHECK}?meter=steps"), &world.bound).await.status, 404);
}

#[actix_web::test]
async fn a_query_is_read_strictly() {
    let world = World::new().await;
    for (query, field) in [
        ("", "meter"),
        ("meter=exports&quantity=0", "quantity"),
        ("meter=exports&quantity=-1", "quantity"),
        ("meter=exports&quantity=1.5", "quantity"),
        ("meter=exports&quantity=9007199254740992", "quantity"),
        ("meter=exports&quantity=99999999999999999999999", "quantity"),
        ("meter=exports&quantity=", "quantity"),
        ("meter=exports&amount=1", "amount"),
        ("meter=exports&meter=projects", "meter"),
        ("meter=exports&organization_id=acme", "organization_id"),
    ] {
        let answer = world.get(&format!("{CHECK}?{query}"), &world.bound).await;
        assert_eq!(answer.refused(), (400, "VALIDATION_ERROR".to_owned()), "{query}");
        let error = answer.json()["error"].clone();
        assert_eq!(error["details"]["field"], field, "{query}: {error}");
    }
    let nul = world.get(&format!("{CHECK}?meter=a%00b"), &world.bound).await;
    assert_eq!(nul.refused(), (400, "VALIDATION_ERROR".to_owned()));
}
