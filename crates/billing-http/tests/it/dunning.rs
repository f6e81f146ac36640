//! What people do about payments that fail, and how they look.

use billing_app::ports::{Scope, Store};
use billing_domain::{
    collection::Collection,
    id::InvoiceId,
    invoice::{Invoice, Issuer},
    payment::ChargeFailure,
};
use billing_testkit::builders::an_invoice;
use serde_json::{Value, json};

use crate::world::{Answer, World};

/// An open invoice of ours for `acme`, who has a card at the gateway.
pub(crate) async fn unpaid(world: &World) -> InvoiceId {
    world.keep_a_card().await;
    let mut work = world.store.begin(Scope::Engine).await.unwrap();
    let number = Some(format!("2026-9{:05}", world.gateway.opened().len()));
    let invoice =
        Invoice { organization_id: world.acme, issuer: Issuer::Us, number, ..an_invoice() };
    let now = world.http.billing.clock().now();
    let collection = Collection::begun((world.acme, invoice.id), None, now);
    work.invoices().save(&invoice, &[]).await.unwrap();
    work.collections().save(&collection, &[]).await.unwrap();
    work.commit().await.unwrap();
    invoice.id
}

impl World {
    fn customer(&self) -> String {
        self.gateway.opened()[0].customer.clone()
    }

    async fn pay(&self, id: InvoiceId) -> Answer {
        let path = format!("/api/billing/invoices/{}/{id}/pay", self.acme);
        self.post(&path, &self.bound, json!({})).await
    }

    async fn retry(&self, id: InvoiceId, body: Value) -> Answer {
        let path = format!("/api/admin/invoices/{}/{id}/retry", self.acme);
        self.post(&path, &self.admin, body).await
    }

    async fn failed(&self, query: &str) -> Value {
        let path = format!("/api/admin/failed-payments{query}");
        self.get(&path, &self.admin).await.ok()["data"].clone()
    }
}

#[actix_web::test]
async fn a_customer_pays_at_once() {
    let world = World::new().await;
    let id = unpaid(&world).await;
    world.gateway.refuse_as(&world.customer(), ChargeFailure::InsufficientFunds);
    world.do_what_is_due().await;
    let declined = world.pay(id).await;
    assert_eq!(declined.refused(), (402, "PAYMENT_DECLINED".to_owned()));
    assert_eq!(declined.json()["error"]["details"]["why"], "insufficient_funds");
    world.gateway.relent(&world.customer());
    let paid = world.pay(id).await.ok();
    assert_eq!((&paid["status"], &paid["amount_due"]["amount"]), (&json!("paid"), &json!(0)));
    assert_eq!(world.pay(id).await.ok()["status"], "paid", "it is paid once");
    assert_eq!(world.gateway.charged().len(), 3);
}

#[actix_web::test]
async fn an_operator_has_it_tried_again_and_says_why() {
    let world = World::new().await;
    let id = unpaid(&world).await;
    let why = json!({ "reason": "They called" });
    world.gateway.refuse(&world.customer());
    let declined = world.retry(id, why.clone()).await;
    assert_eq!(declined.refused(), (402, "PAYMENT_DECLINED".to_owned()));
    for wrong in [json!({}), json!({ "reason": " " }), json!({ "reason": "x".repeat(501) })] {
        let refused = world.retry(id, wrong).await;
        assert_eq!(refused.refused(), (400, "VALIDATION_ERROR".to_owned()));
    }
    let path = format!("/api/admin/invoices/{}/{id}/retry", world.acme);
    let backend = world.post(&path, &world.backend, why.clone()).await;
    assert_eq!(backend.refused(), (403, "INSUFFICIENT_SCOPE".to_owned()));
    let failed = world.failed("?status=at_risk").await;
    let attempt = &failed[0]["attempts"][0];
    assert_eq!((&attempt["outcome"], &attempt["reason"]), (&json!("failed"), &json!("declined")));
    assert_eq!(attempt["asked_because"], "They called");
    assert!(attempt["asked_by"].as_str().unwrap().starts_with("api_key "));
    assert_eq!(failed[0]["kind"], "soft");
    world.gateway.relent(&world.customer());
    assert_eq!(world.retry(id, why).await.ok()["status"], "paid");
    assert_eq!(world.failed("?status=at_risk").await, json!([]));
    assert_eq!(world.failed("?status=recovered").await[0]["status"], "recovered");
}

