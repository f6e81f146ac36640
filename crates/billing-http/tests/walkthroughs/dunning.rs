//! A renewal that is not paid is tried again on its days, and is paid by another card or given up.

use serde_json::{Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::{
    api::{Api, client, pay, stripe, until},
    two_servers::Pair,
};

/// Stripe's card that is reported lost, and one that works.
const LOST: &str = "pm_card_visa_chargeDeclinedLostCard";
const GOOD: &str = "pm_card_visa";

async fn advance(api: &Api, by: &str) {
    api.post("/api/admin/sandbox/clock", &json!({ "advance": by })).await.expect(200);
}

/// Whoever is converted after a trial, and their customer at the gateway.
async fn subscribed(pair: &Pair, name: &str) -> (String, String) {
    let api = &pair.first.api;
    let organization = api.organization(name).await;
    let pack = json!({ "organization_id": organization, "credit_product": "credits_100",
                       "save_payment_method": true, "success_url": "https://product.example",
                       "cancel_url": "https://product.example" });
    let page = api.post("/api/billing/credit-products/checkout", &pack).await.expect(201);
    pay(pair.first.sandbox(), &page.text("/session_id"), "success").await.unwrap();
    let path = format!("/api/billing/credits/{organization}");
    until("the pack is given", async || {
        (api.get(&path).await.expect(200).number("/balance") == 100).then_some(())
    })
    .await;
    let trial = json!({ "organization_id": organization, "plan": "starter",
                        "email": format!("{name}@example.com") });
    api.post("/api/billing/trials", &trial).await.expect(201);
    let sql = format!("SELECT gateway_id FROM customers WHERE organization_id = '{organization}'");
    let customer = pair.sql.rows(&sql)[0][0].clone();
    (organization, customer)
}

async fn status(api: &Api, organization: &str) -> String {
    api.get(&format!("/api/billing/subscription/{organization}")).await.expect(200).text("/status")
}

/// A test card becomes the newest card of a customer.
async fn attach(pair: &Pair, card: &str, customer: &str) {
    let path = format!("/v1/payment_methods/{card}/attach");
    stripe(pair.first.sandbox(), &path, &[("customer", customer)]).await.expect(200);
}

/// On which days after the first attempt the money was asked for, and how that ended.
fn tries(failed: &Value) -> Vec<(i64, String)> {
    let at = |it: &Value| OffsetDateTime::parse(it["at"].as_str().unwrap(), &Rfc3339).unwrap();
    let attempts = failed["attempts"].as_array().unwrap();
    let outcome = |it: &Value| it["reason"].as_str().unwrap_or("paid").to_owned();
    attempts.iter().map(|it| ((at(it) - at(&attempts[0])).whole_days(), outcome(it))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renewal_is_tried_on_its_days_and_recovered_or_given_up() {
    let pair = Pair::new("dunning").await;
    let (api, other) = (&pair.first.api, &pair.second.api);
    let (poor, poor_customer) = subscribed(&pair, "poor").await;
    let (careless, careless_customer) = subscribed(&pair, "careless").await;
    advance(other, "15d").await;
    for organization in [&poor, &careless] {
        assert_eq!(status(api, organization).await, "active");
    }

    let switch = format!("{}/sandbox/customers/{poor_customer}", pair.first.sandbox());
    let empty = json!({ "payments": "insufficient_funds" });
    assert!(client().post(switch).json(&empty).send().await.unwrap().status().is_success());
    attach(&pair, LOST, &careless_customer).await;
    // The month that began on day 14 is over; the days of grace are not.
    advance(api, "31d").await;
    for organization in [&poor, &careless] {
        assert_eq!(status(other, organization).await, "past_due");
    }
    attach(&pair, GOOD, &careless_customer).await;
    until("the new card is charged", async || {
        (status(api, &careless).await == "active").then_some(())
    })
    .await;
    advance(other, "8d").await;
    until("its time is over", async || (status(api, &poor).await == "expired").then_some(())).await;

    let failed = api.get("/api/admin/failed-payments").await.expect(200);
    let of = |organization: &str| {
        let mut all = failed.list("/data").iter();
        all.find(|it| it["organization_id"] == organization).unwrap().clone()
    };
    let (lost, recovered) = (of(&poor), of(&careless));
    let why = "insufficient_funds".to_owned();
    assert_eq!(tries(&lost), [0, 1, 3, 5, 7].map(|day| (day, why.clone())));
    assert_eq!((&lost["status"], &recovered["status"]), (&json!("given_up"), &json!("recovered")));
    let tried = tries(&recovered);
    assert_eq!(tried.len(), 2, "never again with a lost card: {recovered}");
    assert_eq!((tried[0].1.as_str(), tried[1].1.as_str()), ("lost_or_stolen", "paid"));
    for (organization, expected) in [(&poor, "uncollectible"), (&careless, "paid")] {
        let path = format!("/api/billing/invoices/{organization}");
        let invoices = api.get(&path).await.expect(200);
        assert_eq!(invoices.text("/data/0/status"), expected);
    }
    let metrics = api.get("/api/admin/metrics/payments").await.expect(200);
    assert_eq!((metrics.number("/failed_first"), metrics.number("/recovered")), (2, 1));
    assert_eq!(metrics.text("/recovery_rate"), "0.5000");
    for (event, times) in
        [("payment.failed", 6), ("payment.recovered", 1), ("invoice.uncollectible", 1)]
    {
        let told = format!("SELECT count(*) FROM outbox WHERE type = '{event}'");
        assert_eq!(pair.sql.number(&told), times, "{event}");
    }
    pair.stop().await;
}
