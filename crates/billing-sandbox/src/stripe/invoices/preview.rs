//! `POST /v1/invoices/create_preview`: the change is made, its invoice kept, and all taken back.

use serde_json::Value;

use crate::{
    json::Fields as _,
    stripe::{
        invoices::{self, collect, lines},
        params::Params,
        periods::Rhythm,
        refusal::Refusal,
        subscriptions::{self, items, pause, proration, update},
        turn::Turn,
    },
};

pub(crate) fn create(turn: &mut Turn<'_>, params: &Params<'_>) -> Result<Value, Refusal> {
    params.only(&[
        "customer",
        "preview_mode",
        "subscription",
        "subscription_details.billing_cycle_anchor.type",
        "subscription_details.items.[].deleted",
        "subscription_details.items.[].id",
        "subscription_details.items.[].price",
        "subscription_details.items.[].quantity",
        "subscription_details.proration_behavior",
        "subscription_details.proration_date",
        "subscription_details.resume_at",
    ])?;
    let made = make(turn, params);
    turn.take_back();
    let mut invoice = made?;
    let due = invoice.int("amount_due")?;
    invoice.set("id", format!("upcoming_{}", invoice.text("id")));
    invoice.set("status", "draft");
    invoice.set("amount_paid", 0);
    invoice.set("amount_remaining", due);
    invoice.set("attempted", false);
    invoice.set("attempt_count", 0);
    for field in ["effective_at", "hosted_invoice_url", "next_payment_attempt", "number"] {
        invoice.set(field, Value::Null);
    }
    for since in ["finalized_at", "paid_at"] {
        invoice.set(&format!("status_transitions.{since}"), Value::Null);
    }
    Ok(invoice)
}

fn make(turn: &mut Turn<'_>, params: &Params<'_>) -> Result<Value, Refusal> {
    let id = params.required("subscription")?;
    let before = turn.find_param("subscription", id, "subscription")?;
    if subscriptions::has_ended(&before) {
        return Err(Refusal::invalid("The subscription has ended: it has no upcoming invoice."));
    }
    let mut after = before.clone();
    let mode = params.one_of("preview_mode", &["next", "recurring"])?.unwrap_or("next");
    let Some(details) = params.child("subscription_details") else {
        return upcoming(turn, &before, after);
    };
    if details.one_of("resume_at", &["now"])?.is_some() {
        pause::begin_anew(turn, &mut after, "now")?;
        return turn.find("invoice", after.text("latest_invoice"));
    }
    for line in details.elements("items") {
        items::change(turn, &mut after, &line)?;
    }
    let behaviors = ["always_invoice", "create_prorations", "none"];
    let behavior = details.one_of("proration_behavior", &behaviors)?;
    let at = update::proration_date(turn, &before, &details)?;
    if mode == "recurring" {
        return recurring(turn, &before, after);
    }
    let behavior = behavior.unwrap_or("create_prorations");
    proration::settle(turn, &before, &mut after, (behavior, at))?;
    if after.text("latest_invoice") != before.text("latest_invoice") {
        return turn.find("invoice", after.text("latest_invoice"));
    }
    upcoming(turn, &before, after)
}

/// The invoice for the next period, with what waits for it.
fn upcoming(turn: &mut Turn<'_>, before: &Value, mut after: Value) -> Result<Value, Refusal> {
    move_on(before, &mut after)?;
    collect::bill_period(turn, before, &mut after, "upcoming")?;
    turn.find("invoice", after.text("latest_invoice"))
}

/// The invoice for the next period, and for nothing else.
fn recurring(turn: &mut Turn<'_>, before: &Value, mut after: Value) -> Result<Value, Refusal> {
    move_on(before, &mut after)?;
    let lines = lines::of_period(turn, &after)?;
    invoices::draw(turn, &after, "upcoming", lines)
}

/// Goes to the next period; another rhythm is counted from its beginning.
fn move_on(before: &Value, after: &mut Value) -> Result<(), Refusal> {
    let (_, end) = subscriptions::period(before)?;
    let rhythm = |subscription: &Value| Rhythm::of(subscription.at("items.data.0.price"));
    if rhythm(before) != rhythm(after) {
        after.set("billing_cycle_anchor", end);
    }
    after.set("status", "active");
    let next = subscriptions::next_boundary(after, end)?;
    subscriptions::set_period(after, end, next);
    Ok(())
}
