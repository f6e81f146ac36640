//! Empty objects of every kind, with all the fields Stripe shows at the pinned version.

use serde_json::{Map, Value};

use crate::json::Fields as _;

/// An object of a kind with its usual values, overlaid with what is known about this one.
///
/// Fields are given by path: `"automatic_tax.enabled"` reaches inward.
pub(crate) fn object(kind: &str, fields: Value) -> Value {
    let mut object = serde_json::from_str(text(kind)).unwrap_or_else(|error| {
        tracing::error!(kind, %error, "a blank object does not parse");
        Value::Object(Map::new())
    });
    if let Value::Object(fields) = fields {
        for (path, value) in fields {
            object.set(&path, value);
        }
    }
    object
}

fn text(kind: &str) -> &'static str {
    match kind {
        "account" => include_str!("blank/account.json"),
        "billing_portal.session" => include_str!("blank/billing_portal.session.json"),
        "charge" => include_str!("blank/charge.json"),
        "checkout.session" => include_str!("blank/checkout.session.json"),
        "customer" => include_str!("blank/customer.json"),
        "invoice" => include_str!("blank/invoice.json"),
        "invoice_payment" => include_str!("blank/invoice_payment.json"),
        "item" => include_str!("blank/item.json"),
        "line_item" => include_str!("blank/line_item.json"),
        "payment_intent" => include_str!("blank/payment_intent.json"),
        "payment_method" => include_str!("blank/payment_method.json"),
        "plan" => include_str!("blank/plan.json"),
        "price" => include_str!("blank/price.json"),
        "product" => include_str!("blank/product.json"),
        "refund" => include_str!("blank/refund.json"),
        "subscription" => include_str!("blank/subscription.json"),
        "subscription_schedule" => include_str!("blank/subscription_schedule.json"),
        "subscription_item" => include_str!("blank/subscription_item.json"),
        _ => "{}",
    }
}
