//! Disputes as the API lists them. Nobody disputes anything here yet.

use serde_json::Value;

use super::{list, params::Params, refusal::Refusal, turn::Turn};
use crate::json::Fields as _;

pub(crate) fn list(turn: &Turn<'_>, params: &Params<'_>) -> Result<Value, Refusal> {
    params.only(&list::taking(&["charge", "payment_intent"]))?;
    let wanted = ["charge", "payment_intent"].map(|name| (name, params.text(name)));
    list::page(turn, "dispute", "/v1/disputes", params, |dispute| {
        wanted.iter().all(|(name, text)| text.is_none_or(|text| dispute.text(name) == text))
    })
}
