//! What a checkout sells: its line items.

use serde_json::{Value, json};

use crate::{
    json::Fields as _,
    stripe::{blank, params::Params, periods::Rhythm, prices, refusal::Refusal, turn::Turn},
};

/// The `item` objects for the `line_items` of a request. A trial makes what recurs free for now.
pub(crate) fn fill(
    turn: &mut Turn<'_>,
    params: &Params<'_>,
    mode: &str,
    trial: bool,
) -> Result<Vec<Value>, Refusal> {
    let lines = params.elements("line_items");
    if lines.is_empty() {
        return Err(params.missing("line_items"));
    }
    if lines.len() > 20 {
        let message = "You may not specify more than 20 line items.";
        return Err(Refusal::param("line_items", message));
    }
    let mut items = Vec::new();
    for line in &lines {
        items.push(item(turn, line, mode, trial)?);
    }
    check_together(&items, mode)?;
    Ok(items)
}

fn item(turn: &mut Turn<'_>, line: &Params<'_>, mode: &str, trial: bool) -> Result<Value, Refusal> {
    let price = prices::named_or_made(turn, line)?;
    let recurring = Rhythm::of(&price).is_some();
    if recurring && mode == "payment" {
        let message = "You specified `payment` mode but passed a recurring price. Either switch \
                       to `subscription` mode or use only one-time prices.";
        return Err(Refusal::param("mode", message));
    }
    let quantity = line.int_within("quantity", 1..=999_999)?;
    let quantity = quantity.ok_or_else(|| line.missing("quantity"))?;
    let amount = match trial && recurring {
        true => 0,
        false => price.int("unit_amount")?.checked_mul(quantity).ok_or_else(|| {
            Refusal::param(line.name("quantity"), "The total amount is too large.")
        })?,
    };
    let product = turn.find("product", price.text("product"))?;
    let mut metadata = json!({});
    line.metadata(&mut metadata)?;
    let fields = json!({
        "id": turn.fresh_id("li_"),
        "amount_subtotal": amount,
        "amount_total": amount,
        "currency": price.text("currency"),
        "description": product.text("name"),
        "metadata": metadata,
        "price": price,
        "quantity": quantity,
    });
    Ok(blank::object("item", fields))
}

/// One currency, and in a subscription one rhythm.
fn check_together(items: &[Value], mode: &str) -> Result<(), Refusal> {
    let currencies = items.windows(2).all(|pair| match pair {
        [one, two] => one.text("currency") == two.text("currency"),
        _ => true,
    });
    if !currencies {
        let message = "All prices on a Checkout Session must have the same currency.";
        return Err(Refusal::param("line_items", message));
    }
    let rhythms: Vec<Rhythm> =
        items.iter().filter_map(|item| Rhythm::of(item.at("price"))).collect();
    if mode == "subscription" && rhythms.is_empty() {
        let message = "You must provide at least one recurring price in `subscription` mode when using prices.";
        return Err(Refusal::param("line_items", message));
    }
    if rhythms.iter().any(|rhythm| rhythms.first() != Some(rhythm)) {
        let message = "Checkout does not support multiple prices with different billing intervals.";
        return Err(Refusal::param("line_items", message));
    }
    Ok(())
}

/// What is due today.
pub(crate) fn total(items: &[Value]) -> Result<i64, Refusal> {
    items.iter().try_fold(0_i64, |sum, item| {
        let total = sum.checked_add(item.int("amount_total")?);
        total.ok_or_else(|| Refusal::param("line_items", "The total amount is too large."))
    })
}
