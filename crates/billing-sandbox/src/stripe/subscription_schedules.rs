//! Subscription schedules: what a subscription becomes at the end of its period.

use serde_json::{Value, json};

use super::{
    params::Params,
    periods::Rhythm,
    prices,
    refusal::Refusal,
    subscriptions::{self, plan_of, save_change},
    turn::Turn,
};
use crate::json::Fields as _;

pub(crate) fn show(turn: &Turn<'_>, id: &str, params: &Params<'_>) -> Result<Value, Refusal> {
    params.only(&[])?;
    turn.find("subscription_schedule", id)
}

/// Takes a running subscription under a schedule: its period becomes the first phase.
pub(crate) fn create(turn: &mut Turn<'_>, params: &Params<'_>) -> Result<Value, Refusal> {
    params.only(&["from_subscription"])?;
    let id = params.required("from_subscription")?;
    let before = turn.find_param("subscription", id, "from_subscription")?;
    if subscriptions::has_ended(&before) {
        let message = "A subscription that has ended cannot be taken under a schedule.";
        return Err(Refusal::param("from_subscription", message));
    }
    if !before.at("schedule").is_null() {
        let message = format!(
            "You cannot migrate a subscription that is already attached to a schedule: {}.",
            before.text("schedule")
        );
        return Err(Refusal::param("from_subscription", message));
    }
    let (start, end) = subscriptions::period(&before)?;
    let items: Vec<Value> = before
        .list("items.data")
        .iter()
        .map(|item| json!({ "price": item.text("price.id"), "quantity": item.at("quantity") }))
        .collect();
    let schedule = turn.create(
        "subscription_schedule",
        "sub_sched_",
        json!({
            "current_phase": { "end_date": end, "start_date": start },
            "customer": before.text("customer"),
            "phases": [phase(&before, items, (start, end), "automatic")],
            "subscription": id,
        }),
    );
    let mut after = before.clone();
    after.set("schedule", schedule.text("id"));
    save_change(turn, &before, &after);
    turn.emit("subscription_schedule.created", &schedule);
    Ok(schedule)
}

pub(crate) fn update(turn: &mut Turn<'_>, id: &str, params: &Params<'_>) -> Result<Value, Refusal> {
    params.only(&[
        "end_behavior",
        "metadata.*",
        "phases.[].billing_cycle_anchor",
        "phases.[].duration.interval",
        "phases.[].duration.interval_count",
        "phases.[].end_date",
        "phases.[].items.[].price",
        "phases.[].items.[].quantity",
        "phases.[].proration_behavior",
        "phases.[].start_date",
        "proration_behavior",
    ])?;
    params.one_of("end_behavior", &["release"])?;
    params.one_of("proration_behavior", &["none"])?;
    let before = running(turn, id)?;
    let mut schedule = before.clone();
    let mut metadata = schedule.at("metadata").clone();
    params.metadata(&mut metadata)?;
    schedule.set("metadata", metadata);
    let mut phases = Vec::new();
    let mut start = schedule.int("current_phase.start_date")?;
    for given in params.elements("phases") {
        let made = phase_of(turn, &schedule, &given, start)?;
        start = made.int("end_date")?;
        phases.push(made);
    }
    if !phases.is_empty() {
        schedule.set("phases", phases);
    }
    turn.save(&schedule);
    turn.emit_change("subscription_schedule.updated", &before, &schedule);
    Ok(schedule)
}

/// Lets a subscription go on without its schedule, as it is.
pub(crate) fn release(
    turn: &mut Turn<'_>,
    id: &str,
    params: &Params<'_>,
) -> Result<Value, Refusal> {
    params.only(&[])?;
    let schedule = running(turn, id)?;
    let before = turn.find("subscription", schedule.text("subscription"))?;
    let mut after = before.clone();
    let schedule = released(turn, schedule, &mut after);
    save_change(turn, &before, &after);
    Ok(schedule)
}

/// The end of a subscription is the end of its schedule.
pub(crate) fn cancel(turn: &mut Turn<'_>, subscription: &Value) {
    let schedule = turn.any(subscription.text("schedule")).cloned();
    let Some(mut schedule) = schedule.filter(|it| it.text("status") == "active") else { return };
    schedule.set("status", "canceled");
    schedule.set("canceled_at", turn.now);
    schedule.set("current_phase", Value::Null);
    turn.save(&schedule);
    turn.emit("subscription_schedule.canceled", &schedule);
}

