//! Payment intents as the API shows them.

use serde_json::Value;

use super::{list, params::Params, refusal::Refusal, turn::Turn};
use crate::json::Fields as _;

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
