//! What a buyer does with a checkout session, and all that follows.

use serde_json::{Value, json};

use super::{
    checkout_sessions::{self, KIND},
    coupons, customers, invoice_payments,
    invoices::{self, collect, lines},
    outcome::{Decline, Outcome},
    payment_methods,
    payments::{self, Due},
    refusal::Refusal,
    subscriptions::{self, Opening},
    turn::Turn,
};
use crate::json::Fields as _;

/// Where an attempt to pay leaves the buyer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Bought: go to the success address.
    Complete,
    /// Choose again.
    Declined(Decline),
    /// Answer the bank's question first.
    Challenge,
}

/// Pays an open session, or fails to.
pub(crate) fn pay(
    turn: &mut Turn<'_>,
    id: &str,
    outcome: Outcome,
    email: &str,
) -> Result<Step, Refusal> {
    let mut session = turn.find(KIND, id)?;
    if session.text("status") != "open" {
        let message = format!("This Checkout Session is {}.", session.text("status"));
        return Err(Refusal::invalid(message));
    }
    turn.note(id, "decline", Value::Null);
    turn.note(id, "challenge", Value::Null);
    match outcome {
        Outcome::Success | Outcome::Processing => {
            complete(turn, &mut session, outcome, email)?;
            Ok(Step::Complete)
        }
        Outcome::Declined(decline) => {
            try_to_pay(turn, &mut session, outcome, email)?;
            turn.note(id, "decline", decline.decline_code());
            Ok(Step::Declined(decline))
        }
        Outcome::RequiresAction => {
            try_to_pay(turn, &mut session, outcome, email)?;
            turn.note(id, "challenge", email);
            Ok(Step::Challenge)
        }
    }
}

/// An attempt that leaves the session open.
fn try_to_pay(
    turn: &mut Turn<'_>,
    session: &mut Value,
    outcome: Outcome,
    email: &str,
) -> Result<(), Refusal> {
    if session.int("amount_total")? == 0 {
        return Ok(());
    }
    let mut intent = intent_of(turn, session)?;
    let method = payment_methods::card(turn, Some(email), None);
    payments::attempt(turn, &mut intent, Some(method.text("id")), outcome)
}

fn complete(
    turn: &mut Turn<'_>,
    session: &mut Value,
    outcome: Outcome,
    email: &str,
) -> Result<(), Refusal> {
    let customer = customer_of(turn, session, email)?;
    let needs_card = session.int("amount_total")? > 0
        || session.text("payment_method_collection") != "if_required";
    let method = needs_card.then(|| {
        let customer = Some(customer.as_str()).filter(|id| !id.is_empty());
        let customer = customer.filter(|_| keeps_card(turn, session));
        payment_methods::card(turn, Some(email), customer).text("id").to_owned()
    });
    let intent = if session.int("amount_total")? > 0 {
        let mut intent = intent_of(turn, session)?;
        if !customer.is_empty() {
            intent.set("customer", customer.as_str());
        }
        payments::attempt(turn, &mut intent, method.as_deref(), outcome)?;
        Some(intent)
    } else {
        None
    };
    if session.text("mode") == "subscription" {
        subscribe(turn, session, &customer, method.as_deref(), intent.as_ref())?;
    }
    let paid = intent.as_ref().is_none_or(|intent| intent.text("status") == "succeeded");
    session.set("status", "complete");
    session.set("url", Value::Null);
    session.set(
        "payment_status",
        match (&intent, paid) {
            (None, _) => "no_payment_required",
            (Some(_), true) => "paid",
            (Some(_), false) => "unpaid",
        },
    );
    describe_buyer(turn, session, email);
    turn.save(session);
    turn.emit("checkout.session.completed", session);
    Ok(())
}

/// Whether the card stays with the customer: for a subscription, or when it was asked for.
fn keeps_card(turn: &Turn<'_>, session: &Value) -> bool {
    let asked = turn.noted(session.text("id"), "payment_intent_data");
    session.text("mode") == "subscription" || !asked.at("setup_future_usage").is_null()
}

