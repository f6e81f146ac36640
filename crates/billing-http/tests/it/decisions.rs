//! Why it was decided so: decisions are shown, and decided once more.

use serde_json::{Value, json};

use crate::world::World;

async fn shown(world: &World, id: &Value, key: &str) -> Value {
    world.get(&format!("/api/billing/decisions/{}", id.as_str().unwrap()), key).await.ok()
}

#[actix_web::test]
async fn what_was_decided_on_credits_comes_out_the_same() {
    let world = World::new().await;
    world.credit(world.acme, 250).await;
    let consume = |quantity: u32| json!({ "event": "ai_inference", "quantity": quantity });
    let path = "/api/billing/credits/consume";
    let used = world.post(path, &world.bound, consume(4)).await.ok();
    let denied = world.post(path, &world.bound, consume(7)).await.json();
    let held = world.post("/api/billing/credits/holds", &world.bound, consume(2)).await.ok();
    let refund = json!({ "seq": used["seq"], "amount": 30 });
    let back = world.post("/api/billing/credits/refunds", &world.bound, refund).await.ok();

    let used = shown(&world, &used["decision_id"], &world.bound).await;
    assert_eq!((&used["operation"], &used["allowed"]), (&json!("consume"), &json!(true)));
    assert_eq!((&used["required"], &used["before"]["available"]), (&json!(100), &json!(250)));
    assert_eq!(used["before"]["grants"][0]["remaining"], 250);
    assert_eq!(used["transaction"]["balance_after"], 150);

    let denied = shown(&world, &denied["error"]["details"]["decision_id"], &world.bound).await;
    assert_eq!((&denied["allowed"], &denied["transaction"]), (&json!(false), &json!(null)));
    assert_eq!((&denied["required"], &denied["before"]["available"]), (&json!(175), &json!(150)));
    assert_eq!(denied["reason"], "insufficient_credits");

    let held = shown(&world, &held["decision_id"], &world.backend).await;
    assert_eq!((&held["operation"], &held["before"]["held"]), (&json!("hold"), &json!(0)));
    let back = shown(&world, &back["decision_id"], &world.bound).await;
    assert_eq!((&back["operation"], &back["before"]["held"]), (&json!("refund"), &json!(50)));
    for decision in [used, denied, held, back] {
        assert_eq!(decision["recomputed"]["same"], true, "{decision}");
        assert_eq!(decision["recomputed"]["allowed"], decision["allowed"]);
    }
}

#[actix_web::test]
async fn what_was_decided_on_use_comes_out_the_same() {
    let world = World::new().await;
    let record = |quantity: u32| json!({ "meter": "exports", "quantity": quantity });
    let path = "/api/billing/check-quota";
    let counted = world.post(path, &world.bound, record(1)).await.ok();
    let denied = world.post(path, &world.bound, record(5)).await.json();
    let counted = shown(&world, &counted["decision_id"], &world.bound).await;
    assert_eq!(
        (&counted["operation"], &counted["allowed"]),
        (&json!("check_and_record"), &json!(true))
    );
    assert_eq!(
        (&counted["recomputed"]["used"], &counted["recomputed"]["limit"]),
        (&json!(0), &json!(1))
    );
    assert!(counted["plan_version_id"].is_string());
    let denied = shown(&world, &denied["error"]["details"]["decision_id"], &world.bound).await;
    assert_eq!((&denied["allowed"], &denied["recomputed"]["used"]), (&json!(false), &json!(1)));
    assert_eq!(denied["recomputed"]["reason"], "limit_reached");
    assert_eq!((&counted["same"], &denied["same"]), (&json!(true), &json!(true)));
}

#[actix_web::test]
async fn what_is_unknown_or_of_somebody_else_is_not_found() {
    let world = World::new().await;
    world.credit(world.other, 250).await;
    let foreign = json!({ "organization_id": world.other, "event": "ai_inference" });
    let used = world.post("/api/billing/credits/consume", &world.backend, foreign).await.ok();
    let foreign = used["decision_id"].as_str().unwrap();
    for id in [foreign, "0192d3a4-0000-7000-8000-00000000dead", "nothing"] {
        let answer = world.get(&format!("/api/billing/decisions/{id}"), &world.bound).await;
        assert_eq!(answer.refused(), (404, "DECISION_NOT_FOUND".to_owned()), "{id}");
    }
}
