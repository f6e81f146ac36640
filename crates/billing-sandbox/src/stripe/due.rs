//! What happens by itself, because its time has come.

use serde_json::Value;

use super::{
    checkout_sessions,
    invoices::collect,
    periods::plus_days,
    refusal::Refusal,
    subscription_schedules,
    subscriptions::{self, cancel, pause},
    turn::{Cause, Turn},
};
use crate::{json::Fields as _, record::Record, sandbox::Sandbox, store::Store};

/// A trial's end is announced this long before.
const TRIAL_NOTICE_DAYS: i64 = 3;
/// A first payment may take this long.
const INCOMPLETE_SECONDS: i64 = 23 * 3600;

/// When a record needs attention; `None` if never.
pub(crate) fn due_at(record: &Record) -> Option<i64> {
    let object = &record.object;
    if record.notes.contains_key("stuck") {
        return None;
    }
    match (record.kind(), object.text("status")) {
        ("checkout.session", "open") => object.int("expires_at").ok(),
        ("invoice", "open") => object.int("next_payment_attempt").ok(),
        ("subscription", "incomplete") => {
            object.int("created").ok().map(|at| at.saturating_add(INCOMPLETE_SECONDS))
        }
        ("subscription", "active" | "trialing" | "past_due") => {
            let end = object.int("items.data.0.current_period_end").ok();
            let cancel = object.int("cancel_at").ok();
            let resume = object.int("pause_collection.resumes_at").ok();
            [end, cancel, resume, trial_notice(record)].into_iter().flatten().min()
        }
        _ => None,
    }
}

/// When the end of a trial is to be announced, at once if it is short.
fn trial_notice(record: &Record) -> Option<i64> {
    let trial = &record.object;
    if trial.text("status") != "trialing" || record.notes.contains_key("announced") {
        return None;
    }
    let notice = plus_days(trial.int("trial_end").ok()?, -TRIAL_NOTICE_DAYS);
    Some(notice.max(trial.int("created").ok()?))
}

/// Does everything that is due by now, each thing as of its own moment, in the order of time.
pub(crate) fn catch_up(sandbox: &Sandbox, store: &mut Store, now: i64) {
    let mut done = false;
    while let Some((at, id)) = store.first_due(now) {
        done = true;
        let Err(refusal) = act_once(sandbox, store, at, &id) else { continue };
        // Tried again and again it would hold up everything behind it.
        tracing::error!(id, reason = refusal.message(), "what was due could not be done");
        let mut turn = Turn::new(sandbox, store.begin(), Cause::default(), at);
        turn.note(&id, "stuck", true);
        if turn.commit_unsynced().is_err() {
            break;
        }
    }
    if done && let Err(error) = store.journal.sync() {
        tracing::error!(%error, "the journal could not be written");
    }
}

fn act_once(sandbox: &Sandbox, store: &mut Store, at: i64, id: &str) -> Result<(), Refusal> {
    let mut turn = Turn::new(sandbox, store.begin(), Cause::default(), at);
    act(&mut turn, id)?;
    Ok(turn.commit_unsynced()?)
}

fn act(turn: &mut Turn<'_>, id: &str) -> Result<(), Refusal> {
    let Some(mut object) = turn.any(id).cloned() else { return Ok(()) };
    match object.text("object") {
        "checkout.session" => {
            checkout_sessions::close(turn, &mut object);
            Ok(())
        }
        "invoice" => collect::collect(turn, &mut object).map(|_| ()),
        _ => act_on_subscription(turn, object),
    }
}

fn act_on_subscription(turn: &mut Turn<'_>, mut subscription: Value) -> Result<(), Refusal> {
    let now = turn.now;
    if subscription.text("status") == "incomplete" {
        return expire(turn, subscription);
    }
    let id = subscription.text("id").to_owned();
    let trial = subscription.text("status") == "trialing";
    if trial && turn.noted(&id, "announced").is_null() {
        turn.note(&id, "announced", true);
        turn.emit("customer.subscription.trial_will_end", &subscription);
        return Ok(());
    }
    if subscription.int("cancel_at").is_ok_and(|at| at <= now) {
        cancel::end(turn, &mut subscription, "cancellation_requested");
        return Ok(());
    }
    if subscription.int("pause_collection.resumes_at").is_ok_and(|at| at <= now) {
        let before = subscription.clone();
        subscription.set("pause_collection", Value::Null);
        subscriptions::save_change(turn, &before, &subscription);
        return Ok(());
    }
    let (_, end) = subscriptions::period(&subscription)?;
    if end <= now {
        return renew(turn, subscription);
    }
    Ok(())
}

/// Begins the next period and bills it. A trial that ends becomes active by this.
fn renew(turn: &mut Turn<'_>, before: Value) -> Result<(), Refusal> {
    let mut subscription = before.clone();
    let id = subscription.text("id").to_owned();
    let trial = subscription.text("status") == "trialing";
    if trial && subscription.at("default_payment_method").is_null() {
        match subscription.text("trial_settings.end_behavior.missing_payment_method") {
            "cancel" => {
                cancel::end(turn, &mut subscription, "payment_failed");
                return Ok(());
            }
            "pause" => {
                pause::hold(turn, &mut subscription);
                return Ok(());
            }
            _ => {}
        }
    }
    let (start, end) = subscriptions::period(&subscription)?;
    if trial {
        subscription.set("status", "active");
    }
    subscription_schedules::enter_phase(turn, &mut subscription, end)?;
    let next_end = subscriptions::next_boundary(&subscription, end)?;
    subscriptions::set_period(&mut subscription, end, next_end);
    turn.note(&id, "previous_start", start);
    collect::bill_period(turn, &before, &mut subscription, "subscription_cycle")
}

/// Gives up on a first payment that never came.
fn expire(turn: &mut Turn<'_>, before: Value) -> Result<(), Refusal> {
    let mut invoice = turn.find("invoice", before.text("latest_invoice"))?;
    let mut subscription = before.clone();
    subscription.set("status", "incomplete_expired");
    subscription.set("ended_at", turn.now);
    subscriptions::save_change(turn, &before, &subscription);
    collect::close(turn, &mut invoice, "void", "voided_at");
    Ok(())
}
