//! What an organization's credits are decided by.

use serde_json::json;

use crate::world::World;

fn path(world: &World) -> String {
    format!("/api/admin/organizations/{}/credit-settings", world.acme)
}

#[actix_web::test]
async fn what_is_named_is_changed_and_the_next_decision_follows() {
    let world = World::new().await;
    let order = json!(["promotional", "adjustment", "purchased", "subscription"]);
    let change = json!({ "overdraft_limit": 500, "draw_order": order });
    let changed = world.patch(&path(&world), &world.admin, change).await;
    assert_eq!(changed.status, 200);
    let expected = json!({
        "overdraft_limit": 500, "draw_order": order, "low_balance": 1000, "low_percent": 10,
    });
    assert_eq!(changed.json(), expected);
    let changed = world.patch(&path(&world), &world.admin, json!({ "low_percent": 0 })).await;
    assert_eq!(changed.ok()["overdraft_limit"], 500, "what is not named stays");

    let credits = format!("/api/billing/credits/{}", world.acme);
    let shown = world.get(&credits, &world.bound).await.ok();
    assert_eq!((&shown["available"], &shown["settings"]["low_percent"]), (&json!(500), &json!(0)));
    let body = json!({ "event": "ai_inference" });
    let used = world.post("/api/billing/credits/consume", &world.bound, body).await.ok();
    assert_eq!(used["balance"], -25);
    let rows = world.get(&format!("{credits}/transactions"), &world.bound).await.ok();
    let causes: Vec<_> = rows["data"].as_array().unwrap().iter().map(|it| &it["cause"]).collect();
    assert_eq!(causes, ["consume", "settings", "settings"]);
}

#[actix_web::test]
async fn what_is_wrong_with_settings_is_named() {
    let world = World::new().await;
    for (field, value) in [
        ("overdraft_limit", json!(-1)),
        ("overdraft_limit", json!(1_u64 << 53)),
        ("overdraft_limit", json!(0.5)),
        ("low_balance", json!(-1)),
        ("low_percent", json!(101)),
        ("draw_order", json!(["purchased", "purchased", "promotional", "adjustment"])),
        ("draw_order", json!(["purchased"])),
        ("draw_order", json!(["gift", "subscription", "promotional", "adjustment"])),
        ("overdraft", json!(1)),
    ] {
        let answer = world.patch(&path(&world), &world.admin, json!({ field: value })).await;
        assert_eq!(answer.refused(), (400, "VALIDATION_ERROR".to_owned()), "{field}");
        let named = answer.json()["error"]["details"]["field"].clone();
        assert!(named.as_str().unwrap().starts_with(field), "{}", answer.text());
    }
    for strange in ["x", "0192d3a4-0000-7000-8000-00000000dead"] {
        let path = format!("/api/admin/organizations/{strange}/credit-settings");
        let answer = world.patch(&path, &world.admin, json!({ "low_balance": 1 })).await;
        assert_eq!(answer.refused(), (404, "ORGANIZATION_NOT_FOUND".to_owned()));
    }
    let refused = world.patch(&path(&world), &world.backend, json!({ "low_balance": 1 })).await;
    assert_eq!(refused.refused(), (403, "INSUFFICIENT_SCOPE".to_owned()));
}
