//! `POST /v1/subscriptions/{id}`.

use serde_json::{Value, json};

use super::{cancel, items, proration};
use crate::{
    json::Fields as _,
    stripe::{invoice_payments, params::Params, refusal::Refusal, subscriptions, turn::Turn},
};

const FIELDS: [&str; 22] = [
    "cancel_at",
    "cancel_at_period_end",
    "cancellation_details.comment",
    "cancellation_details.feedback",
    "default_payment_method",
    "description",
    "items.[].deleted",
    "items.[].id",
    "items.[].metadata.*",
    "items.[].price",
    "items.[].price_data.currency",
    "items.[].price_data.product",
    "items.[].price_data.recurring.interval",
    "items.[].price_data.recurring.interval_count",
    "items.[].price_data.unit_amount",
    "items.[].quantity",
    "metadata.*",
    "pause_collection.behavior",
    "pause_collection.resumes_at",
    "payment_behavior",
    "proration_behavior",
    "proration_date",
];

pub(crate) fn update(turn: &mut Turn<'_>, id: &str, params: &Params<'_>) -> Result<Value, Refusal> {
    params.only(&FIELDS)?;
    let before = subscriptions::running(turn, id)?;
    let mut subscription = before.clone();
    let mut metadata = subscription.at("metadata").clone();
    params.metadata(&mut metadata)?;
    subscription.set("metadata", metadata);
    if let Some(text) = params.text("description") {
        subscription.set("description", text);
    }
    if let Some(method) = params.text("default_payment_method") {
        turn.find_param("payment_method", method, "default_payment_method")?;
        subscription.set("default_payment_method", method);
    }
    cancel::describe(&mut subscription, params);
    plan_end(turn, &mut subscription, params)?;
    pause_collection(&mut subscription, params)?;
    let behaviors = ["always_invoice", "create_prorations", "none"];
    let behavior = params.one_of("proration_behavior", &behaviors)?;
    let payment =
        params.one_of("payment_behavior", &["allow_incomplete", "error_if_incomplete"])?;
    for line in params.elements("items") {
        items::change(turn, &mut subscription, &line)?;
    }
    if subscription.at("items") == before.at("items") {
        subscriptions::save_change(turn, &before, &subscription);
    } else {
        let behavior = behavior.unwrap_or("create_prorations");
        let at = proration_date(turn, &before, params)?;
        proration::settle(turn, &before, &mut subscription, (behavior, at))?;
        if payment == Some("error_if_incomplete") {
            refuse_unpaid(turn, &before, &subscription)?;
        }
    }
    Ok(subscription)
}

/// The instant for which a change is computed: now, or the one that is pinned.
pub(crate) fn proration_date(
    turn: &Turn<'_>,
    subscription: &Value,
    params: &Params<'_>,
) -> Result<i64, Refusal> {
    let Some(at) = params.int("proration_date")? else { return Ok(turn.now) };
    let (start, end) = subscriptions::period(subscription)?;
    if (start..=end).contains(&at) {
        return Ok(at);
    }
    let message = "Invalid `proration_date`: it lies outside of the current period.";
    Err(Refusal::param(params.name("proration_date"), message))
}

/// Takes a change back that could not be paid for, and says what the bank said.
fn refuse_unpaid(turn: &mut Turn<'_>, before: &Value, after: &Value) -> Result<(), Refusal> {
    let invoice = after.text("latest_invoice");
    let unpaid = turn.any(invoice).is_some_and(|invoice| invoice.text("status") == "open");
    if before.text("latest_invoice") == invoice || !unpaid {
        return Ok(());
    }
    let link = invoice_payments::of_invoice(turn, invoice).into_iter().next().unwrap_or_default();
    let intent = turn.find("payment_intent", link.text("payment.payment_intent"))?;
    turn.take_back();
    let error = intent.at("last_payment_error").clone();
    Err(Refusal::card(intent, &error))
}

fn plan_end(turn: &Turn<'_>, subscription: &mut Value, params: &Params<'_>) -> Result<(), Refusal> {
    let ends = params.has("cancel_at") || params.has("cancel_at_period_end");
    if ends && !subscription.at("schedule").is_null() {
        let message = format!(
            "The subscription is managed by the subscription schedule `{}`, and updating any \
             cancelation behavior directly is not allowed. Please update the schedule instead.",
            subscription.text("schedule")
        );
        return Err(Refusal::invalid(message));
    }
    if let Some(cancel) = params.flag("cancel_at_period_end")? {
        cancel::at_period_end(subscription, turn.now, cancel)?;
    }
    match params.text("cancel_at") {
        None => {}
        Some("") => {
            cancel::at_period_end(subscription, turn.now, false)?;
            subscription.set("cancel_at", Value::Null);
        }
        Some(_) => {
            let at = params.int_within("cancel_at", turn.now..=i64::MAX)?;
            subscription.set("cancel_at", at);
            subscription.set("canceled_at", turn.now);
        }
    }
    Ok(())
}

fn pause_collection(subscription: &mut Value, params: &Params<'_>) -> Result<(), Refusal> {
    if params.text("pause_collection").is_some() {
        subscription.set("pause_collection", Value::Null);
    }
    let Some(pause) = params.child("pause_collection") else { return Ok(()) };
    pause.required("behavior")?;
    let behavior = pause.one_of("behavior", &["keep_as_draft", "mark_uncollectible", "void"])?;
    let resumes_at = pause.int("resumes_at")?;
    subscription.set("pause_collection", json!({ "behavior": behavior, "resumes_at": resumes_at }));
    Ok(())
}
