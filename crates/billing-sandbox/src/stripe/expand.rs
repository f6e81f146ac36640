//! `expand[]`: ids replaced by the objects they name.

use serde_json::Value;

use super::{checkout_sessions, invoice_payments, list, refunds, refusal::Refusal, turn::Turn};
use crate::json::Fields as _;

const DEPTH_MAX: usize = 4;

/// Expands each path, such as `latest_invoice.payments` or `data.customer`.
pub(crate) fn expand(turn: &Turn<'_>, body: Value, paths: &[&str]) -> Result<Value, Refusal> {
    let mut body = body;
    for path in paths {
        let parts: Vec<&str> = path.split('.').collect();
        let depth = parts.iter().filter(|part| **part != "data").count();
        if depth > DEPTH_MAX {
            let message = "You cannot expand more than 4 levels of a property.";
            return Err(Refusal::param("expand", message));
        }
        if !reach(turn, &mut body, &parts) {
            let message = format!("This property cannot be expanded ({path}).");
            return Err(Refusal::param("expand", message));
        }
    }
    Ok(body)
}

/// Whether the path leads to something that can be expanded. A null on the way is fine: another
/// object of this kind would have had something there.
fn reach(turn: &Turn<'_>, value: &mut Value, path: &[&str]) -> bool {
    let Some((part, rest)) = path.split_first() else { return true };
    if let Value::Array(elements) = value {
        return elements.iter_mut().all(|element| reach(turn, element, path));
    }
    include(turn, value, part);
    let Some(inner) = value.get_mut(*part) else { return false };
    match inner {
        Value::Null => true,
        Value::String(id) => match turn.any(id).cloned() {
            Some(object) => {
                *inner = object;
                reach(turn, inner, rest)
            }
            None => false,
        },
        Value::Array(_) | Value::Object(_) => reach(turn, inner, rest),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Fields that are only there when they are asked for.
fn include(turn: &Turn<'_>, object: &mut Value, field: &str) {
    let id = object.text("id").to_owned();
    let included = match (object.text("object"), field) {
        ("checkout.session", "line_items") => {
            let url = format!("/v1/checkout/sessions/{id}/line_items");
            list::within(checkout_sessions::items(turn, &id), &url)
        }
        ("invoice", "payments") => {
            list::within(invoice_payments::of_invoice(turn, &id), "/v1/invoice_payments")
        }
        ("charge", "refunds") => {
            let url = format!("/v1/charges/{id}/refunds");
            list::within(refunds::of_charge(turn, &id), &url)
        }
        _ => return,
    };
    object.set(field, included);
}
