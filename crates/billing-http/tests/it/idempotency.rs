//! The same request twice has one effect and one answer.

use std::sync::Arc;

use billing_app::ports::{Begun, RequestKey};
use billing_testkit::Call;
use serde_json::{Value, json};

use crate::world::{World, request};

const ORGANIZATIONS: &str = "/api/admin/organizations";

fn starter(world: &World) -> Value {
    json!({
        "organization_id": world.acme,
        "plan": "starter",
        "success_url": "https://example.com/paid",
        "cancel_url": "https://example.com/no",
    })
}

#[actix_web::test]
async fn the_same_request_is_answered_the_same_whatever_the_order_of_its_fields() {
    let world = World::new().await;
    let first = world.once(ORGANIZATIONS, "k", json!({ "name": "New", "country": "EG" })).await;
    assert_eq!((first.status, first.header("idempotent-replayed")), (201, None));
    let again = request("POST", ORGANIZATIONS, &world.admin)
        .insert_header(("Content-Type", "application/json"))
        .insert_header(("Idempotency-Key", "\"k\""))
        .set_payload(" {\"country\": \"EG\",\n \"name\": \"\\u004eew\"} ");
    let again = world.send(again).await;
    assert_eq!((again.status, again.header("idempotent-replayed")), (201, Some("true")));
    assert_eq!(again.bytes, first.bytes);
    assert_eq!(again.header("content-type"), Some("application/json"));

    let other = world.once(ORGANIZATIONS, "k", json!({ "name": "Newer" })).await;
    assert_eq!(other.refused(), (422, "IDEMPOTENCY_KEY_REUSED".to_owned()));
    let all = world.get(ORGANIZATIONS, &world.admin).await.ok();
    assert_eq!(all["data"].as_array().unwrap().len(), 3);
}

#[actix_web::test]
async fn a_key_belongs_to_a_caller_and_a_route() {
    let world = World::new().await;
    let first = world.once("/api/billing/checkout", "k", starter(&world)).await;
    assert_eq!(first.status, 201);
    let asked = request("POST", "/api/billing/checkout", &world.backend).set_json(starter(&world));
    let somebody = world.send(asked.insert_header(("Idempotency-Key", "k"))).await;
    assert_eq!(somebody.header("idempotent-replayed"), None);
    let elsewhere = world.once(ORGANIZATIONS, "k", json!({ "name": "New" })).await;
    assert_eq!((elsewhere.status, elsewhere.header("idempotent-replayed")), (201, None));
}

#[actix_web::test]
async fn final_refusals_are_replayed_and_the_others_may_be_tried_again() {
    let world = World::new().await;
    let path = "/api/billing/checkout";
    let mut free = starter(&world);
    free["plan"] = json!("free");
    let refused = world.once(path, "final", free.clone()).await;
    assert_eq!(refused.refused(), (422, "PLAN_IS_FREE".to_owned()));
    let again = world.once(path, "final", free).await;
    assert_eq!((again.status, again.header("idempotent-replayed")), (422, Some("true")));
    assert_eq!(again.json(), refused.json(), "the id of the first request stays in it");

    world.gateway.down();
    let down = world.once(path, "passing", starter(&world)).await;
    assert_eq!(down.status, 503);
    world.gateway.working();
    world.clock.advance(time::Duration::MINUTE);
    let works = world.once(path, "passing", starter(&world)).await;
    assert_eq!((works.status, works.header("idempotent-replayed")), (201, None));

    let mut wrong = starter(&world);
    wrong["success_url"] = json!("nowhere");
    assert_eq!(world.once(path, "typo", wrong).await.status, 400);
    assert_eq!(world.once(path, "typo", starter(&world)).await.status, 201);
}

#[actix_web::test]
async fn a_replayed_refusal_has_the_form_that_is_preferred_now() {
    let world = World::new().await;
    let mut free = starter(&world);
    free["plan"] = json!("free");
    world.once("/api/billing/checkout", "k", free.clone()).await;
    let asked = request("POST", "/api/billing/checkout", &world.admin).set_json(free);
    let asked = asked
        .insert_header(("Idempotency-Key", "k"))
        .insert_header(("Accept", "application/problem+json"));
    let again = world.send(asked).await;
    assert_eq!((again.status, again.header("idempotent-replayed")), (422, Some("true")));
    assert_eq!(again.json()["code"], "PLAN_IS_FREE");
    assert_eq!(again.json()["details"]["plan"], "free");
}

