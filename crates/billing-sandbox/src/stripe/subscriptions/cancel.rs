//! `DELETE /v1/subscriptions/{id}`, and every other end of a subscription.

use serde_json::Value;

use crate::{
    json::Fields as _,
    stripe::{params::Params, refusal::Refusal, subscription_schedules, subscriptions, turn::Turn},
};

pub(crate) fn cancel(turn: &mut Turn<'_>, id: &str, params: &Params<'_>) -> Result<Value, Refusal> {
    params.only(&[
        "cancellation_details.comment",
        "cancellation_details.feedback",
        "invoice_now",
        "prorate",
    ])?;
    for name in ["invoice_now", "prorate"] {
        if params.flag(name)? == Some(true) {
            let message = format!("The sandbox does not play `{name}`.");
            return Err(Refusal::param(name, message));
        }
    }
    let mut subscription = subscriptions::running(turn, id)?;
    describe(&mut subscription, params);
    end(turn, &mut subscription, "cancellation_requested");
    Ok(subscription)
}

/// Ends a subscription at this moment, and tells.
pub(crate) fn end(turn: &mut Turn<'_>, subscription: &mut Value, reason: &str) {
    subscription.set("status", "canceled");
    subscription.set("ended_at", turn.now);
    if subscription.at("canceled_at").is_null() {
        subscription.set("canceled_at", turn.now);
    }
    subscription.set("cancellation_details.reason", reason);
    subscription.set("cancel_at_period_end", false);
    subscription_schedules::cancel(turn, subscription);
    let invoice = turn.any(subscription.text("latest_invoice")).cloned();
    if let Some(mut invoice) = invoice.filter(|invoice| invoice.text("status") == "open") {
        // What is owed stays owed, but nobody tries to collect it any more.
        invoice.set("auto_advance", false);
        invoice.set("next_payment_attempt", Value::Null);
        turn.save(&invoice);
    }
    turn.save(subscription);
    turn.emit("customer.subscription.deleted", subscription);
}

/// Takes over what the customer said about leaving.
pub(crate) fn describe(subscription: &mut Value, params: &Params<'_>) {
    let Some(details) = params.child("cancellation_details") else { return };
    for field in ["comment", "feedback"] {
        if let Some(text) = details.text(field) {
            let said = if text.is_empty() { Value::Null } else { Value::from(text) };
            subscription.set(&format!("cancellation_details.{field}"), said);
        }
    }
}

/// Plans the end of a subscription for the end of its period, or takes the plan back.
pub(crate) fn at_period_end(
    subscription: &mut Value,
    now: i64,
    cancel: bool,
) -> Result<(), Refusal> {
    if subscription.flag("cancel_at_period_end") == cancel {
        return Ok(());
    }
    let (_, end) = subscriptions::period(subscription)?;
    subscription.set("cancel_at_period_end", cancel);
    if cancel {
        subscription.set("cancel_at", end);
        subscription.set("canceled_at", now);
        subscription.set("cancellation_details.reason", "cancellation_requested");
    } else {
        for field in ["cancel_at", "canceled_at", "cancellation_details.reason"] {
            subscription.set(field, Value::Null);
        }
    }
    Ok(())
}