#[actix_web::test]
async fn what_cannot_be_charged_is_refused_and_nothing_is_tried() {
    let world = World::new().await;
    let id = unpaid(&world).await;
    world.gateway.refuse_as(&world.customer(), ChargeFailure::LostOrStolen);
    world.do_what_is_due().await;
    world.gateway.relent(&world.customer());
    let never = world.pay(id).await;
    assert_eq!(never.refused(), (422, "METHOD_NOT_CHARGED".to_owned()), "{}", never.text());
    world.gateway.forget_methods(&world.customer());
    let without = world.pay(id).await;
    assert_eq!(without.refused(), (402, "PAYMENT_DECLINED".to_owned()));
    assert_eq!(without.json()["error"]["details"]["why"], "no_saved_method");
    assert_eq!(world.gateway.charged().len(), 1);
    let path = format!("/api/billing/invoices/{}", world.acme);
    let all = world.get(&path, &world.bound).await.ok();
    let paid = all["data"].as_array().unwrap().iter().find(|it| it["status"] == "paid").unwrap();
    let own = paid["id"].as_str().unwrap();
    let pack = world.post(&format!("{path}/{own}/pay"), &world.bound, json!({})).await.ok();
    assert_eq!(pack["status"], "paid", "it is paid already");
    for (path, code) in [
        (format!("{path}/0192d3a4-0000-7000-8000-0000000000ff/pay"), "INVOICE_NOT_FOUND"),
        (format!("/api/billing/invoices/{}/{id}/pay", world.other), "ORGANIZATION_NOT_FOUND"),
    ] {
        let unknown = world.post(&path, &world.bound, json!({})).await;
        assert_eq!(unknown.refused(), (404, code.to_owned()));
    }
}

#[actix_web::test]
async fn what_nobody_knows_is_not_charged_again() {
    let world = World::new().await;
    let id = unpaid(&world).await;
    world.gateway.timing_out_after_accepting();
    assert_eq!(world.pay(id).await.status, 503);
    world.gateway.working();
    assert_eq!(world.pay(id).await.refused(), (409, "CHARGE_PENDING".to_owned()));
    world.clock.advance(time::Duration::MINUTE);
    world.do_what_is_due().await;
    assert_eq!(world.pay(id).await.ok()["status"], "paid");
    assert_eq!(world.gateway.charged().len(), 1);
}

#[actix_web::test]
async fn figures_say_how_money_comes() {
    let world = World::new().await;
    let none = world.get("/api/admin/metrics/payments", &world.admin).await.ok();
    assert_eq!((&none["recovery_rate"], &none["by_currency"]), (&Value::Null, &json!([])));
    let recovered = unpaid(&world).await;
    world.clock.advance(time::Duration::SECOND);
    world.gateway.refuse_as(&world.customer(), ChargeFailure::InsufficientFunds);
    world.do_what_is_due().await;
    let lost = unpaid(&world).await;
    world.do_what_is_due().await;
    world.gateway.relent(&world.customer());
    world.pay(recovered).await.ok();
    let metrics = world.get("/api/admin/metrics/payments?days=7", &world.admin).await.ok();
    insta::assert_json_snapshot!(metrics, {
        ".since" => "[since]", ".until" => "[until]", ".definitions" => "[definitions]",
    }, @r#"
    {
      "attempts": {
        "failed": 2,
        "pending": 0,
        "succeeded": 1,
        "success_rate": "0.3333"
      },
      "by_currency": [
        {
          "at_risk": {
            "amount": {
              "amount": 2900,
              "currency": "USD"
            },
            "invoices": 1
          },
          "currency": "USD",
          "failed_first": {
            "amount": {
              "amount": 5800,
              "currency": "USD"
            },
            "invoices": 2
          },
          "given_up": {
            "amount": {
              "amount": 0,
              "currency": "USD"
            },
            "invoices": 0
          },
          "paid_at_once": {
            "amount": {
              "amount": 0,
              "currency": "USD"
            },
            "invoices": 0
          },
          "recovered": {
            "amount": {
              "amount": 2900,
              "currency": "USD"
            },
            "invoices": 1
          },
          "recovery_rate": "0.5000"
        }
      ],
      "definitions": "[definitions]",
      "failed_by_kind": {
        "ask_customer": 0,
        "hard": 0,
        "new_method": 0,
        "soft": 2,
        "technical": 0
      },
      "failed_first": 2,
      "recovered": 1,
      "recovery_rate": "0.5000",
      "since": "[since]",
      "until": "[until]"
    }
    "#);
    assert!(metrics["definitions"]["recovery_rate"].as_str().unwrap().contains("failed_first"));
    let ids: Vec<_> = world.failed("").await.as_array().unwrap().to_vec();
    assert_eq!(ids[0]["invoice_id"], json!(lost.to_string()), "the newest first");
    for wrong in
        ["metrics/payments?days=0", "metrics/payments?days=367", "failed-payments?status=lost"]
    {
        let refused = world.get(&format!("/api/admin/{wrong}"), &world.admin).await;
        assert_eq!(refused.refused(), (400, "VALIDATION_ERROR".to_owned()), "{wrong}");
    }
}
