//! `POST /v1/subscriptions/{id}/pause` and `…/resume`: the real status `paused`.

use serde_json::Value;

use crate::{
    json::Fields as _,
    stripe::{invoices, params::Params, refusal::Refusal, subscriptions, turn::Turn},
};

pub(crate) fn pause(turn: &mut Turn<'_>, id: &str, params: &Params<'_>) -> Result<Value, Refusal> {
    params.only(&[
        "bill_for.outstanding_usage_through.type",
        "bill_for.unused_time_from.type",
        "invoicing_behavior",
        "type",
    ])?;
    params.one_of("type", &["subscription"])?;
    let mut subscription = subscriptions::running(turn, id)?;
    let status = subscription.text("status").to_owned();
    if !["active", "trialing"].contains(&status.as_str()) {
        let message = format!("A subscription with the status {status} cannot be paused.");
        return Err(Refusal::invalid(message));
    }
    hold(turn, &mut subscription);
    Ok(subscription)
}

/// Pauses at this moment: no period passes until it is resumed.
pub(crate) fn hold(turn: &mut Turn<'_>, subscription: &mut Value) {
    subscription.set("status", "paused");
    turn.save(subscription);
    turn.emit("customer.subscription.paused", subscription);
}

pub(crate) fn resume(turn: &mut Turn<'_>, id: &str, params: &Params<'_>) -> Result<Value, Refusal> {
    params.only(&["billing_cycle_anchor.type", "payment_behavior", "proration_behavior"])?;
    let mut subscription = subscriptions::running(turn, id)?;
    if subscription.text("status") != "paused" {
        let message = "Only a subscription with the status paused can be resumed.";
        return Err(Refusal::invalid(message));
    }
    let anchor = match params.child("billing_cycle_anchor") {
        Some(anchor) => anchor.one_of("type", &["now", "unchanged"])?.unwrap_or("now"),
        None => "now",
    };
    let behaviors = ["resume_on_payment_attempt", "resume_on_payment_success"];
    let payment = params.one_of("payment_behavior", &behaviors)?;
    let (_, end) = subscriptions::period(&subscription)?;
    if anchor == "unchanged" && end > turn.now {
        // What is left of a period that was paid stays paid.
        subscription.set("status", "active");
        turn.save(&subscription);
        turn.emit("customer.subscription.resumed", &subscription);
        return Ok(subscription);
    }
    let paused = subscription.clone();
    begin_anew(turn, &mut subscription, anchor)?;
    let mut invoice = turn.find("invoice", subscription.text("latest_invoice"))?;
    if payment == Some("resume_on_payment_success") && invoice.text("status") == "open" {
        invoices::collect::close(turn, &mut invoice, "void", "voided_at");
        turn.save(&paused);
        return Ok(paused);
    }
    turn.emit("customer.subscription.resumed", &subscription);
    Ok(subscription)
}

/// Begins a period now and bills it.
pub(crate) fn begin_anew(
    turn: &mut Turn<'_>,
    subscription: &mut Value,
    anchor: &str,
) -> Result<(), Refusal> {
    subscription.set("status", "active");
    if anchor == "now" {
        subscription.set("billing_cycle_anchor", turn.now);
    }
    let end = subscriptions::next_boundary(subscription, turn.now)?;
    subscriptions::set_period(subscription, turn.now, end);
    turn.save(subscription);
    let before = subscription.clone();
    invoices::collect::bill_period(turn, &before, subscription, "subscription_update")
}
