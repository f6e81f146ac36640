//! What is on sale.

use serde_json::json;

use crate::world::World;

#[actix_web::test]
async fn plans_are_public_and_complete() {
    let world = World::new().await;
    let plans = world.get("/api/billing/plans", "").await.ok();
    let keys: Vec<_> = plans["data"].as_array().unwrap().iter().map(|it| &it["key"]).collect();
    assert_eq!(keys, ["free", "starter", "growth", "scale"]);
    assert_eq!(plans["has_more"], false);

    let starter = &plans["data"][1];
    assert_eq!(starter["name"], "Starter");
    assert_eq!(starter["version"], 1);
    assert_eq!(starter["included_credits"], 1000);
    assert_eq!(starter["prices"][0]["interval"], "month");
    assert_eq!(starter["prices"][0]["price"], json!({ "amount": 900, "currency": "USD" }));
    assert_eq!(starter["prices"][0]["trial_days"], 0);
    assert_eq!(starter["prices"][0]["model"], "per_seat");
    assert_eq!(starter["prices"][0]["components"], json!([]));
    assert_eq!(starter["prices"].as_array().unwrap().len(), 6);
    assert_eq!(starter["features"]["sso"], false);
    let calls = json!({
        "limit": 50_000, "unlimited": false, "window": "billing_period", "policy": "block",
    });
    assert_eq!(starter["limits"]["api_calls"], calls);
    let scale = &plans["data"][3];
    assert_eq!(scale["limits"]["api_calls"]["limit"], json!(null));
    assert_eq!(scale["limits"]["api_calls"]["unlimited"], true);
    assert_eq!(scale["limits"]["projects"]["window"], "lifetime");
    assert_eq!(scale["features"]["sso"], true);
}

#[actix_web::test]
async fn packs_of_credits_are_public() {
    let world = World::new().await;
    let packs = world.get("/api/billing/credit-products", "").await.ok();
    let sold: Vec<_> = packs["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|pack| (pack["credits"].as_i64().unwrap(), pack["prices"][0]["amount"].clone()))
        .collect();
    let expected =
        [(100, json!(1500)), (1000, json!(2500)), (2500, json!(5000)), (5000, json!(9000))];
    assert_eq!(sold, expected);
    assert_eq!(packs["data"][0]["key"], "credits_100");
}
