//! Getting an invoice paid, and what follows if it is not.

use serde_json::{Value, json};

use crate::{
    json::Fields as _,
    stripe::{
        invoice_payments,
        invoices::{self, lines},
        outcome::{Decline, Outcome},
        params::Params,
        payments::{self, Due},
        periods::plus_days,
        refusal::Refusal,
        subscriptions::{self, cancel},
        turn::Turn,
    },
};

/// Days until the next try after each failed one; after the last, the subscription ends.
const RETRY_AFTER_DAYS: [i64; 3] = [3, 5, 7];

/// Under this name, lines wait for a subscription's next invoice.
const PENDING: &str = "pending_lines";

/// `POST /v1/invoices/{id}/pay`.
pub(crate) fn pay(turn: &mut Turn<'_>, id: &str, params: &Params<'_>) -> Result<Value, Refusal> {
    params.only(&["off_session"])?;
    let mut invoice = turn.find("invoice", id)?;
    if invoice.text("status") != "open" {
        let message = format!("Invoice is already {}", invoice.text("status"));
        return Err(Refusal::invalid(message));
    }
    if let Some(intent) = collect(turn, &mut invoice)? {
        let error = intent.at("last_payment_error").clone();
        if !error.is_null() {
            return Err(Refusal::card(intent, &error));
        }
    }
    Ok(invoice)
}

/// Bills a subscription's current period, with what waits from changes in the one before.
pub(crate) fn bill_period(
    turn: &mut Turn<'_>,
    before: &Value,
    subscription: &mut Value,
    reason: &str,
) -> Result<(), Refusal> {
    let id = subscription.text("id").to_owned();
    let mut lines = turn.noted(&id, PENDING).as_array().cloned().unwrap_or_default();
    turn.note(&id, PENDING, Value::Null);
    lines.extend(lines::of_period(turn, subscription)?);
    bill(turn, before, subscription, reason, lines)
}

/// Leaves lines for the next invoice.
pub(crate) fn bill_later(turn: &mut Turn<'_>, subscription: &str, lines: Vec<Value>) {
    let mut pending = turn.noted(subscription, PENDING).as_array().cloned().unwrap_or_default();
    pending.extend(lines);
    turn.note(subscription, PENDING, pending);
}

/// Draws up an invoice, tells of the change it comes from, and collects it.
pub(crate) fn bill(
    turn: &mut Turn<'_>,
    before: &Value,
    subscription: &mut Value,
    reason: &str,
    lines: Vec<Value>,
) -> Result<(), Refusal> {
    let mut invoice = invoices::draw(turn, subscription, reason, lines)?;
    subscription.set("latest_invoice", invoice.text("id"));
    subscriptions::save_change(turn, before, subscription);
    match subscription.text("pause_collection.behavior") {
        "void" => close(turn, &mut invoice, "void", "voided_at"),
        "mark_uncollectible" => {
            close(turn, &mut invoice, "uncollectible", "marked_uncollectible_at");
        }
        "keep_as_draft" => {
            invoice.set("status", "draft");
            invoice.set("auto_advance", false);
            turn.save(&invoice);
        }
        _ => {
            collect(turn, &mut invoice)?;
        }
    }
    *subscription = turn.find("subscription", subscription.text("id"))?;
    Ok(())
}

