//! Lines of an invoice.

use serde_json::{Value, json};

use crate::{
    json::Fields as _,
    money,
    pages::day,
    stripe::{blank, periods::Rhythm, refusal::Refusal, subscriptions, turn::Turn},
};

/// The current period of each item; nothing is charged for a trial.
pub(crate) fn of_period(turn: &Turn<'_>, subscription: &Value) -> Result<Vec<Value>, Refusal> {
    let trial = subscription.text("status") == "trialing";
    let (start, end) = subscriptions::period(subscription)?;
    let mut lines = Vec::new();
    for item in subscription.list("items.data") {
        let price = item.at("price");
        let quantity = item.int("quantity")?;
        let name = product_name(turn, price);
        let (amount, description) = if trial {
            (0, format!("Trial period for {name}"))
        } else {
            let each = money::display(price.int("unit_amount")?, price.text("currency"));
            let every = Rhythm::words(price);
            (times(price, quantity)?, format!("{quantity} × {name} (at {each} / {every})"))
        };
        let mut line = line(turn, price, quantity, amount);
        line.set("description", description);
        line.set("metadata", subscription.at("metadata").clone());
        line.set("period", json!({ "end": end, "start": start }));
        line.set("subscription", subscription.text("id"));
        if trial {
            line.set("pricing.unit_amount_decimal", "0");
        }
        belong(&mut line, subscription, item, false);
        lines.push(line);
    }
    Ok(lines)
}

/// Things of a checkout that are paid once, on the first invoice of its subscription.
pub(crate) fn of_once(
    turn: &Turn<'_>,
    subscription: &Value,
    items: &[Value],
) -> Result<Vec<Value>, Refusal> {
    let once = items.iter().filter(|item| Rhythm::of(item.at("price")).is_none());
    let mut lines = Vec::new();
    for item in once {
        let quantity = item.int("quantity")?;
        let mut line = line(turn, item.at("price"), quantity, item.int("amount_total")?);
        line.set("description", item.text("description"));
        line.set("period", json!({ "end": turn.now, "start": turn.now }));
        line.set("subscription", subscription.text("id"));
        line.set(
            "parent",
            json!({
                "invoice_item_details": {
                    "invoice_item": turn.fresh_id("ii_"),
                    "proration": false,
                    "proration_details": { "credited_items": null },
                    "subscription": subscription.text("id"),
                },
                "subscription_item_details": null,
                "type": "invoice_item_details",
            }),
        );
        lines.push(line);
    }
    Ok(lines)
}

/// Credit or charge for the rest of the current period, when an item changes at an instant of it.
pub(crate) fn of_rest(
    turn: &Turn<'_>,
    subscription: &Value,
    item: &Value,
    (credit, at): (bool, i64),
) -> Result<Value, Refusal> {
    let (start, end) = subscriptions::period(subscription)?;
    let (price, quantity) = (item.at("price"), item.int("quantity")?);
    let whole = times(price, quantity)?;
    let rest = share(whole, end - at, end - start);
    let amount = if credit { -rest } else { rest };
    let words = if credit { "Unused" } else { "Remaining" };
    let name = product_name(turn, price);
    let mut line = line(turn, price, quantity, amount);
    line.set("description", format!("{words} time on {quantity} × {name} after {}", day(at)));
    line.set("discountable", false);
    line.set("period", json!({ "end": end, "start": at }));
    line.set("subscription", subscription.text("id"));
    belong(&mut line, subscription, item, true);
    Ok(line)
}

/// A part of an amount, rounded to the nearest minor unit, halves up.
fn share(amount: i64, part: i64, whole: i64) -> i64 {
    let whole = i128::from(whole.max(1));
    let part = i128::from(part).clamp(0, whole);
    let doubled = 2 * i128::from(amount) * part + whole;
    i64::try_from(doubled.div_euclid(2 * whole)).unwrap_or(amount)
}

/// Says which item of a subscription a line is for.
fn belong(line: &mut Value, subscription: &Value, item: &Value, proration: bool) {
    line.set(
        "parent",
        json!({
            "invoice_item_details": null,
            "subscription_item_details": {
                "invoice_item": null,
                "proration": proration,
                "proration_details": { "credited_items": null },
                "subscription": subscription.text("id"),
                "subscription_item": item.text("id"),
            },
            "type": "subscription_item_details",
        }),
    );
}

fn line(turn: &Turn<'_>, price: &Value, quantity: i64, amount: i64) -> Value {
    let fields = json!({
        "id": turn.fresh_id("il_"),
        "amount": amount,
        "currency": price.text("currency"),
        "pricing": {
            "price_details": { "price": price.text("id"), "product": price.text("product") },
            "type": "price_details",
            "unit_amount_decimal": price.at("unit_amount_decimal"),
        },
        "quantity": quantity,
        "quantity_decimal": quantity.to_string(),
        "subtotal": amount,
    });
    blank::object("line_item", fields)
}

fn times(price: &Value, quantity: i64) -> Result<i64, Refusal> {
    let amount = price.int("unit_amount")?.checked_mul(quantity);
    amount.ok_or_else(|| Refusal::invalid("The amount of a line is too large."))
}

/// The name of what a price sells.
pub(crate) fn product_name(turn: &Turn<'_>, price: &Value) -> String {
    let product = turn.any(price.text("product"));
    product.map_or_else(String::new, |product| product.text("name").to_owned())
}

#[cfg(test)]
mod tests {
    use super::share;

    #[test]
    fn a_share_is_rounded_once_and_the_rest_is_the_rest() {
        assert_eq!(share(2000, 15, 30), 1000);
        assert_eq!(share(1000, 1, 3), 333);
        assert_eq!(share(1000, 2, 3), 667);
        assert_eq!(share(1, 1, 2), 1);
        assert_eq!(share(99_999_999_999, 31 * 86_400 - 1, 31 * 86_400), 99_999_962_663);
    }
}
