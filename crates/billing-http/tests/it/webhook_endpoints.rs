//! Endpoints of products, and what they are told.

use serde_json::{Value, json};

use crate::world::World;

const ENDPOINTS: &str = "/api/admin/webhook-endpoints";

async fn create(world: &World, body: Value) -> Value {
    world.post(ENDPOINTS, &world.admin, body).await.ok()
}

/// An endpoint that is told everything. Its id.
pub(crate) async fn made(world: &World) -> String {
    let made = create(world, json!({ "url": "https://product.example/events" })).await;
    made["id"].as_str().unwrap().to_owned()
}

async fn deliver(world: &World) -> usize {
    while world.http.billing.hand_on_events().await.unwrap() > 0 {}
    world.http.billing.deliver_webhooks().await.unwrap()
}

async fn deliveries(world: &World, id: &str, query: &str) -> Vec<Value> {
    let path = format!("{ENDPOINTS}/{id}/deliveries{query}");
    world.get(&path, &world.admin).await.ok()["data"].as_array().unwrap().clone()
}

#[actix_web::test]
async fn an_endpoint_is_made_changed_and_removed() {
    let world = World::new().await;
    let made = create(
        &world,
        json!({
            "url": "https://product.example/events", "event_types": ["trial.*"],
            "organization_id": world.acme, "description": "backend",
        }),
    )
    .await;
    let secret = made["secret"].as_str().unwrap();
    assert!(secret.starts_with("whsec_") && secret.len() == 6 + 44, "{secret}");
    let path = format!("{ENDPOINTS}/{}", made["id"].as_str().unwrap());
    let shown = world.get(&path, &world.admin).await.ok();
    assert_eq!((&shown["status"], &shown["secret"]), (&json!("enabled"), &Value::Null));
    assert_eq!(shown["organization_id"], json!(world.acme));
    let changed = json!({ "status": "paused", "event_types": ["payment.updated"] });
    let changed = world.patch(&path, &world.admin, changed).await.ok();
    assert_eq!(
        (&changed["status"], &changed["description"]),
        (&json!("paused"), &json!("backend"))
    );
    let disabled = world.patch(&path, &world.admin, json!({ "status": "disabled" })).await.ok();
    assert_eq!(disabled["disabled_for"], "asked");
    let rotated = world.post(&format!("{path}/rotate-secret"), &world.admin, json!({})).await.ok();
    assert_ne!(rotated["secret"], made["secret"]);
    assert!(rotated["old_secret_until"].is_string());
    let of_other = format!("{ENDPOINTS}?organization_id={}", world.other);
    assert_eq!(world.get(&of_other, &world.admin).await.ok()["data"], json!([]));
    assert_eq!(world.get(ENDPOINTS, &world.admin).await.ok()["data"][0]["id"], made["id"]);
    world.delete(&path, &world.admin).await.ok();
    let gone = world.get(&path, &world.admin).await;
    assert_eq!((gone.status, gone.code()), (404, "WEBHOOK_ENDPOINT_NOT_FOUND".to_owned()));
}

#[actix_web::test]
async fn a_secret_is_not_remembered() {
    let world = World::new().await;
    let body = json!({ "url": "https://product.example/events" });
    let first = world.once(ENDPOINTS, "endpoint-1", body.clone()).await.ok();
    let again = world.once(ENDPOINTS, "endpoint-1", body).await.ok();
    assert!(first["secret"].is_string());
    assert_eq!((&again["id"], &again["secret"]), (&first["id"], &Value::Null));
}

#[actix_web::test]
async fn what_makes_no_sense_is_refused() {
    let world = World::new().await;
    for (body, field) in [
        (json!({ "url": "http://product.example/" }), "url"),
        (json!({ "url": "https://metadata.internal/" }), "url"),
        (json!({ "url": "https://a.example/", "event_types": ["trial.begun"] }), "event_types"),
        (json!({ "url": "https://a.example/", "event_types": ["*"] }), "event_types"),
        (json!({ "url": "https://a.example/", "description": "a".repeat(501) }), "description"),
    ] {
        let answer = world.post(ENDPOINTS, &world.admin, body.clone()).await;
        assert_eq!((answer.status, answer.code()), (400, "VALIDATION_ERROR".to_owned()), "{body}");
        assert_eq!(answer.json()["error"]["details"]["field"], field, "{body}");
    }
    let path = format!("{ENDPOINTS}/{}", made(&world).await);
    let wrong = world.patch(&path, &world.admin, json!({ "url": "https://b.internal/" })).await;
    assert_eq!(wrong.status, 400);
    let wrong = world.patch(&path, &world.admin, json!({ "status": "gone" })).await;
    assert_eq!(wrong.status, 400);
    let none = world.get(&format!("{path}/deliveries?status=lost"), &world.admin).await;
    assert_eq!(none.status, 400);
}

