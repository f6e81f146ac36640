//! Invoices as the API shows them, and how one is drawn up.

pub(crate) mod collect;
pub(crate) mod lines;
pub(crate) mod preview;

use serde_json::{Value, json};

use super::{coupons, list, params::Params, refusal::Refusal, subscriptions, turn::Turn};
use crate::json::Fields as _;

pub(crate) fn show(turn: &Turn<'_>, id: &str, params: &Params<'_>) -> Result<Value, Refusal> {
    params.only(&[])?;
    turn.find("invoice", id)
}

pub(crate) fn list(turn: &Turn<'_>, params: &Params<'_>) -> Result<Value, Refusal> {
    params.only(&list::taking(&["collection_method", "customer", "status", "subscription"]))?;
    let wanted = [
        ("customer", params.text("customer")),
        ("status", params.text("status")),
        ("parent.subscription_details.subscription", params.text("subscription")),
    ];
    list::page(turn, "invoice", "/v1/invoices", params, |invoice| {
        wanted.iter().all(|(path, text)| text.is_none_or(|text| invoice.text(path) == text))
    })
}

pub(crate) fn lines(turn: &Turn<'_>, id: &str, params: &Params<'_>) -> Result<Value, Refusal> {
    params.only(&["limit", "starting_after", "ending_before"])?;
    let invoice = turn.find("invoice", id)?;
    let lines: Vec<&Value> = invoice.list("lines.data").iter().collect();
    list::cut(&lines, &format!("/v1/invoices/{id}/lines"), params)
}

/// Draws up an invoice for a subscription's current period and makes it due.
///
/// `lines` come without an invoice; it is written into them here.
pub(crate) fn draw(
    turn: &mut Turn<'_>,
    subscription: &Value,
    reason: &str,
    lines: Vec<Value>,
) -> Result<Value, Refusal> {
    let id = turn.fresh_id("in_");
    let mut total = 0_i64;
    let mut own_lines = Vec::new();
    for mut line in lines {
        total = total
            .checked_add(line.int("amount")?)
            .ok_or_else(|| Refusal::invalid("The invoice total is too large."))?;
        line.set("invoice", id.as_str());
        own_lines.push(line);
    }
    let (start, end) = covered(turn, subscription, reason)?;
    let subtotal = total;
    let period_start = subscriptions::period(subscription)?.0;
    let off = coupons::take_off(turn, subscription, (&mut own_lines, period_start))?;
    total -= off.as_ref().map_or(0, |(_, amount)| *amount);
    let discounts: Vec<_> = off.iter().map(|(discount, _)| discount.as_str()).collect();
    let discounted: Vec<_> = off
        .iter()
        .map(|(discount, amount)| json!({ "amount": amount, "discount": discount }))
        .collect();
    let mut invoice = turn.create_named(
        "invoice",
        &id,
        json!({
            "account_name": turn.merchant(),
            "billing_reason": reason,
            "currency": subscription.text("currency"),
            "customer": subscription.text("customer"),
            "default_payment_method": null,
            "lines": list::within(own_lines, &format!("/v1/invoices/{id}/lines")),
            "parent": {
                "quote_details": null,
                "subscription_details": {
                    "metadata": subscription.at("metadata"),
                    "subscription": subscription.text("id"),
                },
                "type": "subscription_details",
            },
            "period_end": end,
            "period_start": start,
            "discounts": discounts,
            "subtotal": subtotal,
            "subtotal_excluding_tax": subtotal,
            "total": total,
            "total_discount_amounts": discounted,
            "total_excluding_tax": total,
        }),
    );
    address(turn, &mut invoice)?;
    turn.save(&invoice);
    turn.emit("invoice.created", &invoice);
    finalize(turn, &mut invoice);
    Ok(invoice)
}

/// What an invoice looks back on: the period before for a renewal, else this moment.
fn covered(turn: &Turn<'_>, subscription: &Value, reason: &str) -> Result<(i64, i64), Refusal> {
    let previous = turn.noted(subscription.text("id"), "previous_start");
    match previous.as_i64() {
        Some(start) if reason == "subscription_cycle" => {
            Ok((start, subscriptions::period(subscription)?.0))
        }
        Some(_) | None => Ok((turn.now, turn.now)),
    }
}

/// Takes the customer's particulars and the next number of theirs.
fn address(turn: &mut Turn<'_>, invoice: &mut Value) -> Result<(), Refusal> {
    let mut customer = turn.find("customer", invoice.text("customer"))?;
    if customer.flag("deleted") {
        return Ok(());
    }
    for field in ["address", "email", "name", "phone", "shipping", "tax_exempt"] {
        invoice.set(&format!("customer_{field}"), customer.at(field).clone());
    }
    let sequence = customer.int("next_invoice_sequence")?;
    invoice.set("number", format!("{}-{sequence:04}", customer.text("invoice_prefix")));
    customer.set("next_invoice_sequence", sequence + 1);
    settle_balance(invoice, &mut customer)?;
    if customer.at("currency").is_null() {
        customer.set("currency", invoice.at("currency").clone());
    }
    turn.save(&customer);
    Ok(())
}

/// Draws on the customer's credit, or adds to it where the invoice owes the customer. As at
/// Stripe, a credit is a negative balance.
fn settle_balance(invoice: &mut Value, customer: &mut Value) -> Result<(), Refusal> {
    let (total, starting) = (invoice.int("total")?, customer.int("balance")?);
    let owed = total.saturating_add(starting);
    let (due, ending) = if owed > 0 { (owed, 0) } else { (0, owed) };
    invoice.set("starting_balance", starting);
    invoice.set("ending_balance", ending);
    invoice.set("amount_due", due);
    invoice.set("amount_remaining", due);
    customer.set("balance", ending);
    Ok(())
}

fn finalize(turn: &mut Turn<'_>, invoice: &mut Value) {
    invoice.set("status", "open");
    invoice.set("effective_at", turn.now);
    invoice.set("status_transitions.finalized_at", turn.now);
    let url = format!("{}/i/{}", turn.url(), invoice.text("id"));
    invoice.set("hosted_invoice_url", url);
    turn.save(invoice);
    turn.emit("invoice.finalized", invoice);
}
