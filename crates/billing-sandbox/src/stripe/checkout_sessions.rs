//! Checkout sessions as the API shows them. What a buyer does with one is in `checkout`.

pub(crate) mod basket;
pub(crate) mod create;
pub(crate) mod trial;

use serde_json::Value;

use super::{list, params::Params, refusal::Refusal, turn::Turn};
use crate::json::Fields as _;

pub(crate) use create::create;

pub(crate) const KIND: &str = "checkout.session";

pub(crate) fn show(turn: &Turn<'_>, id: &str, params: &Params<'_>) -> Result<Value, Refusal> {
    params.only(&[])?;
    turn.find(KIND, id)
}

pub(crate) fn list(turn: &Turn<'_>, params: &Params<'_>) -> Result<Value, Refusal> {
    let own = ["customer", "customer_details.email", "payment_intent", "status", "subscription"];
    params.only(&list::taking(&own))?;
    let mut wanted: Vec<(&str, &str)> = ["customer", "payment_intent", "status", "subscription"]
        .into_iter()
        .filter_map(|name| Some((name, params.text(name)?)))
        .collect();
    let details = params.child("customer_details");
    wanted.extend(
        details.and_then(|details| Some(("customer_details.email", details.text("email")?))),
    );
    list::page(turn, KIND, "/v1/checkout/sessions", params, |session| {
        wanted.iter().all(|(name, text)| session.text(name) == *text)
    })
}

pub(crate) fn line_items(turn: &Turn<'_>, id: &str, params: &Params<'_>) -> Result<Value, Refusal> {
    params.only(&["limit", "starting_after", "ending_before"])?;
    turn.find(KIND, id)?;
    let items = items(turn, id);
    list::cut(
        &items.iter().collect::<Vec<_>>(),
        &format!("/v1/checkout/sessions/{id}/line_items"),
        params,
    )
}

pub(crate) fn expire(turn: &mut Turn<'_>, id: &str, params: &Params<'_>) -> Result<Value, Refusal> {
    params.only(&[])?;
    let mut session = turn.find(KIND, id)?;
    if session.text("status") != "open" {
        let message = format!(
            "Only Checkout Sessions with a status in [\"open\"] can be expired. This Checkout \
             Session has a status of {}.",
            session.text("status")
        );
        return Err(Refusal::invalid(message));
    }
    close(turn, &mut session);
    Ok(session)
}

/// Ends an open session: nothing can be bought with it any more.
pub(crate) fn close(turn: &mut Turn<'_>, session: &mut Value) {
    session.set("status", "expired");
    session.set("url", Value::Null);
    turn.save(session);
    turn.emit("checkout.session.expired", session);
}

/// What is bought, as `item` objects.
pub(crate) fn items(turn: &Turn<'_>, session: &str) -> Vec<Value> {
    turn.noted(session, "items").as_array().cloned().unwrap_or_default()
}
