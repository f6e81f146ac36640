//! A trial ends with the card of an earlier purchase, whichever of two servers comes first.

use serde_json::json;

use crate::{
    api::{pay, until},
    two_servers::Pair,
};

/// Nobody waits for two weeks: all trials end now.
const END: &str = "WITH ended AS (UPDATE trials SET ends_at = now(), next_due_at = now() \
     RETURNING organization_id, subscription_id, ends_at) UPDATE subscriptions s SET \
     status_at = ended.ends_at, period_end = ended.ends_at FROM ended \
     WHERE (s.organization_id, s.subscription_id) = (ended.organization_id, ended.subscription_id) \
     RETURNING 1";

#[tokio::test(flavor = "multi_thread")]
async fn a_trial_is_paid_once_by_two_servers() {
    let pair = Pair::new("trial").await;
    let api = &pair.first.api;
    let [payer, other] = [api.organization("Pays").await, api.organization("Does not").await];
    let pack = json!({ "organization_id": payer, "credit_product": "credits_100",
                       "save_payment_method": true, "success_url": "https://product.example",
                       "cancel_url": "https://product.example" });
    let page = api.post("/api/billing/credit-products/checkout", &pack).await.expect(201);
    pay(pair.first.sandbox(), &page.text("/session_id"), "success").await.unwrap();
    let credits = format!("/api/billing/credits/{payer}");
    let balance = async || api.get(&credits).await.expect(200).number("/balance");
    until("the pack is given", async || (balance().await == 100).then_some(())).await;

    for (organization, email) in [(&payer, "ann@gmail.com"), (&other, "bob@gmail.com")] {
        let trial = json!({ "organization_id": organization, "plan": "starter", "email": email });
        let begun = api.post("/api/billing/trials", &trial).await.expect(201);
        assert_eq!(begun.text("/status"), "running");
    }
    let again = json!({ "organization_id": other, "plan": "starter", "email": "a.nn@gmail.com" });
    assert_eq!(api.post("/api/billing/trials", &again).await.status, 409);
    pair.sql.rows(END);
    for (organization, status, trial) in
        [(&payer, "active", "converted"), (&other, "expired", "expired")]
    {
        let path = format!("/api/billing/subscription/{organization}");
        let shown = until("the trial ends", async || {
            let shown = api.get(&path).await.expect(200);
            // What this server remembers of a subscription follows in a moment.
            let ended = shown.text("/trial/status") == trial && shown.text("/status") == status;
            ended.then_some(shown)
        })
        .await;
        assert_eq!(shown.text("/billed_by"), "engine");
    }
    let history = api.get(&format!("/api/billing/history/{payer}")).await.expect(200);
    let paid: Vec<_> = history
        .list("/data")
        .iter()
        .filter(|it| it["type"] == "payment")
        .map(|it| (it["status"].as_str(), it["amount"]["amount"].as_i64()))
        .collect();
    assert_eq!(paid, [(Some("completed"), Some(900)), (Some("completed"), Some(1500))]);
    let invoices = api.get(&format!("/api/billing/invoices/{payer}?status=paid")).await.expect(200);
    let issuers = invoices.list("/data").iter().map(|it| it["issuer"].as_str());
    assert_eq!(issuers.collect::<Vec<_>>(), [Some("us"); 2], "{}", invoices.body);
    for (event, times) in [("reminder", 2), ("converted", 1), ("expired", 1)] {
        let told = format!("SELECT count(*) FROM outbox WHERE type = 'trial.{event}'");
        assert_eq!(pair.sql.number(&told), times, "{event}");
    }
    pair.stop().await;
}
