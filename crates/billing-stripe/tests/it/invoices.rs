//! Invoices, as Stripe shows them now and as it showed them before.

use billing_app::ports::{PaymentGateway as _, SeenDocument, SeenInvoice};
use billing_domain::{
    invoice::{Billed, InvoiceStatus, LineKind},
    payment::PaymentStatus,
    period::Period,
};
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

fn document(invoice: &SeenInvoice) -> &SeenDocument {
    invoice.document.as_ref().expect("it is whole")
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
    let mut old = seen(&fixture!("invoice.2023.json")).await;
    let (bill, bill_of_today) = (&document(&old).bill, &document(&today).bill);
    assert_eq!((bill.total(), bill.tax()), (bill_of_today.total(), bill_of_today.tax()));
    // The older shape tells taxes apart less, and has no document of its own.
    old.document = today.document.clone();
    assert_eq!(old, today);
}

#[tokio::test]
async fn all_that_stands_on_an_invoice_is_seen() {
    let invoice = seen(&fixture!("invoice.endive.json")).await;
    assert_eq!(invoice.customer.unwrap().id, "cus_1");
    let document = invoice.document.unwrap();
    assert_eq!(
        (document.number.as_deref(), document.status),
        (Some("AB12-0001"), InvoiceStatus::Paid)
    );
    assert_eq!(document.hosted_url.as_deref(), Some("https://invoice.stripe.com/i/1"));
    assert_eq!(document.pdf_url.as_deref(), Some("https://invoice.stripe.com/i/1/pdf"));
    assert_eq!((document.bill.total(), document.amount_paid), (usd(5390), usd(5390)));
    let lines: Vec<_> = document
        .bill
        .parts()
        .lines
        .iter()
        .map(|line| (line.kind, line.amount, line.bills != Billed::Nothing))
        .collect();
    let expected = [
        (LineKind::Proration, usd(-100), true),
        (LineKind::Recurring, usd(4900), true),
        (LineKind::OneOff, usd(100), true),
    ];
    assert_eq!(lines, expected);
    let old = seen(&fixture!("invoice.2023.json")).await.document.unwrap();
    let kinds: Vec<_> = old.bill.parts().lines.iter().map(|line| line.kind).collect();
    // What is not itemized becomes a line of its own, so that the bill adds up.
    assert_eq!(kinds, [LineKind::Proration, LineKind::Recurring, LineKind::Adjustment]);
}

#[tokio::test]
async fn discounts_credits_and_inclusive_tax_add_up() {
    let rich = json!({
        "total": 4000, "amount_due": 1500, "amount_paid": 0, "status": "open",
        "total_discount_amounts": [{"amount": 700, "discount": "di_1"}],
        "total_pretax_credit_amounts": [
            {"amount": 700, "type": "discount"},
            {"amount": 200, "type": "credit_balance_transaction"},
        ],
        "total_taxes": [{"amount": 639, "tax_behavior": "inclusive", "taxable_amount": 3361}],
    });
    let document = seen(&with(fixture!("invoice.endive.json"), rich)).await.document.unwrap();
    let bill = &document.bill;
    assert_eq!((bill.subtotal(), bill.discount(), bill.tax()), (usd(4900), usd(700), usd(0)));
    // What was granted, and the balance of the customer.
    assert_eq!((bill.credit(), bill.total()), (usd(2700), usd(1500)));
    assert_eq!(bill.parts().taxes[0].taxable, Some(usd(3361)));
    assert_eq!((document.status, document.amount_paid), (InvoiceStatus::Open, usd(0)));
}

#[tokio::test]
async fn an_invoice_that_owes_the_customer_is_of_nothing() {
    let owes = json!({"total": -300, "amount_due": 0, "amount_paid": 0, "total_taxes": []});
    let bill = seen(&with(fixture!("invoice.endive.json"), owes)).await.document.unwrap().bill;
    assert_eq!((bill.total(), bill.credit()), (usd(0), usd(-300)));
}

#[tokio::test]
async fn lines_that_did_not_come_along_are_asked_for() {
    let mut invoice = fixture!("invoice.endive.json");
    let rest = invoice["lines"]["data"].as_array_mut().unwrap().split_off(1);
    invoice["lines"]["has_more"] = json!(true);
    let played = Played::new().await;
    played.shows("/v1/invoices/in_1", &invoice).await;
    played.shows("/v1/payment_intents/pi_1", &fixture!("payment_intent.endive.json")).await;
    played.shows("/v1/invoices/in_1/lines", &json!({"data": rest, "has_more": false})).await;
    let seen = played.stripe.payments().find_invoice("in_1").await.unwrap().unwrap();
    assert_eq!(document(&seen).bill.parts().lines.len(), 3);
    assert_eq!(document(&seen).bill.total(), usd(5390));
}

#[tokio::test]
async fn statuses_of_invoices_are_known() {
    for status in InvoiceStatus::ALL {
        let object = with(fixture!("invoice.endive.json"), json!({"status": status.name()}));
        assert_eq!(document(&seen(&object).await).status, status);
    }
    let new = with(fixture!("invoice.endive.json"), json!({"status": "floating"}));
    assert_eq!(document(&seen(&new).await).status, InvoiceStatus::Open);
    let part = with(fixture!("invoice.endive.json"), json!({"currency": null}));
    assert_eq!(seen(&part).await.document, None);
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
