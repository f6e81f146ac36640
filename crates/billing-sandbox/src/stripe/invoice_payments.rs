//! Which payment intent pays which invoice: since version basil neither names the other.

use serde_json::{Value, json};

use super::{list, params::Params, refusal::Refusal, turn::Turn};
use crate::json::Fields as _;

pub(crate) fn show(turn: &Turn<'_>, id: &str, params: &Params<'_>) -> Result<Value, Refusal> {
    params.only(&[])?;
    turn.find("invoice_payment", id)
}

pub(crate) fn list(turn: &Turn<'_>, params: &Params<'_>) -> Result<Value, Refusal> {
    let own = ["invoice", "payment.payment_intent", "payment.type", "status"];
    params.only(&list::taking(&own))?;
    let (invoice, status) = (params.text("invoice"), params.text("status"));
    let payment = params.child("payment");
    let intent = payment.and_then(|payment| payment.text("payment_intent"));
    list::page(turn, "invoice_payment", "/v1/invoice_payments", params, |payment| {
        invoice.is_none_or(|invoice| payment.text("invoice") == invoice)
            && status.is_none_or(|status| payment.text("status") == status)
            && intent.is_none_or(|intent| payment.text("payment.payment_intent") == intent)
    })
}

/// The payments of an invoice: one, once it was tried to collect it.
pub(crate) fn of_invoice(turn: &Turn<'_>, invoice: &str) -> Vec<Value> {
    noted(turn, invoice).into_iter().collect()
}

/// The link of a payment intent to the invoice it pays.
pub(crate) fn of_intent(turn: &Turn<'_>, intent: &str) -> Option<Value> {
    noted(turn, intent)
}

fn noted(turn: &Turn<'_>, either: &str) -> Option<Value> {
    turn.any(turn.noted(either, "invoice_payment").as_str()?).cloned()
}

/// Says that an intent pays an invoice.
pub(crate) fn link(turn: &mut Turn<'_>, invoice: &Value, intent: &Value) -> Result<Value, Refusal> {
    let fields = json!({
        "amount_requested": invoice.int("amount_due")?,
        "currency": invoice.text("currency"),
        "invoice": invoice.text("id"),
        "payment": { "type": "payment_intent", "payment_intent": intent.text("id") },
    });
    let link = turn.create("invoice_payment", "inpay_", fields);
    for either in [invoice, intent] {
        turn.note(either.text("id"), "invoice_payment", link.text("id"));
    }
    Ok(link)
}

/// Marks a link as the payment that was made.
pub(crate) fn paid(turn: &mut Turn<'_>, mut link: Value) -> Result<(), Refusal> {
    link.set("status", "paid");
    link.set("amount_paid", link.int("amount_requested")?);
    link.set("status_transitions.paid_at", turn.now);
    turn.save(&link);
    turn.emit("invoice_payment.paid", &link);
    Ok(())
}
