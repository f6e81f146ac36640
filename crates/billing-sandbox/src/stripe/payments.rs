//! Money moving, or not: what happens to a payment intent, its charge, and who is told.

use serde_json::{Value, json};

use super::{
    outcome::{Decline, Outcome},
    refusal::{Refusal, doc_url},
    turn::Turn,
};
use crate::json::Fields as _;

/// What is to be paid.
pub(crate) struct Due<'a> {
    pub(crate) amount: i64,
    pub(crate) currency: &'a str,
    pub(crate) customer: Option<&'a str>,
    /// `metadata`, `description`, `receipt_email` and `setup_future_usage`, where given.
    pub(crate) details: Value,
}

/// Makes a payment intent.
pub(crate) fn intend(turn: &mut Turn<'_>, due: Due<'_>) -> Value {
    let mut fields = json!({
        "amount": due.amount,
        "currency": due.currency,
        "customer": due.customer,
    });
    for field in ["metadata", "description", "receipt_email", "setup_future_usage"] {
        if !due.details.at(field).is_null() {
            fields.set(field, due.details.at(field).clone());
        }
    }
    let mut intent = turn.create("payment_intent", "pi_", fields);
    let secret = turn.fresh_id(&format!("{}_secret_", intent.text("id")));
    intent.set("client_secret", secret);
    turn.save(&intent);
    turn.emit("payment_intent.created", &intent);
    intent
}

/// What the sandbox was told this customer's next payments come to while it is away.
pub(crate) fn next_outcome(turn: &Turn<'_>, customer: &str) -> Outcome {
    let told = turn.noted(customer, "payments");
    let declined = told.as_str().and_then(Decline::named);
    declined.map_or(Outcome::Success, Outcome::Declined)
}

/// Tries to pay an intent.
pub(crate) fn attempt(
    turn: &mut Turn<'_>,
    intent: &mut Value,
    method: Option<&str>,
    outcome: Outcome,
) -> Result<(), Refusal> {
    if let Some(method) = method {
        intent.set("payment_method", method);
    }
    match outcome {
        Outcome::Success => succeed(turn, intent),
        Outcome::Declined(decline) => decline_intent(turn, intent, decline),
        Outcome::RequiresAction => {
            ask_payer(turn, intent);
            Ok(())
        }
        Outcome::Processing => {
            let charge = charge(turn, intent, "pending")?;
            intent.set("latest_charge", charge.text("id"));
            intent.set("status", "processing");
            turn.save(intent);
            turn.emit("charge.pending", &charge);
            turn.emit("payment_intent.processing", intent);
            Ok(())
        }
    }
}

/// Ends a payment that was processing.
pub(crate) fn settle(
    turn: &mut Turn<'_>,
    intent: &mut Value,
    succeeded: bool,
) -> Result<(), Refusal> {
    if succeeded {
        return succeed(turn, intent);
    }
    decline_intent(turn, intent, Decline::Generic)
}

fn succeed(turn: &mut Turn<'_>, intent: &mut Value) -> Result<(), Refusal> {
    let charge = charge(turn, intent, "succeeded")?;
    intent.set("status", "succeeded");
    intent.set("amount_received", intent.int("amount")?);
    intent.set("latest_charge", charge.text("id"));
    intent.set("last_payment_error", Value::Null);
    intent.set("next_action", Value::Null);
    turn.save(intent);
    turn.emit("charge.succeeded", &charge);
    turn.emit("payment_intent.succeeded", intent);
    Ok(())
}

fn decline_intent(
    turn: &mut Turn<'_>,
    intent: &mut Value,
    decline: Decline,
) -> Result<(), Refusal> {
    let mut error = json!({
        "type": "card_error",
        "code": decline.code(),
        "message": decline.message(),
        "doc_url": doc_url(decline.code()),
    });
    // A payer who fails the bank's question never gets as far as a charge.
    if decline != Decline::AuthenticationFailure {
        let mut charge = charge(turn, intent, "failed")?;
        charge.set("failure_code", decline.code());
        charge.set("failure_message", decline.message());
        charge.set("outcome.network_status", "declined_by_network");
        charge.set("outcome.reason", decline.decline_code());
        charge.set("outcome.seller_message", "The bank returned a decline.");
        charge.set("outcome.type", "issuer_declined");
        turn.save(&charge);
        turn.emit("charge.failed", &charge);
        intent.set("latest_charge", charge.text("id"));
        error.set("charge", charge.text("id"));
        error.set("decline_code", decline.decline_code());
    }
    let method = turn.any(intent.text("payment_method")).cloned();
    error.set("payment_method", method);
    intent.set("status", "requires_payment_method");
    intent.set("payment_method", Value::Null);
    intent.set("last_payment_error", error);
    intent.set("next_action", Value::Null);
    turn.save(intent);
    turn.emit("payment_intent.payment_failed", intent);
    Ok(())
}

fn ask_payer(turn: &mut Turn<'_>, intent: &mut Value) {
    intent.set("status", "requires_action");
    intent.set("next_action", json!({ "type": "use_stripe_sdk", "use_stripe_sdk": {} }));
    turn.save(intent);
    turn.emit("payment_intent.requires_action", intent);
}

/// The intent's charge in its new state; a pending one is settled instead of made again.
fn charge(turn: &mut Turn<'_>, intent: &Value, status: &str) -> Result<Value, Refusal> {
    let pending = turn.any(intent.text("latest_charge")).cloned();
    let mut charge = match pending.filter(|charge| charge.text("status") == "pending") {
        Some(charge) => charge,
        None => turn.create("charge", "ch_", json!({ "payment_intent": intent.text("id") })),
    };
    for field in ["amount", "currency", "customer", "description", "metadata", "payment_method"] {
        charge.set(field, intent.at(field).clone());
    }
    charge.set("receipt_email", intent.at("receipt_email").clone());
    let method = turn.any(intent.text("payment_method"));
    let details = method.map(|method| method.at("billing_details").clone());
    if let Some(details) = details {
        charge.set("billing_details", details);
    }
    let succeeded = status == "succeeded";
    charge.set("status", status);
    charge.set("paid", succeeded);
    charge.set("captured", succeeded);
    charge.set("amount_captured", if succeeded { intent.int("amount")? } else { 0 });
    turn.save(&charge);
    Ok(charge)
}
