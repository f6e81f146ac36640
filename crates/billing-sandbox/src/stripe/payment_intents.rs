//! Payment intents: made and confirmed at once while the payer is away, and as the API shows them.

use serde_json::{Value, json};

use super::{
    customers, list,
    params::Params,
    payment_methods,
    payments::{self, Due},
    refusal::Refusal,
    turn::Turn,
};
use crate::json::Fields as _;

const FIELDS: [&str; 9] = [
    "amount",
    "confirm",
    "currency",
    "customer",
    "description",
    "metadata.*",
    "off_session",
    "payment_method",
    "receipt_email",
];
/// Stripe takes eight digits.
const MOST: i64 = 99_999_999;

/// `POST /v1/payment_intents`: a saved card is charged.
pub(crate) fn create(turn: &mut Turn<'_>, params: &Params<'_>) -> Result<Value, Refusal> {
    params.only(&FIELDS)?;
    let amount = params.int_within("amount", 1..=MOST)?;
    let amount = amount.ok_or_else(|| params.missing("amount"))?;
    let currency = params.required("currency")?;
    if currency.len() != 3 || !currency.bytes().all(|byte| byte.is_ascii_lowercase()) {
        return Err(Refusal::param("currency", format!("Invalid currency: {currency}")));
    }
    for name in ["confirm", "off_session"] {
        if params.flag(name)? != Some(true) {
            let message = "The sandbox plays payment intents that are confirmed at once while \
                           the payer is away, and no others.";
            return Err(Refusal::param(name, message));
        }
    }
    let customer = customers::living(turn, params.required("customer")?, "customer")?;
    let customer = customer.text("id");
    let method = payment_methods::of(turn, customer, params.required("payment_method")?)?;
    customers::check_email(params, "receipt_email")?;
    let mut metadata = json!({});
    params.metadata(&mut metadata)?;
    let details = json!({
        "metadata": metadata,
        "description": params.text("description"),
        "receipt_email": params.text("receipt_email"),
    });
    let outcome = payment_methods::outcome(turn, &method);
    let due = Due { amount, currency, customer: Some(customer), details };
    let mut intent = payments::intend(turn, due);
    payments::attempt(turn, &mut intent, Some(method.text("id")), outcome)?;
    let error = intent.at("last_payment_error").clone();
    if error.is_null() { Ok(intent) } else { Err(Refusal::card(intent, &error)) }
}

pub(crate) fn show(turn: &Turn<'_>, id: &str, params: &Params<'_>) -> Result<Value, Refusal> {
    params.only(&["client_secret"])?;
    turn.find("payment_intent", id)
}

pub(crate) fn list(turn: &Turn<'_>, params: &Params<'_>) -> Result<Value, Refusal> {
    params.only(&list::taking(&["customer"]))?;
    let customer = params.text("customer");
    list::page(turn, "payment_intent", "/v1/payment_intents", params, |intent| {
        customer.is_none_or(|customer| intent.text("customer") == customer)
    })
}
