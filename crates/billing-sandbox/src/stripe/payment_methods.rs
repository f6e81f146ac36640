//! The card that every buyer of the sandbox has. It has a brand and four digits, and no number.

use serde_json::{Value, json};

use super::{customers, list, params::Params, refusal::Refusal, turn::Turn};
use crate::json::Fields as _;

pub(crate) fn show(turn: &Turn<'_>, id: &str, params: &Params<'_>) -> Result<Value, Refusal> {
    params.only(&[])?;
    turn.find("payment_method", id)
}

pub(crate) fn of_customer(
    turn: &Turn<'_>,
    id: &str,
    params: &Params<'_>,
) -> Result<Value, Refusal> {
    params.only(&list::taking(&["type"]))?;
    customers::living(turn, id, "id")?;
    let url = format!("/v1/customers/{id}/payment_methods");
    list::page(turn, "payment_method", &url, params, |method| method.text("customer") == id)
}

/// Makes a card; it is attached when it belongs to a customer.
pub(crate) fn card(turn: &mut Turn<'_>, email: Option<&str>, customer: Option<&str>) -> Value {
    let fields = json!({ "customer": customer, "billing_details.email": email });
    let method = turn.create("payment_method", "pm_", fields);
    if customer.is_some() {
        turn.emit("payment_method.attached", &method);
    }
    method
}
