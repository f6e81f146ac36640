//! `POST /v1/subscriptions/{id}`.

use serde_json::{Value, json};

use super::{cancel, items, proration};
use crate::{
    json::Fields as _,
    stripe::{params::Params, refusal::Refusal, subscriptions, turn::Turn},
};

const FIELDS: [&str; 21] = [
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
    for line in params.elements("items") {
        items::change(turn, &mut subscription, &line)?;
    }
    if subscription.at("items") == before.at("items") {
        subscriptions::save_change(turn, &before, &subscription);
    } else {
        let behavior = behavior.unwrap_or("create_prorations");
        proration::settle(turn, &before, &mut subscription, behavior)?;
    }
    Ok(subscription)
}

fn plan_end(turn: &Turn<'_>, subscription: &mut Value, params: &Params<'_>) -> Result<(), Refusal> {
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
