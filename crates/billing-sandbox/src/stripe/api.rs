//! The whole of the API that is played, on one screen.

use serde_json::Value;

use super::{
    account, charges, checkout_sessions, coupons, customers, disputes, events, expand,
    invoice_payments, invoices, params::Params, payment_intents, payment_methods, portal_sessions,
    prices, products, refunds, refusal::Refusal, subscription_schedules, subscriptions, turn::Turn,
};

/// Answers one request to `/v1`.
pub(crate) fn answer(
    turn: &mut Turn<'_>,
    method: &str,
    path: &str,
    params: &Params<'_>,
) -> Result<Value, Refusal> {
    let segments: Vec<&str> = path.split('/').skip(2).collect();
    let answer = match method {
        "GET" => get(turn, &segments, params),
        "POST" => post(turn, &segments, params),
        "DELETE" => delete(turn, &segments, params),
        _ => None,
    };
    let body = answer.unwrap_or_else(|| Err(Refusal::unrecognized(method, path)))?;
    expand::expand(turn, body, &params.texts("expand"))
}

/// `None` where there is no such path.
type Answered = Option<Result<Value, Refusal>>;

#[rustfmt::skip]
fn get(turn: &Turn<'_>, path: &[&str], params: &Params<'_>) -> Answered {
    Some(match path {
        ["account"] => account::show(turn, params),
        ["customers"] => customers::list(turn, params),
        ["customers", id] => customers::show(turn, id, params),
        ["customers", id, "payment_methods"] => payment_methods::of_customer(turn, id, params),
        ["products"] => products::list(turn, params),
        ["products", id] => products::show(turn, id, params),
        ["prices"] => prices::list(turn, params),
        ["prices", id] => prices::show(turn, id, params),
        ["coupons", id] => coupons::show(turn, id, params),
        ["checkout", "sessions"] => checkout_sessions::list(turn, params),
        ["checkout", "sessions", id] => checkout_sessions::show(turn, id, params),
        ["checkout", "sessions", id, "line_items"] => checkout_sessions::line_items(turn, id, params),
        ["subscription_schedules", id] => subscription_schedules::show(turn, id, params),
        ["subscriptions"] => subscriptions::list(turn, params),
        ["subscriptions", id] => subscriptions::show(turn, id, params),
        ["invoices"] => invoices::list(turn, params),
        ["invoices", id] => invoices::show(turn, id, params),
        ["invoices", id, "lines"] => invoices::lines(turn, id, params),
        ["invoice_payments"] => invoice_payments::list(turn, params),
        ["invoice_payments", id] => invoice_payments::show(turn, id, params),
        ["payment_intents"] => payment_intents::list(turn, params),
        ["payment_intents", id] => payment_intents::show(turn, id, params),
        ["payment_methods", id] => payment_methods::show(turn, id, params),
        ["charges"] => charges::list(turn, params),
        ["charges", id] => charges::show(turn, id, params),
        ["disputes"] => disputes::list(turn, params),
        ["refunds"] => refunds::list(turn, params),
        ["refunds", id] => refunds::show(turn, id, params),
        ["events"] => events::list(turn, params),
        ["events", id] => events::show(turn, id, params),
        _ => return None,
    })
}

#[rustfmt::skip]
fn post(turn: &mut Turn<'_>, path: &[&str], params: &Params<'_>) -> Answered {
    Some(match path {
        ["customers"] => customers::create(turn, params),
        ["customers", id] => customers::update(turn, id, params),
        ["products"] => products::create(turn, params),
        ["products", id] => products::update(turn, id, params),
        ["prices"] => prices::create(turn, params),
        ["prices", id] => prices::update(turn, id, params),
        ["coupons"] => coupons::create(turn, params),
        ["checkout", "sessions"] => checkout_sessions::create(turn, params),
        ["checkout", "sessions", id, "expire"] => checkout_sessions::expire(turn, id, params),
        ["billing_portal", "sessions"] => portal_sessions::create(turn, params),
        ["subscription_schedules"] => subscription_schedules::create(turn, params),
        ["subscription_schedules", id] => subscription_schedules::update(turn, id, params),
        ["subscription_schedules", id, "release"] => subscription_schedules::release(turn, id, params),
        ["subscriptions", id] => subscriptions::update::update(turn, id, params),
        ["subscriptions", id, "pause"] => subscriptions::pause::pause(turn, id, params),
        ["subscriptions", id, "resume"] => subscriptions::pause::resume(turn, id, params),
        ["payment_intents"] => payment_intents::create(turn, params),
        ["payment_methods", id, "attach"] => payment_methods::attach(turn, id, params),
        ["invoices", "create_preview"] => invoices::preview::create(turn, params),
        ["invoices", id, "pay"] => invoices::collect::pay(turn, id, params),
        ["refunds"] => refunds::create(turn, params),
        _ => return None,
    })
}

#[rustfmt::skip]
fn delete(turn: &mut Turn<'_>, path: &[&str], params: &Params<'_>) -> Answered {
    Some(match path {
        ["customers", id] => customers::delete(turn, id, params),
        ["subscriptions", id] => subscriptions::cancel::cancel(turn, id, params),
        _ => return None,
    })
}
