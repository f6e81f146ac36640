//! Credits are bought while nobody is there, with the card of an earlier purchase.

use serde_json::json;

use crate::{
    api::{Api, pay, until},
    two_servers::Pair,
};

async fn balance(api: &Api, organization: &str) -> i64 {
    api.get(&format!("/api/billing/credits/{organization}")).await.expect(200).number("/balance")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_card_that_was_kept_is_charged_once_by_two_servers() {
    let pair = Pair::new("top_up").await;
    let api = &pair.first.api;
    let poor = api.organization("Runs low").await;
    let pack = json!({ "organization_id": poor, "credit_product": "credits_100",
                       "save_payment_method": true, "success_url": "https://product.example",
                       "cancel_url": "https://product.example" });
    let page = api.post("/api/billing/credit-products/checkout", &pack).await.expect(201);
    pay(pair.first.sandbox(), &page.text("/session_id"), "success").await.unwrap();
    until("the pack is given", async || (balance(api, &poor).await == 100).then_some(())).await;

    let path = format!("/api/billing/credits/{poor}/auto-top-up");
    let wish = json!({ "enabled": true, "threshold": 50, "credit_product": "credits_1000",
                       "monthly_cap": { "amount": 3000, "currency": "USD" } });
    let set = api.put(&path, &wish).await.expect(200);
    assert_eq!(set.body["pending_checkout_id"], json!(null));
    let two = json!({ "organization_id": poor, "event": "ai_inference", "quantity": 3 });
    api.post("/api/billing/credits/consume", &two).await.expect(200);
    until("credits are bought", async || (balance(api, &poor).await == 1025).then_some(())).await;

    // The cap leaves no room for another, however little is left.
    let rest = json!({ "organization_id": poor, "event": "ai_inference", "quantity": 40 });
    api.post("/api/billing/credits/consume", &rest).await.expect(200);
    let looked = "SELECT count(*) FROM auto_top_ups WHERE look_at > now()";
    until("it waits for the next month", async || (pair.sql.number(looked) == 1).then_some(()))
        .await;
    assert_eq!(balance(api, &poor).await, 25);

    let history = api.get(&format!("/api/billing/history/{poor}")).await.expect(200);
    let paid: Vec<_> = history
        .list("/data")
        .iter()
        .filter(|it| it["type"] == "payment")
        .map(|it| (it["status"].as_str(), it["amount"]["amount"].as_i64()))
        .collect();
    assert_eq!(paid, [(Some("completed"), Some(2500)), (Some("completed"), Some(1500))]);
    let invoices = api.get(&format!("/api/billing/invoices/{poor}?status=paid")).await.expect(200);
    let issuers = invoices.list("/data").iter().map(|it| it["issuer"].as_str());
    assert_eq!(issuers.collect::<Vec<_>>(), [Some("us"); 2], "{}", invoices.body);
    let told = "SELECT count(*) FROM outbox WHERE type = 'credits.topped_up'";
    assert_eq!(pair.sql.number(told), 1);
    pair.stop().await;
}
