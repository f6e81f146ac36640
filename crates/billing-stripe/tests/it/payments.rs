//! Payments: what became of them, and what they were for.

use billing_app::ports::{PaymentGateway as _, SeenPayment};
use billing_domain::payment::PaymentStatus;
use serde_json::{Value, json};

use crate::{
    server::{Played, at, checkout, fixture, usd, with},
    specs::{json, specs},
};

/// A payment for which there is neither an invoice nor a page.
async fn seen(object: &Value) -> SeenPayment {
    let played = Played::new().await;
    played.shows("/v1/payment_intents/pi_1", object).await;
    played.shows("/v1/invoice_payments", &json!({"data": []})).await;
    found(&played, "pi_1").await
}

async fn found(played: &Played, id: &str) -> SeenPayment {
    let found = played.stripe.payments().find(id).await.expect("it can be read");
    found.expect("the payment is there")
}

async fn changed(changes: Value) -> SeenPayment {
    seen(&with(fixture!("payment_intent.endive.json"), changes)).await
}

fn charge(changes: Value) -> Value {
    let intent = fixture!("payment_intent.endive.json");
    let charge = intent.get("latest_charge").cloned().expect("a charge");
    json!({"latest_charge": with(charge, changes)})
}

#[tokio::test]
async fn a_payment_says_what_it_is() {
    let seen = changed(json!({})).await;
    assert_eq!(seen.reference.id, "pi_1");
    assert_eq!(seen.customer.unwrap().id, "cus_1");
    assert_eq!(seen.checkout_id, None);
    assert_eq!(seen.status, PaymentStatus::Completed);
    assert_eq!((seen.amount, seen.tax, seen.refunded), (usd(5390), usd(0), usd(0)));
    assert_eq!(seen.description, "Subscription update");
    assert_eq!(seen.document_url.as_deref(), Some("https://pay.stripe.com/receipts/1"));
    assert_eq!(seen.failure, None);
    assert_eq!(seen.created_at, at(1_702_592_003));
}

#[tokio::test]
async fn statuses_are_those_of_the_intent_and_of_its_charge() {
    use PaymentStatus::{
        Completed, Disputed, Failed, PartiallyRefunded, Pending, Refunded, Unknown,
    };
    let refused = json!({"code": "card_declined", "decline_code": "insufficient_funds"});
    let table = [
        (json!({"status": "processing"}), Pending),
        (json!({"status": "requires_action"}), Pending),
        (json!({"status": "requires_confirmation"}), Pending),
        (json!({"status": "requires_capture"}), Pending),
        (json!({"status": "requires_payment_method"}), Pending),
        (json!({"status": "requires_payment_method", "last_payment_error": refused}), Failed),
        (json!({"status": "canceled"}), Failed),
        (json!({"status": "floating"}), Unknown),
        (charge(json!({})), Completed),
        (charge(json!({"amount_refunded": 1})), PartiallyRefunded),
        (charge(json!({"amount_refunded": 5390})), Refunded),
        (charge(json!({"disputed": true})), Disputed),
    ];
    for (changes, expected) in table {
        assert_eq!(changed(changes.clone()).await.status, expected, "{changes}");
    }
    assert_eq!(changed(charge(json!({"amount_refunded": 7}))).await.refunded, usd(7));
}

#[tokio::test]
async fn a_failure_has_a_reason_in_one_word() {
    let failure = async |status: &str, error: Value| {
        let changes = json!({
            "status": status, "last_payment_error": error, "cancellation_reason": "abandoned",
        });
        changed(changes).await.failure
    };
    let refused = "requires_payment_method";
    let declined =
        json!({"type": "card_error", "code": "card_declined", "decline_code": "do_not_honor"});
    assert_eq!(failure(refused, declined.clone()).await.as_deref(), Some("do_not_honor"));
    let expired = json!({"type": "card_error", "code": "expired_card"});
    assert_eq!(failure(refused, expired).await.as_deref(), Some("expired_card"));
    let sparse = json!({"type": "api_error"});
    assert_eq!(failure(refused, sparse).await.as_deref(), Some("api_error"));
    assert_eq!(failure("canceled", Value::Null).await.as_deref(), Some("abandoned"));
    assert_eq!(failure("succeeded", declined).await, None);
}

#[tokio::test]
async fn the_payment_of_an_invoice_says_so() {
    let invoice = fixture!("invoice.endive.json");
    for link in [json!("in_1"), invoice.clone()] {
        let played = Played::new().await;
        let intent = fixture!("payment_intent.endive.json");
        played.shows("/v1/payment_intents/pi_1", &intent).await;
        played.shows("/v1/invoice_payments", &json!({"data": [{"invoice": link}]})).await;
        played.shows("/v1/invoices/in_1", &invoice).await;
        let seen = found(&played, "pi_1").await;
        assert_eq!(seen.tax, usd(490));
        assert_eq!(seen.description, "Invoice AB12-0001");
        assert_eq!(seen.document_url.as_deref(), Some("https://invoice.stripe.com/i/1"));
    }
}

#[tokio::test]
async fn a_payment_of_2023_knows_its_invoice() {
    let played = Played::new().await;
    played.shows("/v1/payment_intents/pi_1", &fixture!("payment_intent.2023.json")).await;
    played.shows("/v1/invoices/in_1", &fixture!("invoice.2023.json")).await;
    let seen = found(&played, "pi_1").await;
    assert_eq!(seen.customer.unwrap().id, "cus_1");
    assert_eq!(seen.description, "Invoice AB12-0001");
    assert_eq!(seen.tax, usd(490));
}

#[tokio::test]
async fn the_payment_on_a_page_has_the_tax_of_the_page() {
    let played = Played::new().await;
    let session = fixture!("checkout_session.endive.json");
    played.shows("/v1/payment_intents/pi_1", &session["payment_intent"]).await;
    played.shows("/v1/checkout/sessions", &json!({"data": [session]})).await;
    let seen = found(&played, "pi_1").await;
    assert_eq!(seen.checkout_id, Some(checkout()));
    assert_eq!((seen.amount, seen.tax), (usd(2090), usd(190)));
    assert_eq!(seen.description, "1000 credits");
}

#[tokio::test]
async fn a_charge_leads_to_its_payment() {
    let played = Played::new().await;
    played.shows("/v1/charges/ch_1", &json!({"id": "ch_1", "payment_intent": "pi_1"})).await;
    played.shows("/v1/charges/ch_2", &json!({"id": "ch_2", "payment_intent": null})).await;
    played.shows("/v1/payment_intents/pi_1", &fixture!("payment_intent.endive.json")).await;
    played.shows("/v1/invoice_payments", &json!({"data": []})).await;
    assert_eq!(found(&played, "ch_1").await.reference.id, "pi_1");
    assert_eq!(played.stripe.payments().find("ch_2").await.unwrap(), None);
}

#[tokio::test]
async fn recorded_payments_are_understood() {
    let Some(specs) = specs() else { return };
    let events = specs.join("stripe/events/fixtures");
    for (file, status) in [
        ("payment_intent.succeeded.json", PaymentStatus::Completed),
        ("payment_intent.payment_failed.json", PaymentStatus::Failed),
    ] {
        let event = json(&events.join(file));
        assert_eq!(seen(&event["data"]["object"]).await.status, status, "{file}");
    }
}
