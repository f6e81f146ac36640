//! Customers.

use serde_json::{Value, json};

use super::{list, params::Params, refusal::Refusal, subscriptions::cancel, turn::Turn};
use crate::json::Fields as _;

const FIELDS: [&str; 29] = [
    "address.city",
    "address.country",
    "address.line1",
    "address.line2",
    "address.postal_code",
    "address.state",
    "balance",
    "business_name",
    "description",
    "email",
    "individual_name",
    "invoice_prefix",
    "invoice_settings.default_payment_method",
    "invoice_settings.footer",
    "metadata.*",
    "name",
    "phone",
    "preferred_locales.[]",
    "shipping.address.city",
    "shipping.address.country",
    "shipping.address.line1",
    "shipping.address.line2",
    "shipping.address.postal_code",
    "shipping.address.state",
    "shipping.name",
    "shipping.phone",
    "tax.ip_address",
    "tax.validate_location",
    "tax_exempt",
];
const TEXTS: [&str; 7] =
    ["business_name", "description", "email", "individual_name", "invoice_prefix", "name", "phone"];
const ADDRESS: [&str; 6] = ["city", "country", "line1", "line2", "postal_code", "state"];

pub(crate) fn create(turn: &mut Turn<'_>, params: &Params<'_>) -> Result<Value, Refusal> {
    params.only(&FIELDS)?;
    let id = turn.fresh_id("cus_");
    let prefix: String = id.chars().rev().take(8).collect::<String>().to_uppercase();
    let mut customer = turn.create_named("customer", &id, json!({ "invoice_prefix": prefix }));
    fill(&mut customer, params)?;
    turn.save(&customer);
    turn.emit("customer.created", &customer);
    Ok(customer)
}

pub(crate) fn update(turn: &mut Turn<'_>, id: &str, params: &Params<'_>) -> Result<Value, Refusal> {
    params.only(&FIELDS)?;
    let before = living(turn, id, "id")?;
    let mut customer = before.clone();
    fill(&mut customer, params)?;
    turn.save(&customer);
    if customer != before {
        turn.emit_change("customer.updated", &before, &customer);
    }
    Ok(customer)
}

pub(crate) fn show(turn: &Turn<'_>, id: &str, params: &Params<'_>) -> Result<Value, Refusal> {
    params.only(&[])?;
    turn.find("customer", id)
}

pub(crate) fn list(turn: &Turn<'_>, params: &Params<'_>) -> Result<Value, Refusal> {
    params.only(&list::taking(&["email"]))?;
    let email = params.text("email");
    list::page(turn, "customer", "/v1/customers", params, |customer| {
        email.is_none_or(|email| customer.text("email") == email)
    })
}

/// Deletes a customer for good; running subscriptions end at once.
pub(crate) fn delete(turn: &mut Turn<'_>, id: &str, params: &Params<'_>) -> Result<Value, Refusal> {
    params.only(&[])?;
    let customer = living(turn, id, "id")?;
    let running = turn.newest("subscription").filter(|subscription| {
        subscription.text("customer") == id && subscription.at("ended_at").is_null()
    });
    for mut subscription in running.cloned().collect::<Vec<_>>() {
        cancel::end(turn, &mut subscription, "cancellation_requested");
    }
    let deleted = json!({ "id": id, "object": "customer", "deleted": true });
    turn.save(&deleted);
    turn.emit("customer.deleted", &customer);
    Ok(deleted)
}

/// The customer a parameter names, if not deleted.
pub(crate) fn living(turn: &Turn<'_>, id: &str, param: &str) -> Result<Value, Refusal> {
    let customer = turn.find_param("customer", id, param)?;
    if customer.flag("deleted") {
        return Err(Refusal::no_such("customer", id, param));
    }
    Ok(customer)
}

/// The customer whom a checkout makes of an email address.
pub(crate) fn from_checkout(turn: &mut Turn<'_>, email: &str, currency: &str) -> Value {
    let id = turn.fresh_id("cus_");
    let prefix: String = id.chars().rev().take(8).collect::<String>().to_uppercase();
    let fields = json!({ "email": email, "currency": currency, "invoice_prefix": prefix });
    let customer = turn.create_named("customer", &id, fields);
    turn.emit("customer.created", &customer);
    customer
}

fn fill(customer: &mut Value, params: &Params<'_>) -> Result<(), Refusal> {
    for field in TEXTS {
        if let Some(text) = params.text(field) {
            customer.set(field, or_null(text));
        }
    }
    check_email(params, "email")?;
    if let Some(exempt) = params.one_of("tax_exempt", &["", "none", "exempt", "reverse"])? {
        customer.set("tax_exempt", if exempt.is_empty() { "none" } else { exempt });
    }
    if let Some(balance) = params.int("balance")? {
        customer.set("balance", balance);
    }
    if params.has("preferred_locales") {
        customer.set("preferred_locales", params.texts("preferred_locales"));
    }
    if let Some(settings) = params.child("invoice_settings") {
        for field in ["default_payment_method", "footer"] {
            if let Some(text) = settings.text(field) {
                customer.set(&format!("invoice_settings.{field}"), or_null(text));
            }
        }
    }
    if params.has("address") {
        customer.set("address", address(params));
    }
    if let Some(shipping) = params.child("shipping") {
        let texts = ["name", "phone"].map(|field| shipping.text(field).map(or_null));
        let [name, phone] = texts.map(Option::unwrap_or_default);
        let address = address(&shipping);
        customer.set("shipping", json!({ "address": address, "name": name, "phone": phone }));
    } else if params.text("shipping").is_some() {
        customer.set("shipping", Value::Null);
    }
    let mut metadata = customer.at("metadata").clone();
    params.metadata(&mut metadata)?;
    customer.set("metadata", metadata);
    Ok(())
}

/// Refuses a text that cannot be an email address.
pub(crate) fn check_email(params: &Params<'_>, name: &str) -> Result<(), Refusal> {
    match params.text(name) {
        Some(email) if !email.is_empty() && !is_email(email) => {
            let message = format!("Invalid email address: {email}");
            Err(Refusal::param(name, message).code("email_invalid"))
        }
        Some(_) | None => Ok(()),
    }
}

pub(crate) fn is_email(text: &str) -> bool {
    let halves = text.split_once('@');
    text.len() <= 512
        && !text.contains(char::is_whitespace)
        && halves.is_some_and(|(name, host)| !name.is_empty() && host.contains('.'))
}

fn address(params: &Params<'_>) -> Value {
    let Some(given) = params.child("address") else { return Value::Null };
    let mut address = json!({});
    for field in ADDRESS {
        address.set(field, given.text(field).map(or_null).unwrap_or_default());
    }
    address
}

fn or_null(text: &str) -> Value {
    if text.is_empty() { Value::Null } else { Value::from(text) }
}