/// Tries to collect an open invoice from the customer's card; gives the intent, if one was needed.
pub(crate) fn collect(turn: &mut Turn<'_>, invoice: &mut Value) -> Result<Option<Value>, Refusal> {
    let amount = invoice.int("amount_due")?;
    if amount == 0 {
        mark_paid(turn, invoice, None)?;
        return Ok(None);
    }
    let links = invoice_payments::of_invoice(turn, invoice.text("id"));
    let (mut intent, link) = match links.into_iter().next() {
        Some(link) => (turn.find("payment_intent", link.text("payment.payment_intent"))?, link),
        None => {
            let due = Due {
                amount,
                currency: invoice.text("currency"),
                customer: Some(invoice.text("customer")),
                details: json!({ "description": "Subscription update" }),
            };
            let intent = payments::intend(turn, due);
            let link = invoice_payments::link(turn, invoice, &intent)?;
            (intent, link)
        }
    };
    let subscription = turn.any(invoice.text("parent.subscription_details.subscription"));
    let method = subscription.map(|it| it.text("default_payment_method").to_owned());
    let method = method.filter(|method| !method.is_empty());
    let outcome = match &method {
        Some(_) => payments::next_outcome(turn, invoice.text("customer")),
        None => Outcome::Declined(Decline::Generic),
    };
    payments::attempt(turn, &mut intent, method.as_deref(), outcome)?;
    if outcome == Outcome::Success {
        mark_paid(turn, invoice, Some(link))?;
    } else {
        mark_failed(turn, invoice)?;
    }
    Ok(Some(intent))
}

/// Marks an invoice paid, and the subscription it was in the way of active.
pub(crate) fn mark_paid(
    turn: &mut Turn<'_>,
    invoice: &mut Value,
    link: Option<Value>,
) -> Result<(), Refusal> {
    let due = invoice.int("amount_due")?;
    invoice.set("status", "paid");
    invoice.set("amount_paid", due);
    invoice.set("amount_remaining", 0);
    invoice.set("attempted", true);
    invoice.set("auto_advance", false);
    invoice.set("next_payment_attempt", Value::Null);
    invoice.set("status_transitions.paid_at", turn.now);
    if link.is_some() {
        invoice.set("attempt_count", invoice.int("attempt_count")? + 1);
    }
    turn.save(invoice);
    turn.emit("invoice.paid", invoice);
    turn.emit("invoice.payment_succeeded", invoice);
    if let Some(link) = link {
        invoice_payments::paid(turn, link)?;
    }
    let subscription = invoice.text("parent.subscription_details.subscription");
    let Some(before) = turn.any(subscription).cloned() else { return Ok(()) };
    let stuck = ["past_due", "incomplete", "unpaid"].contains(&before.text("status"));
    if stuck && before.text("latest_invoice") == invoice.text("id") {
        let mut after = before.clone();
        after.set("status", "active");
        subscriptions::save_change(turn, &before, &after);
    }
    Ok(())
}

/// Marks a failed try, plans the next, and puts the subscription past due.
pub(crate) fn mark_failed(turn: &mut Turn<'_>, invoice: &mut Value) -> Result<(), Refusal> {
    let tries = invoice.int("attempt_count")?;
    let wait = usize::try_from(tries).ok().and_then(|tries| RETRY_AFTER_DAYS.get(tries));
    invoice.set("attempt_count", tries + 1);
    invoice.set("attempted", true);
    invoice.set("next_payment_attempt", wait.map(|days| plus_days(turn.now, *days)));
    invoice.set("auto_advance", wait.is_some());
    turn.save(invoice);
    turn.emit("invoice.payment_failed", invoice);
    let subscription = invoice.text("parent.subscription_details.subscription");
    let Some(before) = turn.any(subscription).cloned() else { return Ok(()) };
    if before.text("latest_invoice") != invoice.text("id") || subscriptions::has_ended(&before) {
        return Ok(());
    }
    let mut after = before.clone();
    if wait.is_none() {
        cancel::end(turn, &mut after, "payment_failed");
    } else if before.text("status") != "incomplete" {
        after.set("status", "past_due");
        subscriptions::save_change(turn, &before, &after);
    }
    Ok(())
}

/// Ends an open invoice without payment.
pub(crate) fn close(turn: &mut Turn<'_>, invoice: &mut Value, status: &str, since: &str) {
    let event = match status {
        "void" => "invoice.voided",
        _ => "invoice.marked_uncollectible",
    };
    invoice.set("status", status);
    invoice.set("auto_advance", false);
    invoice.set("next_payment_attempt", Value::Null);
    invoice.set(&format!("status_transitions.{since}"), turn.now);
    turn.save(invoice);
    turn.emit(event, invoice);
}
