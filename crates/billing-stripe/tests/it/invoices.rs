//! Invoices, as Stripe shows them now and as it showed them before.

use billing_app::ports::{PaymentGateway as _, SeenInvoice};
use billing_domain::{payment::PaymentStatus, period::Period};
use serde_json::{Value, json};

use crate::{
    server::{Played, at, fixture, id_of, usd, with},
    specs::{json, specs},
};

async fn seen(object: &Value) -> SeenInvoice {
    let played = Played::new().await;
    let id = id_of(object);
    played.shows(&format!("/v1/invoices/{id}"), object).await;
    played.shows("/v1/payment_intents/pi_1", &fixture!("payment_intent.endive.json")).await;
    played.shows("/v1/charges/ch_1", &json!({"id": "ch_1", "payment_intent": "pi_1"})).await;
    let found = played.stripe.payments().find_invoice(id).await.expect("it can be read");
    found.expect("the invoice is there")
}

#[tokio::test]
async fn an_invoice_of_today_and_one_of_2023_say_the_same() {
    let today = seen(&fixture!("invoice.endive.json")).await;
    assert_eq!(today.reference.id, "in_1");
    assert_eq!(today.subscription.as_deref(), Some("sub_1"));
    assert!(today.paid);
    let period = Period { start: at(1_702_592_000), end: at(1_705_270_400) };
    assert_eq!(today.period, Some(period));
    let payment = today.payment.clone().unwrap();
    // The payment that was made, not the usual one that was given up.
    assert_eq!(payment.reference.id, "pi_1");
    assert_eq!(payment.status, PaymentStatus::Completed);
    assert_eq!((payment.amount, payment.tax, payment.refunded), (usd(5390), usd(490), usd(0)));
    assert_eq!(payment.description, "Invoice AB12-0001");
    assert_eq!(payment.document_url.as_deref(), Some("https://invoice.stripe.com/i/1"));
    assert_eq!(seen(&fixture!("invoice.2023.json")).await, today);
}

#[tokio::test]
async fn a_correction_has_the_period_of_the_invoice() {
    let mut invoice = fixture!("invoice.endive.json");
    invoice["lines"]["data"].as_array_mut().unwrap().truncate(1);
    let period = Period { start: at(1_700_000_000), end: at(1_702_592_000) };
    assert_eq!(seen(&invoice).await.period, Some(period));
}

#[tokio::test]
async fn an_invoice_of_nothing_has_no_payment() {
    let free = json!({"payments": {"data": []}, "total": 0, "number": null});
    let seen = seen(&with(fixture!("invoice.endive.json"), free)).await;
    assert!(seen.paid);
    assert_eq!(seen.payment, None);
}

#[tokio::test]
async fn an_invoice_may_be_for_no_subscription() {
    let alone = json!({"parent": null, "status": "open"});
    let seen = seen(&with(fixture!("invoice.endive.json"), alone)).await;
    assert!(!seen.paid);
    assert_eq!((seen.subscription, seen.period), (None, None));
}

#[tokio::test]
async fn an_old_charge_leads_to_its_payment() {
    let charged = json!({"payment_intent": null});
    let seen = seen(&with(fixture!("invoice.2023.json"), charged)).await;
    assert_eq!(seen.payment.unwrap().reference.id, "pi_1");
}

#[tokio::test]
async fn recorded_invoices_are_understood() {
    let Some(specs) = specs() else { return };
    let events = specs.join("stripe/events");
    let objects = [
        json(&events.join("pay-rails/invoice.json")),
        json(&events.join("pay-rails/invoice.payment_action_required.json"))["object"].clone(),
        json(&events.join("fixtures/invoice.paid.json"))["data"]["object"].clone(),
        json(&specs.join("stripe/fixtures3.2026-08.json"))["resources"]["invoice"].clone(),
    ];
    for object in objects {
        let no_payment = json!({"payment_intent": null, "charge": null, "payments": null});
        let seen = seen(&with(object.clone(), no_payment)).await;
        assert_eq!(seen.paid, object["status"] == "paid", "{}", object["id"]);
    }
}
