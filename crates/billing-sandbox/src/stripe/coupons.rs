//! Coupons, and what they take off checkouts and invoices.

use serde_json::{Value, json};

use super::{params::Params, periods::months_after, refusal::Refusal, turn::Turn};
use crate::json::Fields as _;

const KIND: &str = "coupon";
/// Under this name, a subscription has its discount with the coupon.
const DISCOUNT: &str = "discount";

/// `POST /v1/coupons`.
pub(crate) fn create(turn: &mut Turn<'_>, params: &Params<'_>) -> Result<Value, Refusal> {
    params.only(&[
        "amount_off",
        "currency",
        "duration",
        "duration_in_months",
        "id",
        "metadata.*",
        "name",
        "percent_off",
    ])?;
    let id = match params.text("id") {
        Some(id) if turn.any(id).is_some() => {
            let message = format!("Coupon already exists: {id}");
            return Err(Refusal::param("id", message).code("resource_already_exists"));
        }
        Some(id) => id.to_owned(),
        None => turn.fresh_id(""),
    };
    let percent = params.int_within("percent_off", 1..=100)?;
    let amount = params.int_within("amount_off", 1..=99_999_999)?;
    if percent.is_some() == amount.is_some() {
        let message = "Must provide either `percent_off` or `amount_off`.";
        return Err(Refusal::param("percent_off", message));
    }
    if amount.is_some() {
        params.required("currency")?;
    }
    let duration = params.one_of("duration", &["forever", "once", "repeating"])?;
    let months = params.int_within("duration_in_months", 1..=1_200)?;
    if months.is_some() != (duration == Some("repeating")) {
        let message = "`duration_in_months` goes with the duration `repeating`, and only with it.";
        return Err(Refusal::param("duration_in_months", message));
    }
    if params.text("name").is_some_and(|name| name.chars().count() > 40) {
        return Err(Refusal::param("name", "Invalid string: must be at most 40 characters"));
    }
    let mut coupon = json!({
        "object": KIND,
        "amount_off": amount,
        "currency": params.text("currency").filter(|_| amount.is_some()),
        "duration": duration.unwrap_or("once"),
        "duration_in_months": months,
        "livemode": false,
        "max_redemptions": null,
        "metadata": {},
        "name": params.text("name"),
        "percent_off": percent,
        "redeem_by": null,
        "times_redeemed": 0,
        "valid": true,
    });
    let mut metadata = json!({});
    params.metadata(&mut metadata)?;
    coupon.set("metadata", metadata);
    let coupon = turn.create_named(KIND, &id, coupon);
    turn.emit("coupon.created", &coupon);
    Ok(coupon)
}

/// `GET /v1/coupons/{id}`.
pub(crate) fn show(turn: &Turn<'_>, id: &str, params: &Params<'_>) -> Result<Value, Refusal> {
    params.only(&[])?;
    turn.find(KIND, id)
}

/// The coupon that a checkout is asked for.
pub(crate) fn asked(turn: &Turn<'_>, params: &Params<'_>) -> Result<Option<Value>, Refusal> {
    let discounts = params.elements("discounts");
    let Some(first) = discounts.first() else { return Ok(None) };
    if params.has("allow_promotion_codes") {
        let message = "You may only specify one of these parameters: allow_promotion_codes, \
                       discounts.";
        return Err(Refusal::param("allow_promotion_codes", message));
    }
    if discounts.len() > 1 {
        let message = "You may not specify more than 1 discount.";
        return Err(Refusal::param("discounts", message));
    }
    let id = first.required("coupon")?;
    turn.find_param(KIND, id, &first.name("coupon")).map(Some)
}

/// How a session shows its coupon.
pub(crate) fn of_session(coupon: Option<&Value>) -> Value {
    let shown = |coupon: &Value| json!({ "coupon": coupon.text("id"), "promotion_code": null });
    coupon.map(shown).into_iter().collect()
}

/// What a coupon takes off an amount: never more than all of it.
pub(crate) fn off(coupon: Option<&Value>, amount: i64, currency: &str) -> Result<i64, Refusal> {
    let Some(coupon) = coupon else { return Ok(0) };
    let amount = amount.max(0);
    if let Ok(percent) = coupon.int("percent_off") {
        return Ok(share(amount, percent));
    }
    if coupon.text("currency") != currency {
        let message = "The coupon is in another currency than the prices.";
        return Err(Refusal::param("discounts", message));
    }
    Ok(coupon.int("amount_off")?.min(amount))
}

/// So many percent, rounded half to even.
fn share(amount: i64, percent: i64) -> i64 {
    let whole = i128::from(amount) * i128::from(percent);
    let (share, rest) = (whole / 100, whole % 100);
    let up = rest > 50 || rest == 50 && share % 2 == 1;
    i64::try_from(share + i128::from(up)).unwrap_or(amount)
}

/// Gives a subscription the discount of the session on which it was bought.
pub(crate) fn begin(
    turn: &mut Turn<'_>,
    session: &Value,
    subscription: &mut Value,
) -> Result<(), Refusal> {
    let id = session.text("discounts.0.coupon");
    if id.is_empty() {
        return Ok(());
    }
    let coupon = turn.find(KIND, id)?;
    let months = coupon.int("duration_in_months").ok();
    let end = months.map(|months| months_after(turn.now, months)).transpose()?;
    let discount = json!({
        "id": turn.fresh_id("di_"),
        "coupon": coupon,
        "end": end,
    });
    subscription.set("discounts", json!([discount.text("id")]));
    turn.note(subscription.text("id"), DISCOUNT, discount);
    Ok(())
}

/// What the discount of a subscription takes off the lines of an invoice that can be discounted,
/// written into each of them, and in all. One that lasts once is used up.
pub(crate) fn take_off(
    turn: &mut Turn<'_>,
    subscription: &Value,
    (lines, period_start): (&mut [Value], i64),
) -> Result<Option<(String, i64)>, Refusal> {
    let id = subscription.text("id");
    let discount = turn.noted(id, DISCOUNT);
    if discount.is_null() || discount.int("end").is_ok_and(|end| end <= period_start) {
        return Ok(None);
    }
    let can_be = |line: &&mut Value| {
        line.flag("discountable") && line.int("amount").is_ok_and(|amount| amount > 0)
    };
    let mut lines: Vec<&mut Value> = lines.iter_mut().filter(can_be).collect();
    let sum = lines.iter().try_fold(0_i64, |sum, line| Ok::<_, Refusal>(sum + line.int("amount")?));
    let all = off(Some(discount.at("coupon")), sum?, subscription.text("currency"))?;
    if all == 0 {
        return Ok(None);
    }
    let name = discount.text("id").to_owned();
    let mut left = all;
    for line in &mut lines {
        let part = left.min(line.int("amount")?);
        left -= part;
        line.set("discount_amounts", json!([{ "amount": part, "discount": name }]));
        line.set("discounts", json!([name]));
    }
    if discount.text("coupon.duration") == "once" {
        turn.note(id, DISCOUNT, Value::Null);
    }
    Ok(Some((name, all)))
}

#[cfg(test)]
mod tests {
    use super::share;

    #[test]
    fn halves_are_rounded_to_even() {
        let table = [(5, 50, 2), (15, 50, 8), (999, 15, 150), (2_900, 20, 580), (7, 100, 7)];
        for (amount, percent, expected) in table {
            assert_eq!(share(amount, percent), expected, "{percent} % of {amount}");
        }
    }
}