/// The subscription that was bought, and its first invoice.
fn subscribe(
    turn: &mut Turn<'_>,
    session: &mut Value,
    customer: &str,
    method: Option<&str>,
    intent: Option<&Value>,
) -> Result<(), Refusal> {
    let id = session.text("id").to_owned();
    let items = checkout_sessions::items(turn, &id);
    let trial_end = checkout_sessions::trial::end(turn, &id);
    let processing = intent.is_some_and(|intent| intent.text("status") == "processing");
    let status = match (trial_end, processing) {
        (Some(_), _) => "trialing",
        (None, true) => "incomplete",
        (None, false) => "active",
    };
    let data = turn.noted(&id, "subscription_data");
    let opening = Opening { customer, method, items: &items, trial_end, data: &data, status };
    let mut subscription = subscriptions::open(turn, &opening)?;
    coupons::begin(turn, session, &mut subscription)?;
    let mut all_lines = lines::of_period(turn, &subscription)?;
    all_lines.extend(lines::of_once(turn, &subscription, &items)?);
    let mut invoice = invoices::draw(turn, &subscription, "subscription_create", all_lines)?;
    subscription.set("latest_invoice", invoice.text("id"));
    turn.save(&subscription);
    turn.emit("customer.subscription.created", &subscription);
    session.set("subscription", subscription.text("id"));
    session.set("invoice", invoice.text("id"));
    match intent {
        None => collect::mark_paid(turn, &mut invoice, None),
        Some(intent) => {
            let link = invoice_payments::link(turn, &invoice, intent)?;
            if processing {
                return Ok(());
            }
            collect::mark_paid(turn, &mut invoice, Some(link))
        }
    }
}

/// The session's payment intent, made at the first attempt.
fn intent_of(turn: &mut Turn<'_>, session: &mut Value) -> Result<Value, Refusal> {
    let id = session.text("id").to_owned();
    let noted = turn.noted(&id, "intent");
    if let Some(known) = noted.as_str() {
        return turn.find("payment_intent", known);
    }
    let mut details = turn.noted(&id, "payment_intent_data");
    let subscribes = session.text("mode") == "subscription";
    if subscribes {
        details = json!({
            "description": "Subscription creation",
            "setup_future_usage": "off_session",
        });
    }
    let due = Due {
        amount: session.int("amount_total")?,
        currency: session.text("currency"),
        customer: session.at("customer").as_str(),
        details,
    };
    let intent = payments::intend(turn, due);
    turn.note(&id, "intent", intent.text("id"));
    turn.note(intent.text("id"), "session", id);
    if !subscribes {
        session.set("payment_intent", intent.text("id"));
        turn.save(session);
    }
    Ok(intent)
}

/// The buyer's customer id, empty for a guest who buys once.
fn customer_of(turn: &mut Turn<'_>, session: &mut Value, email: &str) -> Result<String, Refusal> {
    if let Some(id) = session.at("customer").as_str() {
        let customer = customers::living(turn, id, "customer")?;
        return Ok(customer.text("id").to_owned());
    }
    let wanted =
        session.text("mode") == "subscription" || session.text("customer_creation") == "always";
    if !wanted {
        return Ok(String::new());
    }
    let customer = customers::from_checkout(turn, email, session.text("currency"));
    session.set("customer", customer.text("id"));
    Ok(customer.text("id").to_owned())
}

fn describe_buyer(turn: &Turn<'_>, session: &mut Value, email: &str) {
    let customer = turn.any(session.text("customer"));
    let known = |field: &str| customer.map(|it| it.at(field).clone()).unwrap_or_default();
    let details = json!({
        "address": known("address"),
        "business_name": null,
        "email": email,
        "individual_name": null,
        "name": known("name"),
        "phone": known("phone"),
        "tax_exempt": "none",
        "tax_ids": [],
    });
    session.set("customer_details", details);
    if session.flag("automatic_tax.enabled") {
        session.set("automatic_tax.status", "complete");
    }
}
