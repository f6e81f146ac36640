//! Products: what is sold.

use serde_json::{Value, json};

use super::{list, params::Params, prices, refusal::Refusal, turn::Turn};
use crate::json::Fields as _;

const FIELDS: [&str; 12] = [
    "active",
    "description",
    "images.[]",
    "marketing_features.[].name",
    "metadata.*",
    "name",
    "shippable",
    "statement_descriptor",
    "tax_code",
    "type",
    "unit_label",
    "url",
];

pub(crate) fn create(turn: &mut Turn<'_>, params: &Params<'_>) -> Result<Value, Refusal> {
    let mut known = FIELDS.to_vec();
    known.extend([
        "id",
        "default_price_data.currency",
        "default_price_data.metadata.*",
        "default_price_data.recurring.interval",
        "default_price_data.recurring.interval_count",
        "default_price_data.tax_behavior",
        "default_price_data.unit_amount",
        "default_price_data.unit_amount_decimal",
    ]);
    params.only(&known)?;
    let mut product = make(turn, params)?;
    if let Some(price) = params.child("default_price_data") {
        let price = prices::make(turn, &price, product.text("id"))?;
        product.set("default_price", price.text("id"));
        turn.save(&product);
    }
    turn.emit("product.created", &product);
    Ok(product)
}

pub(crate) fn update(turn: &mut Turn<'_>, id: &str, params: &Params<'_>) -> Result<Value, Refusal> {
    let mut known = FIELDS.to_vec();
    known.push("default_price");
    params.only(&known)?;
    let before = turn.find("product", id)?;
    let mut product = before.clone();
    if let Some(price) = params.text("default_price") {
        turn.find_param("price", price, "default_price")?;
        product.set("default_price", price);
    }
    fill(turn, &mut product, params)?;
    turn.save(&product);
    turn.emit_change("product.updated", &before, &product);
    Ok(product)
}

pub(crate) fn show(turn: &Turn<'_>, id: &str, params: &Params<'_>) -> Result<Value, Refusal> {
    params.only(&[])?;
    turn.find("product", id)
}

pub(crate) fn list(turn: &Turn<'_>, params: &Params<'_>) -> Result<Value, Refusal> {
    params.only(&list::taking(&["active", "ids.[]", "url"]))?;
    let (active, ids) = (params.flag("active")?, params.texts("ids"));
    list::page(turn, "product", "/v1/products", params, |product| {
        active.is_none_or(|active| product.flag("active") == active)
            && (ids.is_empty() || ids.contains(&product.text("id")))
    })
}

/// Makes a product without telling anyone.
pub(crate) fn make(turn: &mut Turn<'_>, params: &Params<'_>) -> Result<Value, Refusal> {
    let name = params.required("name")?;
    let id = match params.text("id") {
        Some(id) if turn.any(id).is_some() => {
            let message = format!("Product already exists: {id}");
            return Err(Refusal::param("id", message).code("resource_already_exists"));
        }
        Some(id) => id.to_owned(),
        None => turn.fresh_id("prod_"),
    };
    let mut product = turn.create_named("product", &id, json!({ "name": name }));
    fill(turn, &mut product, params)?;
    turn.save(&product);
    Ok(product)
}

fn fill(turn: &Turn<'_>, product: &mut Value, params: &Params<'_>) -> Result<(), Refusal> {
    for field in ["description", "name", "statement_descriptor", "tax_code", "unit_label", "url"] {
        if let Some(text) = params.text(field) {
            product.set(field, if text.is_empty() { Value::Null } else { Value::from(text) });
        }
    }
    for field in ["active", "shippable"] {
        if let Some(flag) = params.flag(field)? {
            product.set(field, flag);
        }
    }
    if let Some(kind) = params.one_of("type", &["good", "service"])? {
        product.set("type", kind);
    }
    if params.has("images") {
        product.set("images", params.texts("images"));
    }
    if params.has("marketing_features") {
        let features = params.elements("marketing_features");
        let names = features.iter().map(|feature| json!({ "name": feature.text("name") }));
        product.set("marketing_features", names.collect::<Vec<_>>());
    }
    let mut metadata = product.at("metadata").clone();
    params.metadata(&mut metadata)?;
    product.set("metadata", metadata);
    product.set("updated", turn.now);
    Ok(())
}
