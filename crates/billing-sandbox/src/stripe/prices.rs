//! Prices: what a product costs, once or by the period.

use serde_json::{Value, json};

use super::{list, params::Params, products, refusal::Refusal, turn::Turn};
use crate::json::Fields as _;

const FIELDS: [&str; 6] =
    ["active", "lookup_key", "metadata.*", "nickname", "tax_behavior", "transfer_lookup_key"];

pub(crate) fn create(turn: &mut Turn<'_>, params: &Params<'_>) -> Result<Value, Refusal> {
    let mut known = FIELDS.to_vec();
    known.extend([
        "billing_scheme",
        "currency",
        "product",
        "product_data.active",
        "product_data.id",
        "product_data.metadata.*",
        "product_data.name",
        "product_data.statement_descriptor",
        "product_data.tax_code",
        "product_data.unit_label",
        "recurring.interval",
        "recurring.interval_count",
        "recurring.trial_period_days",
        "recurring.usage_type",
        "unit_amount",
        "unit_amount_decimal",
    ]);
    params.only(&known)?;
    params.one_of("billing_scheme", &["per_unit"])?;
    let product = product_of(turn, params)?;
    let mut price = make(turn, params, &product)?;
    fill(turn, &mut price, params)?;
    turn.save(&price);
    turn.emit("price.created", &price);
    Ok(price)
}

pub(crate) fn update(turn: &mut Turn<'_>, id: &str, params: &Params<'_>) -> Result<Value, Refusal> {
    params.only(&FIELDS)?;
    let before = turn.find("price", id)?;
    let mut price = before.clone();
    fill(turn, &mut price, params)?;
    turn.save(&price);
    turn.emit_change("price.updated", &before, &price);
    Ok(price)
}

pub(crate) fn show(turn: &Turn<'_>, id: &str, params: &Params<'_>) -> Result<Value, Refusal> {
    params.only(&[])?;
    turn.find("price", id)
}

pub(crate) fn list(turn: &Turn<'_>, params: &Params<'_>) -> Result<Value, Refusal> {
    let own = ["active", "currency", "lookup_keys.[]", "product", "type"];
    params.only(&list::taking(&own))?;
    let (active, keys) = (params.flag("active")?, params.texts("lookup_keys"));
    let texts = ["currency", "product", "type"].map(|name| (name, params.text(name)));
    list::page(turn, "price", "/v1/prices", params, |price| {
        active.is_none_or(|active| price.flag("active") == active)
            && (keys.is_empty() || keys.contains(&price.text("lookup_key")))
            && texts.iter().all(|(name, text)| text.is_none_or(|text| price.text(name) == text))
    })
}

/// The price a line of a checkout or a subscription names or describes.
pub(crate) fn named_or_made(turn: &mut Turn<'_>, line: &Params<'_>) -> Result<Value, Refusal> {
    match (line.text("price"), line.child("price_data")) {
        (Some(_), Some(_)) => {
            let message = "You may only specify one of these parameters: price, price_data.";
            Err(Refusal::param(line.name("price_data"), message))
        }
        (Some(id), None) => {
            let price = turn.find_param("price", id, &line.name("price"))?;
            if !price.flag("active") {
                let message = format!("The price specified is inactive: {id}");
                return Err(Refusal::param(line.name("price"), message).code("price_inactive"));
            }
            Ok(price)
        }
        (None, Some(data)) => {
            let product = product_of(turn, &data)?;
            let mut price = make(turn, &data, &product)?;
            // A price made on the way is not for sale again.
            price.set("active", false);
            turn.save(&price);
            Ok(price)
        }
        (None, None) => Err(line.missing("price")),
    }
}

