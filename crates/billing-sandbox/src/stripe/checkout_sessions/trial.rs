//! The trial that comes with a subscription.

use serde_json::{Value, json};

use crate::{
    json::Fields as _,
    stripe::{params::Params, periods::plus_days, refusal::Refusal, turn::Turn},
};

/// The trial asked for: days from the moment of payment, or a fixed end.
pub(crate) fn asked(turn: &Turn<'_>, params: &Params<'_>) -> Result<Value, Refusal> {
    let Some(data) = params.child("subscription_data") else { return Ok(Value::Null) };
    let days = data.int_within("trial_period_days", 1..=730)?;
    match (days, data.int("trial_end")?) {
        (Some(_), Some(_)) => {
            let message =
                "You may only specify one of these parameters: trial_end, trial_period_days.";
            Err(Refusal::param(data.name("trial_end"), message))
        }
        (Some(days), None) => Ok(json!({ "days": days })),
        (None, Some(end)) if end < plus_days(turn.now, 2) => {
            let message = "The `trial_end` date has to be at least 2 days in the future.";
            Err(Refusal::param(data.name("trial_end"), message))
        }
        (None, Some(end)) => Ok(json!({ "end": end })),
        (None, None) => Ok(Value::Null),
    }
}

/// When the trial would end if the session were paid now; `None` without one.
pub(crate) fn end(turn: &Turn<'_>, session: &str) -> Option<i64> {
    let trial = turn.noted(session, "trial");
    let days = trial.int("days").ok();
    let end = days.map(|days| plus_days(turn.now, days)).or(trial.int("end").ok());
    end.filter(|end| *end > turn.now)
}
