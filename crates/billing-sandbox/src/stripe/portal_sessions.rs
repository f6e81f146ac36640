//! `POST /v1/billing_portal/sessions`.

use serde_json::{Value, json};

use super::{customers, params::Params, refusal::Refusal, turn::Turn};
use crate::json::Fields as _;

pub(crate) const KIND: &str = "billing_portal.session";

pub(crate) fn create(turn: &mut Turn<'_>, params: &Params<'_>) -> Result<Value, Refusal> {
    params.only(&["configuration", "customer", "locale", "return_url"])?;
    let customer = params.required("customer")?;
    customers::living(turn, customer, "customer")?;
    let id = turn.fresh_id("bps_");
    let mut fields = json!({
        "customer": customer,
        "locale": params.text("locale"),
        "return_url": params.web_address("return_url")?,
        "url": format!("{}/p/session/{id}", turn.url()),
    });
    if let Some(configuration) = params.text("configuration") {
        fields.set("configuration", configuration);
    }
    Ok(turn.create_named(KIND, &id, fields))
}
