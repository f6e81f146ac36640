//! Subscriptions: read, opened by a checkout, and the parts every change needs.

pub(crate) mod cancel;
pub(crate) mod items;
pub(crate) mod pause;
pub(crate) mod proration;
pub(crate) mod update;

use serde_json::{Value, json};

use super::{blank, list, params::Params, periods::Rhythm, refusal::Refusal, turn::Turn};
use crate::json::Fields as _;

pub(crate) fn show(turn: &Turn<'_>, id: &str, params: &Params<'_>) -> Result<Value, Refusal> {
    params.only(&[])?;
    turn.find("subscription", id)
}

pub(crate) fn list(turn: &Turn<'_>, params: &Params<'_>) -> Result<Value, Refusal> {
    params.only(&list::taking(&["collection_method", "customer", "price", "status"]))?;
    let words = [
        "active",
        "all",
        "canceled",
        "ended",
        "incomplete",
        "incomplete_expired",
        "past_due",
        "paused",
        "trialing",
        "unpaid",
    ];
    let status = params.one_of("status", &words)?;
    let (customer, price) = (params.text("customer"), params.text("price"));
    list::page(turn, "subscription", "/v1/subscriptions", params, |subscription| {
        let is = subscription.text("status");
        let ended = ["canceled", "incomplete_expired"].contains(&is);
        let wanted = match status {
            None => is != "canceled",
            Some("all") => true,
            Some("ended") => ended,
            Some(status) => is == status,
        };
        let mut items = subscription.list("items.data").iter();
        wanted
            && customer.is_none_or(|customer| subscription.text("customer") == customer)
            && price.is_none_or(|price| items.any(|item| item.text("price.id") == price))
    })
}

/// What a paid checkout says about the subscription to open.
pub(crate) struct Opening<'a> {
    pub(crate) customer: &'a str,
    /// The payer's card; none where a trial asked for none.
    pub(crate) method: Option<&'a str>,
    /// The `item` objects of the checkout.
    pub(crate) items: &'a [Value],
    pub(crate) trial_end: Option<i64>,
    /// What was kept of `subscription_data`.
    pub(crate) data: &'a Value,
    pub(crate) status: &'a str,
}

/// Opens a subscription with its first period, and tells.
pub(crate) fn open(turn: &mut Turn<'_>, opening: &Opening<'_>) -> Result<Value, Refusal> {
    let id = turn.fresh_id("sub_");
    let recurring: Vec<&Value> =
        opening.items.iter().filter(|item| Rhythm::of(item.at("price")).is_some()).collect();
    let anchor = opening.trial_end.unwrap_or(turn.now);
    let mut items = Vec::new();
    for item in &recurring {
        let quantity = item.int("quantity")?;
        items.push(item_of(turn, &id, item.at("price"), quantity));
    }
    let mut subscription = blank::object(
        "subscription",
        json!({
            "billing_cycle_anchor": anchor,
            "currency": recurring.first().map(|item| item.text("currency")),
            "customer": opening.customer,
            "default_payment_method": opening.method,
            "items": list::within(items, &format!("/v1/subscription_items?subscription={id}")),
            "start_date": turn.now,
            "status": opening.status,
            "trial_end": opening.trial_end,
            "trial_start": opening.trial_end.map(|_| turn.now),
        }),
    );
    for field in ["metadata", "description"] {
        if !opening.data.at(field).is_null() {
            subscription.set(field, opening.data.at(field).clone());
        }
    }
    if !opening.data.at("trial_end_behavior").is_null() {
        let behavior = opening.data.at("trial_end_behavior").clone();
        subscription.set("trial_settings.end_behavior.missing_payment_method", behavior);
    }
    let (start, end) = match opening.trial_end {
        Some(end) => (turn.now, end),
        None => (turn.now, next_boundary(&subscription, turn.now)?),
    };
    set_period(&mut subscription, start, end);
    Ok(turn.create_named("subscription", &id, subscription))
}

/// A new item of a subscription, outside any period yet.
pub(crate) fn item_of(turn: &Turn<'_>, subscription: &str, price: &Value, quantity: i64) -> Value {
    let fields = json!({
        "id": turn.fresh_id("si_"),
        "created": turn.now,
        "plan": plan_of(price),
        "price": price,
        "quantity": quantity,
        "subscription": subscription,
    });
    blank::object("subscription_item", fields)
}

/// The old name of a price, which items still show.
pub(crate) fn plan_of(price: &Value) -> Value {
    let mut plan = blank::object("plan", json!({}));
    let same = ["active", "created", "currency", "id", "metadata", "nickname", "product"];
    for field in same {
        plan.set(field, price.at(field).clone());
    }
    plan.set("amount", price.at("unit_amount").clone());
    plan.set("amount_decimal", price.at("unit_amount_decimal").clone());
    plan.set("interval", price.at("recurring.interval").clone());
    plan.set("interval_count", price.at("recurring.interval_count").clone());
    plan
}

/// When the period that holds a moment ends.
pub(crate) fn next_boundary(subscription: &Value, moment: i64) -> Result<i64, Refusal> {
    let rhythm =
        subscription.list("items.data").iter().find_map(|item| Rhythm::of(item.at("price")));
    let anchor = subscription.int("billing_cycle_anchor")?;
    match rhythm {
        Some(rhythm) => Ok(rhythm.next_after(anchor, moment)?),
        None => Err(Refusal::invalid("The subscription has no recurring price.")),
    }
}

/// The current period: since version basil the items have it.
pub(crate) fn period(subscription: &Value) -> Result<(i64, i64), Refusal> {
    let start = subscription.int("items.data.0.current_period_start")?;
    Ok((start, subscription.int("items.data.0.current_period_end")?))
}

pub(crate) fn set_period(subscription: &mut Value, start: i64, end: i64) {
    let items = subscription.pointer_mut("/items/data").and_then(Value::as_array_mut);
    for item in items.into_iter().flatten() {
        item.set("current_period_start", start);
        item.set("current_period_end", end);
    }
}

/// Whether it has ended for good.
pub(crate) fn has_ended(subscription: &Value) -> bool {
    ["canceled", "incomplete_expired"].contains(&subscription.text("status"))
}

/// The subscription a path names, if something can still be done with it.
pub(crate) fn running(turn: &Turn<'_>, id: &str) -> Result<Value, Refusal> {
    let subscription = turn.find("subscription", id)?;
    if has_ended(&subscription) {
        return Err(Refusal::no_such("subscription", id, "id"));
    }
    Ok(subscription)
}

/// Writes a change and tells, if it is one.
pub(crate) fn save_change(turn: &mut Turn<'_>, before: &Value, after: &Value) {
    turn.save(after);
    if before != after {
        turn.emit_change("customer.subscription.updated", before, after);
    }
}
