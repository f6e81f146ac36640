//! The `items` of `POST /v1/subscriptions/{id}`.

use serde_json::Value;

use crate::{
    json::Fields as _,
    stripe::{
        params::Params, periods::Rhythm, prices, refusal::Refusal, subscriptions, turn::Turn,
    },
};

/// Changes an item, adds one, or takes one away.
pub(crate) fn change(
    turn: &mut Turn<'_>,
    subscription: &mut Value,
    line: &Params<'_>,
) -> Result<(), Refusal> {
    let place = match line.text("id") {
        None => None,
        Some(id) => {
            let items = subscription.list("items.data").iter();
            let place = items.map(|item| item.text("id")).position(|item| item == id);
            Some(place.ok_or_else(|| Refusal::no_such("subscription item", id, &line.name("id")))?)
        }
    };
    if line.flag("deleted")? == Some(true) {
        let place = place.ok_or_else(|| line.missing("id"))?;
        if let Some(items) = subscription.pointer_mut("/items/data").and_then(Value::as_array_mut) {
            items.remove(place);
        }
        if subscription.list("items.data").is_empty() {
            return Err(Refusal::invalid("A subscription must have at least one active plan."));
        }
        return Ok(());
    }
    let quantity = line.int_within("quantity", 0..=999_999)?;
    let priced = line.has("price") || line.has("price_data");
    let price = if priced || place.is_none() {
        let price = prices::named_or_made(turn, line)?;
        check_fits(subscription, &price, line)?;
        Some(price)
    } else {
        None
    };
    let Some(place) = place else {
        let price = price.unwrap_or_default();
        return add_item(turn, subscription, &price, quantity.unwrap_or(1));
    };
    let at = |field: &str| format!("items.data.{place}.{field}");
    if let Some(price) = price {
        subscription.set(&at("plan"), subscriptions::plan_of(&price));
        subscription.set(&at("price"), price);
    }
    if let Some(quantity) = quantity {
        subscription.set(&at("quantity"), quantity);
    }
    let mut metadata = subscription.at(&at("metadata")).clone();
    line.metadata(&mut metadata)?;
    subscription.set(&at("metadata"), metadata);
    Ok(())
}

fn add_item(
    turn: &Turn<'_>,
    subscription: &mut Value,
    price: &Value,
    quantity: i64,
) -> Result<(), Refusal> {
    let (start, end) = subscriptions::period(subscription)?;
    let item = subscriptions::item_of(turn, subscription.text("id"), price, quantity);
    if let Some(items) = subscription.pointer_mut("/items/data").and_then(Value::as_array_mut) {
        items.push(item);
    }
    subscriptions::set_period(subscription, start, end);
    Ok(())
}

fn check_fits(subscription: &Value, price: &Value, line: &Params<'_>) -> Result<(), Refusal> {
    if Rhythm::of(price).is_none() {
        let message = "The price specified is set to `type=one_time` but this field only accepts \
                       prices with `type=recurring`.";
        return Err(Refusal::param(line.name("price"), message));
    }
    if price.text("currency") != subscription.text("currency") {
        let message = "The price's currency is not the subscription's.";
        return Err(Refusal::param(line.name("price"), message));
    }
    Ok(())
}
