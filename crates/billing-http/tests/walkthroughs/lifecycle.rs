//! A subscription is changed, stopped and ended at a gateway that is met over its wire; and one
//! that was paid for twice settles to one.

use serde_json::{Value, json};

use crate::{
    api::{Answer, Api, pay, stripe, stripe_get, until},
    two_servers::Pair,
};

struct Acme<'a> {
    api: &'a Api,
    sandbox: &'a str,
    id: String,
}

impl Acme<'_> {
    async fn verb(&self, verb: &str, body: &Value) -> Answer {
        self.api.post(&format!("/api/billing/subscription/{}/{verb}", self.id), body).await
    }

    async fn subscription(&self) -> Answer {
        self.api.get(&format!("/api/billing/subscription/{}", self.id)).await.expect(200)
    }

    /// The last invoice, as the gateway has it.
    async fn invoice(&self) -> Value {
        let id = self.subscription().await.text("/gateway_subscription_id");
        let path = format!("/v1/subscriptions/{id}?expand[0]=latest_invoice");
        stripe_get(self.sandbox, &path).await.expect(200).body["latest_invoice"].clone()
    }
}

async fn subscribed(pair: &Pair) -> Acme<'_> {
    let (id, _) = pair.paid().await;
    let acme = Acme { api: &pair.first.api, sandbox: pair.first.sandbox(), id };
    until("it is subscribed", async || {
        (acme.subscription().await.text("/status") == "active").then_some(())
    })
    .await;
    acme
}

