//! A pack of credits is bought.

use serde_json::{Value, json};

use crate::world::World;

#[actix_web::test]
async fn a_pack_of_credits_is_bought() {
    let world = World::new().await;
    let path = "/api/billing/credit-products/checkout";
    let urls =
        json!({ "success_url": "https://example.com/a", "cancel_url": "https://example.com/b" });
    let with = |field: &str, value: Value| {
        let mut body = urls.clone();
        body[field] = value;
        body
    };
    let opened =
        world.post(path, &world.bound, with("credit_product", json!("credits_1000"))).await;
    let session = opened.ok()["session_id"].as_str().unwrap().to_owned();
    world.gateway.pay(&session);
    crate::webhooks::delivered(&world, billing_app::ports::About::Checkout(session)).await;
    let credits = world.get(&format!("/api/billing/credits/{}", world.acme), &world.bound).await;
    assert_eq!(credits.ok()["by_kind"]["purchased"], 1000);

    let packs = world.get("/api/billing/credit-products", "").await.ok();
    let id = packs["data"][0]["id"].clone();
    assert_eq!(
        world.post(path, &world.bound, with("credit_product_id", id.clone())).await.status,
        201
    );
    let mut both = with("credit_product", json!("credits_100"));
    both["credit_product_id"] = id;
    for (body, status, code) in [
        (urls.clone(), 400, "VALIDATION_ERROR"),
        (both, 400, "VALIDATION_ERROR"),
        (with("credit_product", json!("credits_7")), 404, "CREDIT_PRODUCT_NOT_FOUND"),
        (with("credit_product_id", json!(world.acme)), 404, "CREDIT_PRODUCT_NOT_FOUND"),
        (with("credit_product_id", json!("x")), 400, "VALIDATION_ERROR"),
    ] {
        let answer = world.post(path, &world.bound, body).await;
        assert_eq!(answer.refused(), (status, code.to_owned()), "{}", answer.text());
    }
}
