//! Credits that are bought without anybody there.

use serde_json::{Value, json};

use crate::world::World;

/// A thousand credits when less than 200 are left, for 50 dollars a month at most.
pub(crate) fn a_wish() -> Value {
    json!({ "enabled": true, "threshold": 200, "credit_product": "credits_1000",
            "monthly_cap": { "amount": 5000, "currency": "USD" } })
}

#[actix_web::test]
async fn an_auto_top_up_is_set_shown_and_done() {
    let world = World::new().await;
    let path = format!("/api/billing/credits/{}/auto-top-up", world.acme);
    let none = world.get(&path, &world.bound).await;
    assert_eq!(none.refused(), (404, "AUTO_TOP_UP_NOT_FOUND".to_owned()));
    let set = world.put(&path, &world.bound, a_wish()).await.ok();
    let packs = world.get("/api/billing/credit-products", "").await.ok();
    assert_eq!(set["credit_product_id"], packs["data"][1]["id"]);
    assert_eq!(set["monthly_cap"], json!({ "amount": 5000, "currency": "USD" }));
    assert_eq!((&set["threshold"], &set["failures"]), (&json!(200), &json!(0)));
    assert_eq!(world.put(&path, &world.bound, a_wish()).await.ok(), set, "the same again");
    assert_eq!(world.get(&path, &world.reader).await.ok(), set);

    let buy = json!({ "credit_product": "credits_100", "save_payment_method": true,
                      "success_url": "https://example.com/a",
                      "cancel_url": "https://example.com/b" });
    let page = world.post("/api/billing/credit-products/checkout", &world.bound, buy).await.ok();
    let session = page["session_id"].as_str().unwrap().to_owned();
    world.gateway.pay(&session);
    crate::webhooks::delivered(&world, billing_app::ports::About::Checkout(session)).await;
    assert_eq!(world.http.billing.top_up_credits().await.unwrap(), 1);
    let credits = world.get(&format!("/api/billing/credits/{}", world.acme), &world.bound).await;
    assert_eq!(credits.ok()["balance"], 1100);
    let history = world.get(&format!("/api/billing/history/{}", world.acme), &world.bound).await;
    let history = history.ok();
    assert_eq!([&history["data"][0]["type"], &history["data"][1]["type"]], ["invoice", "payment"]);
    let price = json!({ "amount": 2500, "currency": "USD" });
    assert_eq!([&history["data"][0]["total"], &history["data"][1]["amount"]], [&price; 2]);
}

#[actix_web::test]
async fn a_wish_that_makes_no_sense_is_refused() {
    let world = World::new().await;
    let path = format!("/api/billing/credits/{}/auto-top-up", world.acme);
    let with = |field: &str, value: Value| {
        let mut wish = a_wish();
        wish[field] = value;
        wish
    };
    for (wish, status, code, field) in [
        (with("threshold", json!(-1)), 400, "VALIDATION_ERROR", "threshold"),
        (with("threshold", json!("many")), 400, "VALIDATION_ERROR", "threshold"),
        (
            with("monthly_cap", json!({ "amount": 2499, "currency": "USD" })),
            400,
            "VALIDATION_ERROR",
            "monthly_cap",
        ),
        (
            with("monthly_cap", json!({ "amount": 5000, "currency": "EUR" })),
            400,
            "VALIDATION_ERROR",
            "monthly_cap",
        ),
        (with("surprise", json!(1)), 400, "VALIDATION_ERROR", "surprise"),
        (with("credit_product", json!("credits_7")), 404, "CREDIT_PRODUCT_NOT_FOUND", ""),
    ] {
        let answer = world.put(&path, &world.bound, wish).await;
        assert_eq!(answer.refused(), (status, code.to_owned()), "{}", answer.text());
        if !field.is_empty() {
            assert_eq!(answer.json()["error"]["details"]["field"], field, "{}", answer.text());
        }
    }
    let reader = world.put(&path, &world.reader, a_wish()).await;
    assert_eq!(reader.refused(), (403, "INSUFFICIENT_SCOPE".to_owned()));
    let others = format!("/api/billing/credits/{}/auto-top-up", world.other);
    for answer in
        [world.put(&others, &world.bound, a_wish()).await, world.get(&others, &world.bound).await]
    {
        assert_eq!(answer.refused(), (404, "ORGANIZATION_NOT_FOUND".to_owned()));
    }
}
