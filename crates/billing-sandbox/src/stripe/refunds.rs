//! Refunds: never more than was captured.

use serde_json::{Value, json};

use super::{list, params::Params, refusal::Refusal, turn::Turn};
use crate::{json::Fields as _, money};

pub(crate) fn create(turn: &mut Turn<'_>, params: &Params<'_>) -> Result<Value, Refusal> {
    params.only(&["amount", "charge", "metadata.*", "payment_intent", "reason"])?;
    let mut charge = charge_of(turn, params)?;
    let reason = params.one_of("reason", &["duplicate", "fraudulent", "requested_by_customer"])?;
    let amount = amount_of(&charge, params)?;
    let mut metadata = json!({});
    params.metadata(&mut metadata)?;
    let refund = turn.create(
        "refund",
        "re_",
        json!({
            "amount": amount,
            "charge": charge.text("id"),
            "currency": charge.text("currency"),
            "customer": charge.at("customer"),
            "metadata": metadata,
            "payment_intent": charge.at("payment_intent"),
            "payment_method": charge.at("payment_method"),
            "reason": reason,
        }),
    );
    let refunded = charge.int("amount_refunded")?.saturating_add(amount);
    charge.set("amount_refunded", refunded);
    charge.set("refunded", refunded == charge.int("amount_captured")?);
    turn.save(&charge);
    turn.emit("charge.refunded", &charge);
    turn.emit("refund.created", &refund);
    Ok(refund)
}

pub(crate) fn show(turn: &Turn<'_>, id: &str, params: &Params<'_>) -> Result<Value, Refusal> {
    params.only(&[])?;
    turn.find("refund", id)
}

pub(crate) fn list(turn: &Turn<'_>, params: &Params<'_>) -> Result<Value, Refusal> {
    params.only(&list::taking(&["charge", "payment_intent"]))?;
    let wanted = ["charge", "payment_intent"].map(|name| (name, params.text(name)));
    list::page(turn, "refund", "/v1/refunds", params, |refund| {
        wanted.iter().all(|(name, text)| text.is_none_or(|text| refund.text(name) == text))
    })
}

/// The refunds of a charge, newest first.
pub(crate) fn of_charge(turn: &Turn<'_>, charge: &str) -> Vec<Value> {
    let all = turn.newest("refund");
    all.filter(|refund| refund.text("charge") == charge).cloned().collect()
}

fn charge_of(turn: &Turn<'_>, params: &Params<'_>) -> Result<Value, Refusal> {
    let charge = match (params.text("charge"), params.text("payment_intent")) {
        (Some(id), None) => turn.find_param("charge", id, "charge")?,
        (None, Some(id)) => {
            let intent = turn.find_param("payment_intent", id, "payment_intent")?;
            let charge = turn.any(intent.text("latest_charge")).cloned();
            charge.ok_or_else(|| {
                let message = format!(
                    "This PaymentIntent ({id}) does not have a successful charge to refund."
                );
                Refusal::param("payment_intent", message)
            })?
        }
        (None, None) => {
            let message = "One of the following params should be provided for this request: \
                           payment_intent or charge.";
            return Err(Refusal::invalid(message));
        }
        (Some(_), Some(_)) => {
            let message = "You may only specify one of these parameters: charge, payment_intent.";
            return Err(Refusal::param("payment_intent", message));
        }
    };
    if charge.text("status") != "succeeded" {
        let message =
            format!("Charge {} was not paid, so there is nothing to refund.", charge.text("id"));
        return Err(Refusal::invalid(message));
    }
    Ok(charge)
}

fn amount_of(charge: &Value, params: &Params<'_>) -> Result<i64, Refusal> {
    let left = charge.int("amount_captured")? - charge.int("amount_refunded")?;
    if left == 0 {
        let message = format!("Charge {} has already been refunded.", charge.text("id"));
        return Err(Refusal::invalid(message).code("charge_already_refunded"));
    }
    let amount = params.int_within("amount", 1..=i64::MAX)?.unwrap_or(left);
    if amount > left {
        let currency = charge.text("currency");
        let message = format!(
            "Refund amount ({}) is greater than unrefunded amount on charge ({})",
            money::display(amount, currency),
            money::display(left, currency)
        );
        return Err(Refusal::param("amount", message));
    }
    Ok(amount)
}
