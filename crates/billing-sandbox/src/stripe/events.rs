//! Events as the API shows them.

use serde_json::Value;

use super::{list, params::Params, refusal::Refusal, turn::Turn};
use crate::{json::Fields as _, outbox::State};

pub(crate) fn show(turn: &Turn<'_>, id: &str, params: &Params<'_>) -> Result<Value, Refusal> {
    params.only(&[])?;
    turn.find("event", id)?;
    Ok(whole(turn, id))
}

pub(crate) fn list(turn: &Turn<'_>, params: &Params<'_>) -> Result<Value, Refusal> {
    params.only(&list::taking(&["delivery_success", "type", "types.[]"]))?;
    let mut types = params.texts("types");
    types.extend(params.text("type"));
    let delivered = params.flag("delivery_success")?;
    let mut page = list::page(turn, "event", "/v1/events", params, |event| {
        let name = event.text("type");
        let typed = types.is_empty() || types.iter().any(|wanted| names(wanted, name));
        typed && delivered.is_none_or(|delivered| is_delivered(turn, event) == delivered)
    })?;
    let data: Vec<Value> =
        page.list("data").iter().map(|head| whole(turn, head.text("id"))).collect();
    page.set("data", data);
    Ok(page)
}

/// `invoice.*` names all events of a group.
fn names(wanted: &str, name: &str) -> bool {
    match wanted.strip_suffix('*') {
        Some(group) => name.starts_with(group),
        None => wanted == name,
    }
}

/// The event as it was sent, with how many deliveries are still to come.
fn whole(turn: &Turn<'_>, id: &str) -> Value {
    let parcel = turn.parcel(id);
    let event = parcel.and_then(|parcel| serde_json::from_str::<Value>(&parcel.body).ok());
    let mut event = event.unwrap_or_default();
    event.set("pending_webhooks", i64::from(!is_delivered(turn, &event)));
    event
}

fn is_delivered(turn: &Turn<'_>, event: &Value) -> bool {
    turn.parcel(event.text("id")).is_some_and(|parcel| parcel.state == State::Delivered)
}