/// What a line of a preview says, and what a line of an invoice says.
fn lines(of: &Value, list: &str, amount: &str) -> Vec<(String, i64)> {
    let all = of.pointer(list).and_then(Value::as_array).unwrap();
    let said = all.iter().map(|line| {
        let text = line["description"].as_str().unwrap().to_owned();
        (text, line.pointer(amount).and_then(Value::as_i64).unwrap())
    });
    said.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invoice_is_what_its_preview_said() {
    let pair = Pair::new("lifecycle").await;
    let acme = subscribed(&pair).await;
    let preview = json!({ "action": "upgrade", "plan": "growth", "quantity": 2 });
    let preview = acme.verb("preview", &preview).await.expect(200);
    let body = json!({ "organization_id": acme.id, "plan": "growth", "quantity": 2,
                       "preview_token": preview.text("/preview_token") });
    let done = acme.api.post("/api/billing/upgrade", &body).await.expect(200);
    assert_eq!((done.text("/plan"), done.number("/quantity")), ("growth".to_owned(), 2));

    let invoice = acme.invoice().await;
    let said = lines(&preview.body, "/lines", "/amount/amount");
    assert_eq!(said, lines(&invoice, "/lines/data", "/amount"), "to the minor unit");
    assert_eq!(said.len(), 2);
    assert_eq!(preview.number("/total/amount"), invoice["total"].as_i64().unwrap());
    assert_eq!(preview.number("/amount_due/amount"), invoice["amount_paid"].as_i64().unwrap());
    let stale = acme.api.post("/api/billing/upgrade", &body).await;
    assert_eq!(stale.text("/error/code"), "NOTHING_TO_CHANGE");

    let later = acme.verb("change", &json!({ "plan": "starter" })).await.expect(200);
    assert_eq!(later.text("/pending_changes/0/plan"), "starter");
    assert_eq!(later.text("/plan"), "growth");
    let end = later.text("/current_period_end");
    assert_eq!(later.text("/pending_changes/0/effective_at"), end);
    acme.verb("cancel", &json!({})).await.expect(409);
    let back = acme.verb("resume", &json!({})).await.expect(200);
    assert_eq!(back.list("/pending_changes").len(), 0);

    let now = json!({ "action": "change", "plan": "starter", "quantity": 1, "when": "now" });
    let preview = acme.verb("preview", &now).await.expect(200);
    let now = json!({ "plan": "starter", "quantity": 1, "when": "now",
                      "preview_token": preview.text("/preview_token") });
    assert_eq!(acme.verb("change", &now).await.expect(200).text("/plan"), "starter");
    let invoice = acme.invoice().await;
    let said = lines(&preview.body, "/lines", "/amount/amount");
    assert_eq!(said, lines(&invoice, "/lines/data", "/amount"));
    assert!(preview.number("/total/amount") < 0 && invoice["amount_due"] == 0);
    pair.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_declined_paused_and_ended() {
    let pair = Pair::new("ends").await;
    let acme = subscribed(&pair).await;
    let customer = pair.sql.rows("SELECT gateway_id FROM customers")[0][0].clone();
    let path = format!("{}/sandbox/customers/{customer}", acme.sandbox);
    let refuse = crate::api::client().post(path).json(&json!({ "payments": "expired_card" }));
    assert!(refuse.send().await.unwrap().status().is_success());
    let before = acme.subscription().await;
    let upgrade = json!({ "organization_id": acme.id, "plan": "scale" });
    let declined = acme.api.post("/api/billing/upgrade", &upgrade).await.expect(402);
    assert_eq!(declined.text("/error/code"), "PAYMENT_DECLINED");
    assert_eq!(declined.text("/error/details/why"), "expired_card");
    assert_eq!(acme.subscription().await.body, before.body, "nobody has what is not paid");

    let paused = acme.verb("pause", &json!({})).await.expect(200);
    assert_eq!(
        (paused.text("/status"), paused.text("/entitled_plan")),
        ("paused".into(), "free".into())
    );
    acme.verb("pause", &json!({})).await.expect(422);
    let resumed = acme.verb("resume", &json!({})).await.expect(200);
    assert_eq!(resumed.body, before.body, "what was paid is not paid again");

    let ends = acme.verb("cancel", &json!({})).await.expect(200);
    assert_eq!(ends.body["cancel_at_period_end"], true);
    assert_eq!(acme.verb("resume", &json!({})).await.expect(200).body, before.body);
    let ended = acme.verb("cancel", &json!({ "when": "now" })).await.expect(200);
    assert_eq!(
        (ended.text("/status"), ended.text("/entitled_plan")),
        ("cancelled".into(), "free".into())
    );
    let refused = acme.verb("cancel", &json!({})).await.expect(422);
    assert_eq!(refused.text("/error/code"), "INVALID_TRANSITION");
    let actors = pair.sql.rows("SELECT DISTINCT actor FROM subscription_changes");
    assert_eq!(actors, [["admin"]], "who asked with an administrator's key");
    pair.stop().await;
}

/// A page that was opened by somebody else than us, for a customer of ours.
async fn another_page(sandbox: &str, customer: &str, price: &str) -> String {
    let form = [
        ("mode", "subscription"),
        ("customer", customer),
        ("success_url", "https://else.example"),
        ("line_items[0][quantity]", "1"),
        ("line_items[0][price_data][currency]", "usd"),
        ("line_items[0][price_data][unit_amount]", "900"),
        ("line_items[0][price_data][recurring][interval]", "month"),
        ("line_items[0][price_data][product_data][name]", "Starter"),
        ("subscription_data[metadata][price_id]", price),
    ];
    stripe(sandbox, "/v1/checkout/sessions", &form).await.expect(200).text("/id")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_paid_twice_settles_to_one_and_a_refund() {
    let pair = Pair::new("twice").await;
    let (api, sandbox) = (&pair.first.api, pair.first.sandbox());
    for ours_first in [true, false] {
        let id = api.organization("Pays twice").await;
        let ours = api.checkout(&id, "starter").await.expect(201).text("/session_id");
        let customer = pair
            .sql
            .rows(&format!("SELECT gateway_id FROM customers WHERE organization_id = '{id}'"));
        let price = pair
            .sql
            .rows(&format!("SELECT price_id FROM checkouts WHERE organization_id = '{id}'"));
        let other = another_page(sandbox, &customer[0][0], &price[0][0]).await;
        let pages = if ours_first { [&ours, &other] } else { [&other, &ours] };
        for page in pages {
            pay(sandbox, page, "success").await.unwrap().expect(200);
        }
        let history = until("one is paid back", async || {
            let history = api.get(&format!("/api/billing/history/{id}")).await.expect(200);
            let refunded = |it: &Value| it["status"] == "refunded";
            history.list("/data").iter().any(refunded).then_some(history)
        })
        .await;
        let payments = history.list("/data").iter().filter(|it| it["type"] == "payment");
        let mut kept: Vec<_> = payments.map(|it| it["status"].as_str().unwrap()).collect();
        kept.sort_unstable();
        assert_eq!(kept, ["completed", "refunded"], "{}", history.body);
        let path = format!("/v1/subscriptions?status=all&customer={}", customer[0][0]);
        let there = stripe_get(sandbox, &path).await.expect(200);
        let mut there: Vec<_> =
            there.list("/data").iter().map(|it| it["status"].as_str().unwrap()).collect();
        there.sort_unstable();
        assert_eq!(there, ["active", "canceled"]);
        let live = api.get(&format!("/api/billing/subscription/{id}")).await.expect(200);
        assert_eq!(live.text("/status"), "active");
    }
    let told = "SELECT count(*) FROM outbox WHERE type = 'subscription.duplicate_cancelled'";
    until("it is told", async || (pair.sql.number(told) == 2).then_some(())).await;
    pair.stop().await;
}
