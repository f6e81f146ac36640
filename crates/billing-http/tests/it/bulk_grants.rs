//! Credits for many organizations at once.

use serde_json::{Value, json};

use crate::world::World;

const GRANTS: &str = "/api/admin/grants";
const NOWHERE: &str = "0192d3a4-0000-7000-8000-00000000dead";

fn spring(world: &World) -> Value {
    json!({
        "organization_ids": [world.acme, NOWHERE, world.other],
        "kind": "promotional", "amount": 100, "idempotency_key": "spring",
    })
}

#[actix_web::test]
async fn each_is_given_to_once_and_who_is_unknown_is_named() {
    let world = World::new().await;
    for (given, already) in [(2, 0), (0, 2)] {
        let answer = world.post(GRANTS, &world.admin, spring(&world)).await;
        assert_eq!(answer.status, 200);
        let failed = json!([{
            "index": 1, "organization_id": NOWHERE,
            "code": "ORGANIZATION_NOT_FOUND", "message": "Organization not found",
        }]);
        let expected = json!({ "given": given, "already": already, "failed": failed });
        assert_eq!(answer.json(), expected);
    }
    for organization in [world.acme, world.other] {
        let path = format!("/api/billing/credits/{organization}");
        assert_eq!(world.get(&path, &world.backend).await.ok()["balance"], 100);
    }
}

#[actix_web::test]
async fn what_is_wrong_for_all_is_named_and_nobody_is_given_to() {
    let world = World::new().await;
    for (field, value) in [
        ("organization_ids", json!([])),
        ("kind", json!("purchased")),
        ("amount", json!(0)),
        ("amount", json!(-1)),
        ("amount", json!(1.5)),
        ("expires_at", json!("2020-01-01T00:00:00Z")),
        ("idempotency_key", json!(null)),
        ("idempotency_key", json!("x".repeat(300))),
        ("reason", json!("spring")),
    ] {
        let mut body = spring(&world);
        body[field] = value;
        let answer = world.post(GRANTS, &world.admin, body).await;
        assert_eq!(answer.refused(), (400, "VALIDATION_ERROR".to_owned()), "{field}");
        assert_eq!(answer.json()["error"]["details"]["field"], field, "{}", answer.text());
    }
    for key in [&world.backend, &world.bound] {
        let answer = world.post(GRANTS, key, spring(&world)).await;
        assert_eq!(answer.refused(), (403, "INSUFFICIENT_SCOPE".to_owned()));
    }
    let path = format!("/api/billing/credits/{}", world.acme);
    assert_eq!(world.get(&path, &world.backend).await.ok()["balance"], 0);
}

#[actix_web::test]
async fn ten_thousand_fit_into_one_request_and_no_more() {
    let world = World::new().await;
    let many = |count: usize| {
        let mut body = spring(&world);
        body["organization_ids"] = json!(vec![NOWHERE; count]);
        body
    };
    let answer = world.post(GRANTS, &world.admin, many(10_000)).await.ok();
    assert_eq!(answer["failed"].as_array().unwrap().len(), 10_000);
    let answer = world.post(GRANTS, &world.admin, many(10_001)).await;
    assert_eq!(answer.refused(), (400, "VALIDATION_ERROR".to_owned()));
}