#[actix_web::test]
async fn a_request_that_is_still_running_is_a_conflict() {
    let world = World::new().await;
    let made = world.get("/api/admin/api-keys", &world.admin).await.ok();
    let keys = made["data"].as_array().unwrap();
    let admin = keys.iter().find(|key| key["scopes"].as_array().unwrap().len() == 3).unwrap();
    let key = RequestKey {
        principal: admin["id"].as_str().unwrap().to_owned(),
        route: format!("POST {ORGANIZATIONS}"),
        key: "k".to_owned(),
    };
    let billing = Arc::clone(&world.http.billing);
    let body = json!({ "name": "New" });
    let fingerprint = billing.secrets().digest(body.to_string().as_bytes());
    let begun = billing.requests().begin(&key, fingerprint, billing.clock().wall()).await.unwrap();
    assert_eq!(begun, Begun::Fresh);

    let answer = world.once(ORGANIZATIONS, "k", body.clone()).await;
    assert_eq!(answer.refused(), (409, "REQUEST_IN_PROGRESS".to_owned()));
    assert!(answer.header("retry-after").is_some());
    billing.requests().finish(&key, None).await.unwrap();
    assert_eq!(world.once(ORGANIZATIONS, "k", body).await.status, 201);
}

#[actix_web::test]
async fn a_secret_is_not_remembered() {
    let world = World::new().await;
    let body = json!({ "name": "ci", "scopes": ["read"] });
    let first = world.once("/api/admin/api-keys", "k", body.clone()).await.ok();
    let again = world.once("/api/admin/api-keys", "k", body).await;
    assert_eq!(again.header("idempotent-replayed"), Some("true"));
    assert!(first["token"].is_string());
    assert_eq!(again.json()["token"], json!(null), "shown once");
    assert_eq!(again.json()["id"], first["id"]);
}

#[actix_web::test]
async fn a_grant_is_given_once_by_a_key_in_header_or_body() {
    let world = World::new().await;
    let path = format!("{ORGANIZATIONS}/{}/grants", world.acme);
    for (kind, rest) in [("promotional", json!({})), ("bonus", json!({ "meter": "exports" }))] {
        let mut body = json!({ "kind": kind, "amount": 5 });
        if let Some(meter) = rest.get("meter") {
            body["meter"] = meter.clone();
            body["reason"] = json!("thanks");
        }
        let first = world.once(&path, kind, body.clone()).await;
        body["idempotency_key"] = json!(kind);
        let again = world.post(&path, &world.admin, body.clone()).await;
        assert_eq!((again.status, again.header("idempotent-replayed")), (201, Some("true")));
        assert_eq!(again.json(), first.json());
        body["amount"] = json!(6);
        let other = world.post(&path, &world.admin, body.clone()).await;
        assert_eq!(other.refused(), (422, "IDEMPOTENCY_KEY_REUSED".to_owned()));
        let contrary = world.once(&path, "contrary", body).await;
        assert_eq!(contrary.refused(), (400, "VALIDATION_ERROR".to_owned()));
    }
    let credits = world.get(&format!("/api/billing/credits/{}", world.acme), &world.admin).await;
    assert_eq!(credits.ok()["balance"], 5);
    let checked = world.get("/api/billing/check-quota?meter=exports", &world.bound).await.ok();
    assert_eq!(checked["bonus_remaining"], 5);
}

#[actix_web::test]
async fn a_malformed_key_is_refused() {
    let world = World::new().await;
    let long = "x".repeat(256);
    for key in ["", "\"\"", "\"open", &long, "naïve"] {
        let answer = world.once(ORGANIZATIONS, key, json!({ "name": "New" })).await;
        assert_eq!(answer.refused(), (400, "VALIDATION_ERROR".to_owned()), "{key}");
    }
    let two = request("POST", ORGANIZATIONS, &world.admin)
        .set_json(json!({ "name": "New" }))
        .append_header(("Idempotency-Key", "a"))
        .append_header(("Idempotency-Key", "b"));
    assert_eq!(world.send(two).await.status, 400);
    assert_eq!(world.gateway.calls(Call::OpenCheckout), 0);
}