/// At the end of a period: begins the phase that starts there, or lets go after the last one.
pub(crate) fn enter_phase(
    turn: &mut Turn<'_>,
    subscription: &mut Value,
    at: i64,
) -> Result<(), Refusal> {
    let schedule = turn.any(subscription.text("schedule")).cloned();
    let Some(mut schedule) = schedule.filter(|it| it.text("status") == "active") else {
        return Ok(());
    };
    let starts = |phase: &&Value| phase.int("start_date").is_ok_and(|start| start == at);
    let Some(phase) = schedule.list("phases").iter().find(starts).cloned() else {
        let ends = |phase: &Value| phase.int("end_date").is_ok_and(|end| end <= at);
        if schedule.list("phases").iter().all(ends) {
            released(turn, schedule, subscription);
        }
        return Ok(());
    };
    for (place, item) in phase.list("items").iter().enumerate() {
        let price = turn.find("price", item.text("price"))?;
        let path = |field: &str| format!("items.data.{place}.{field}");
        subscription.set(&path("plan"), plan_of(&price));
        subscription.set(&path("price"), price);
        subscription.set(&path("quantity"), item.at("quantity").clone());
    }
    if phase.text("billing_cycle_anchor") == "phase_start" {
        subscription.set("billing_cycle_anchor", at);
    }
    schedule.set(
        "current_phase",
        json!({ "end_date": phase.at("end_date"), "start_date": phase.at("start_date") }),
    );
    turn.save(&schedule);
    turn.emit("subscription_schedule.updated", &schedule);
    Ok(())
}

fn released(turn: &mut Turn<'_>, mut schedule: Value, subscription: &mut Value) -> Value {
    schedule.set("status", "released");
    schedule.set("released_at", turn.now);
    schedule.set("released_subscription", subscription.text("id"));
    schedule.set("subscription", Value::Null);
    schedule.set("current_phase", Value::Null);
    turn.save(&schedule);
    turn.emit("subscription_schedule.released", &schedule);
    subscription.set("schedule", Value::Null);
    schedule
}

fn running(turn: &Turn<'_>, id: &str) -> Result<Value, Refusal> {
    let schedule = turn.find("subscription_schedule", id)?;
    if schedule.text("status") == "active" {
        return Ok(schedule);
    }
    let message = format!(
        "You cannot change a subscription schedule that is currently in the `{}` status.",
        schedule.text("status")
    );
    Err(Refusal::invalid(message))
}

fn phase_of(
    turn: &mut Turn<'_>,
    schedule: &Value,
    given: &Params<'_>,
    follows: i64,
) -> Result<Value, Refusal> {
    let start = given.int("start_date")?.unwrap_or(follows);
    if start != follows {
        let message = "The phases of a schedule must follow each other without gaps.";
        return Err(Refusal::param(given.name("start_date"), message));
    }
    given.one_of("proration_behavior", &["none"])?;
    let anchor = given.one_of("billing_cycle_anchor", &["automatic", "phase_start"])?;
    let mut items = Vec::new();
    for line in given.elements("items") {
        let price = prices::named_or_made(turn, &line)?;
        let quantity = line.int_within("quantity", 0..=999_999)?.unwrap_or(1);
        items.push(json!({ "price": price.text("id"), "quantity": quantity }));
    }
    if items.is_empty() {
        return Err(given.missing("items"));
    }
    let end = match (given.int("end_date")?, given.child("duration")) {
        (Some(end), _) => end,
        (None, Some(lasts)) => {
            let (unit, count) = (lasts.required("interval")?, lasts.int("interval_count")?);
            let like = json!({ "recurring": { "interval": unit, "interval_count": count } });
            let rhythm = Rhythm::of(&like).ok_or_else(|| lasts.missing("interval"))?;
            rhythm.next_after(start, start)?
        }
        (None, None) => return Err(given.missing("end_date")),
    };
    let subscription = turn.find("subscription", schedule.text("subscription"))?;
    Ok(phase(&subscription, items, (start, end), anchor.unwrap_or("automatic")))
}

fn phase(subscription: &Value, items: Vec<Value>, (start, end): (i64, i64), anchor: &str) -> Value {
    json!({
        "add_invoice_items": [],
        "billing_cycle_anchor": anchor,
        "collection_method": "charge_automatically",
        "currency": subscription.text("currency"),
        "discounts": [],
        "end_date": end,
        "items": items,
        "metadata": {},
        "proration_behavior": "none",
        "start_date": start,
        "trial_end": null,
    })
}