#[actix_web::test]
async fn what_happens_is_told_and_shown() {
    let world = World::new().await;
    let all = made(&world).await;
    // Two organizations were registered before.
    assert_eq!(deliver(&world).await, 2);
    let rows = deliveries(&world, &all, "?type=organization.created").await;
    assert_eq!(rows.len(), 2);
    assert_eq!((&rows[0]["status"], &rows[0]["attempts"]), (&json!("delivered"), &json!(1)));
    let delivery = rows[0]["id"].as_str().unwrap();
    let path = format!("{ENDPOINTS}/{all}/deliveries/{delivery}");
    let one = world.get(&path, &world.admin).await.ok();
    assert_eq!(one["payload"]["type"], "organization.created");
    assert_eq!(
        (&one["payload"]["version"], &one["payload"]["data"]),
        (&json!(1), &json!({ "name": "Other" }))
    );
    assert_eq!(
        (&one["history"][0]["outcome"], &one["history"][0]["answer"]),
        (&json!("delivered"), &json!("ok"))
    );
    world.post(&format!("{path}/resend"), &world.admin, json!({})).await.ok();
    assert_eq!(deliveries(&world, &all, "?status=pending").await.len(), 1);
    assert_eq!(deliver(&world).await, 1);
    let test = world.post(&format!("{ENDPOINTS}/{all}/test"), &world.admin, json!({})).await;
    assert_eq!(test.status, 202);
    assert_eq!(deliver(&world).await, 1);
    assert_eq!(deliveries(&world, &all, "?type=webhook.test").await[0]["status"], "delivered");
    let metrics = world.get("/api/admin/metrics/deliveries", &world.admin).await.ok();
    assert_eq!((&metrics["planned"], &metrics["delivered"]), (&json!(3), &json!(3)));
    assert_eq!((&metrics["events_waiting"], &metrics["due"]), (&json!(0), &json!(0)));
    assert_eq!(metrics["success_basis_points"], 10_000);
}

#[actix_web::test]
async fn what_happened_before_can_be_told() {
    let world = World::new().await;
    assert_eq!(deliver(&world).await, 0, "nobody is there");
    let late = made(&world).await;
    let path = format!("{ENDPOINTS}/{late}/replay");
    for (dry_run, sent) in [(true, 0), (false, 2)] {
        let body = json!({ "since": "2026-03-01T00:00:00Z", "dry_run": dry_run });
        let answer = world.post(&path, &world.admin, body).await.ok();
        assert_eq!((&answer["events"], &answer["dry_run"]), (&json!(2), &json!(dry_run)));
        assert_eq!(deliver(&world).await, sent);
    }
    let dead = json!({ "since": "2026-03-01T00:00:00Z", "dead_only": true });
    assert_eq!(world.post(&path, &world.admin, dead).await.ok()["events"], 0);
    let later = json!({ "since": "2026-04-01T00:00:00Z" });
    let later = world.post(&path, &world.admin, later).await.ok();
    assert_eq!(later["events"], 0);
}

#[actix_web::test]
async fn every_type_of_event_is_explained() {
    let world = World::new().await;
    let types = world.get("/api/billing/event-types", "").await.ok();
    let types = types["data"].as_array().unwrap();
    assert!(types.len() >= 27, "{}", types.len());
    for kind in types {
        assert!(kind["description"].as_str().is_some_and(|it| it.ends_with('.')), "{kind}");
        assert_eq!(kind["example"]["type"], kind["type"]);
        let valid = jsonschema::validator_for(&kind["schema"]).unwrap();
        let errors: Vec<_> = valid.iter_errors(&kind["example"]["data"]).collect();
        assert!(errors.is_empty(), "{}: {errors:?}", kind["type"]);
        assert!(!valid.is_valid(&json!({})), "{}", kind["type"]);
    }
}