/// Makes a price of a product, without telling anyone.
pub(crate) fn make(
    turn: &mut Turn<'_>,
    params: &Params<'_>,
    product: &str,
) -> Result<Value, Refusal> {
    let currency = params.required("currency")?.to_ascii_lowercase();
    if currency.len() != 3 || !currency.bytes().all(|byte| byte.is_ascii_lowercase()) {
        let message = format!("Invalid currency: {currency}");
        return Err(Refusal::param(params.name("currency"), message));
    }
    let amount = amount(params)?;
    let mut fields = json!({
        "currency": currency,
        "product": product,
        "unit_amount": amount,
        "unit_amount_decimal": amount.to_string(),
    });
    if let Some(recurring) = params.child("recurring") {
        fields.set("type", "recurring");
        fields.set("recurring", rhythm(&recurring)?);
    }
    if let Some(behavior) =
        params.one_of("tax_behavior", &["exclusive", "inclusive", "unspecified"])?
    {
        fields.set("tax_behavior", behavior);
    }
    Ok(turn.create("price", "price_", fields))
}

fn product_of(turn: &mut Turn<'_>, params: &Params<'_>) -> Result<String, Refusal> {
    match (params.text("product"), params.child("product_data")) {
        (Some(id), None) => {
            turn.find_param("product", id, &params.name("product"))?;
            Ok(id.to_owned())
        }
        (None, Some(data)) => {
            let product = products::make(turn, &data)?;
            Ok(product.text("id").to_owned())
        }
        (None, None) => Err(params.missing("product")),
        (Some(_), Some(_)) => {
            let message = "You may only specify one of these parameters: product, product_data.";
            Err(Refusal::param(params.name("product_data"), message))
        }
    }
}

fn amount(params: &Params<'_>) -> Result<i64, Refusal> {
    let given = match params.int_within("unit_amount", 0..=99_999_999_999)? {
        Some(amount) => Some(amount),
        None => params.int_within("unit_amount_decimal", 0..=99_999_999_999)?,
    };
    given.ok_or_else(|| params.missing("unit_amount"))
}

fn rhythm(recurring: &Params<'_>) -> Result<Value, Refusal> {
    recurring.required("interval")?;
    let interval = recurring.one_of("interval", &["day", "week", "month", "year"])?;
    let longest = match interval {
        Some("day") => 1095,
        Some("week") => 156,
        Some("month") => 36,
        _ => 3,
    };
    let count = recurring.int_within("interval_count", 1..=longest)?.unwrap_or(1);
    recurring.one_of("usage_type", &["licensed"])?;
    let trial = recurring.int_within("trial_period_days", 1..=730)?;
    Ok(json!({
        "interval": interval,
        "interval_count": count,
        "meter": null,
        "trial_period_days": trial,
        "usage_type": "licensed",
    }))
}

fn fill(turn: &mut Turn<'_>, price: &mut Value, params: &Params<'_>) -> Result<(), Refusal> {
    if let Some(active) = params.flag("active")? {
        price.set("active", active);
    }
    if let Some(nickname) = params.text("nickname") {
        price.set("nickname", nickname);
    }
    if let Some(behavior) =
        params.one_of("tax_behavior", &["exclusive", "inclusive", "unspecified"])?
    {
        price.set("tax_behavior", behavior);
    }
    if let Some(key) = params.text("lookup_key").filter(|key| !key.is_empty()) {
        take_lookup_key(turn, price.text("id"), key, params)?;
        price.set("lookup_key", key);
    }
    let mut metadata = price.at("metadata").clone();
    params.metadata(&mut metadata)?;
    price.set("metadata", metadata);
    Ok(())
}

/// A lookup key names one price; it is moved here only when the caller says so.
fn take_lookup_key(
    turn: &mut Turn<'_>,
    id: &str,
    key: &str,
    params: &Params<'_>,
) -> Result<(), Refusal> {
    let holder = turn
        .newest("price")
        .find(|price| price.text("lookup_key") == key && price.text("id") != id)
        .cloned();
    let Some(mut holder) = holder else { return Ok(()) };
    if params.flag("transfer_lookup_key")? != Some(true) {
        let message = format!("A price (`{}`) already uses that lookup key.", holder.text("id"));
        return Err(Refusal::param("lookup_key", message));
    }
    holder.set("lookup_key", Value::Null);
    turn.save(&holder);
    Ok(())
}
