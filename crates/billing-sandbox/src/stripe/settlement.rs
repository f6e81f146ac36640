//! The end of a payment that was processing, days after its checkout.

use super::{
    checkout_sessions::KIND, invoice_payments, invoices::collect, payments, refusal::Refusal,
    turn::Turn,
};
use crate::json::Fields as _;

/// Settles a payment that was processing, with all that hangs on it.
pub(crate) fn settle(turn: &mut Turn<'_>, intent: &str, succeeded: bool) -> Result<(), Refusal> {
    let mut intent = turn.find("payment_intent", intent)?;
    if intent.text("status") != "processing" {
        let message = format!("This PaymentIntent is {}, not processing.", intent.text("status"));
        return Err(Refusal::invalid(message));
    }
    payments::settle(turn, &mut intent, succeeded)?;
    if let Some(link) = invoice_payments::of_intent(turn, intent.text("id")) {
        let mut invoice = turn.find("invoice", link.text("invoice"))?;
        if succeeded {
            collect::mark_paid(turn, &mut invoice, Some(link))?;
        } else {
            collect::mark_failed(turn, &mut invoice)?;
        }
    }
    let noted = turn.noted(intent.text("id"), "session");
    let Some(id) = noted.as_str() else { return Ok(()) };
    let mut session = turn.find(KIND, id)?;
    if succeeded {
        session.set("payment_status", "paid");
        turn.save(&session);
        turn.emit("checkout.session.async_payment_succeeded", &session);
    } else {
        turn.emit("checkout.session.async_payment_failed", &session);
    }
    Ok(())
}
