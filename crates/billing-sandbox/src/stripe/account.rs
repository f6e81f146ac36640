//! The account behind the key.

use serde_json::{Value, json};

use super::{blank, params::Params, refusal::Refusal, turn::Turn};

pub(crate) fn show(turn: &Turn<'_>, params: &Params<'_>) -> Result<Value, Refusal> {
    params.only(&[])?;
    Ok(blank::object("account", json!({ "settings.dashboard.display_name": turn.merchant() })))
}
