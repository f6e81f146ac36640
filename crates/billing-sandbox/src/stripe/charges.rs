//! Charges as the API shows them.

use serde_json::Value;

use super::{list, params::Params, refusal::Refusal, turn::Turn};
use crate::json::Fields as _;

pub(crate) fn show(turn: &Turn<'_>, id: &str, params: &Params<'_>) -> Result<Value, Refusal> {
    params.only(&[])?;
    turn.find("charge", id)
}

pub(crate) fn list(turn: &Turn<'_>, params: &Params<'_>) -> Result<Value, Refusal> {
    params.only(&list::taking(&["customer", "payment_intent"]))?;
    let wanted = ["customer", "payment_intent"].map(|name| (name, params.text(name)));
    list::page(turn, "charge", "/v1/charges", params, |charge| {
        wanted.iter().all(|(name, text)| text.is_none_or(|text| charge.text(name) == text))
    })
}
