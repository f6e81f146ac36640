//! Pages of objects, newest first.

use serde_json::{Value, json};

use super::{params::Params, refusal::Refusal, turn::Turn};
use crate::json::Fields as _;

/// The parameters every list takes.
pub(crate) const PAGING: [&str; 8] = [
    "limit",
    "starting_after",
    "ending_before",
    "created",
    "created.gt",
    "created.gte",
    "created.lt",
    "created.lte",
];

/// One page of the objects of a kind that pass a filter.
pub(crate) fn page(
    turn: &Turn<'_>,
    kind: &str,
    url: &str,
    params: &Params<'_>,
    keep: impl Fn(&Value) -> bool,
) -> Result<Value, Refusal> {
    let created = Created::of(params)?;
    let kept = turn.newest(kind).filter(|object| {
        !object.flag("deleted") && created.holds(object.at("created")) && keep(object)
    });
    cut(&kept.collect::<Vec<_>>(), url, params)
}

/// One page of objects that are already at hand, in their order.
pub(crate) fn cut(all: &[&Value], url: &str, params: &Params<'_>) -> Result<Value, Refusal> {
    let limit = params.int_within("limit", 1..=100)?.unwrap_or(10);
    let limit = usize::try_from(limit).unwrap_or(10);
    let place = |name: &str| match params.text(name) {
        None => Ok(None),
        Some(id) => {
            let place = all.iter().position(|object| object.text("id") == id);
            place.map(Some).ok_or_else(|| Refusal::no_such("object", id, name))
        }
    };
    let (start, end) = match (place("starting_after")?, place("ending_before")?) {
        (Some(_), Some(_)) => {
            let message = "You may not use starting_after and ending_before together.";
            return Err(Refusal::param("ending_before", message));
        }
        (Some(after), None) => (after + 1, all.len().min(after + 1 + limit)),
        (None, Some(before)) => (before.saturating_sub(limit), before),
        (None, None) => (0, all.len().min(limit)),
    };
    let backwards = params.has("ending_before");
    let has_more = if backwards { start > 0 } else { end < all.len() };
    let data: Vec<&Value> = all.iter().take(end).skip(start).copied().collect();
    Ok(json!({ "object": "list", "data": data, "has_more": has_more, "url": url }))
}

/// A list inside an object.
pub(crate) fn within(data: Vec<Value>, url: &str) -> Value {
    json!({ "object": "list", "data": data, "has_more": false, "url": url })
}

/// The bounds of `created`.
struct Created {
    lowest: i64,
    highest: i64,
}

impl Created {
    fn of(params: &Params<'_>) -> Result<Self, Refusal> {
        if let Some(exact) = params.int("created")? {
            return Ok(Self { lowest: exact, highest: exact });
        }
        let mut bounds = Self { lowest: i64::MIN, highest: i64::MAX };
        if let Some(created) = params.child("created") {
            let after = created.int("gt")?.map(|at| at.saturating_add(1));
            let before = created.int("lt")?.map(|at| at.saturating_sub(1));
            for lowest in [after, created.int("gte")?].into_iter().flatten() {
                bounds.lowest = bounds.lowest.max(lowest);
            }
            for highest in [before, created.int("lte")?].into_iter().flatten() {
                bounds.highest = bounds.highest.min(highest);
            }
        }
        Ok(bounds)
    }

    fn holds(&self, created: &Value) -> bool {
        created.as_i64().is_some_and(|at| (self.lowest..=self.highest).contains(&at))
    }
}

/// The parameters of a list: those of every list and its own.
pub(crate) fn taking<'a>(own: &[&'a str]) -> Vec<&'a str> {
    PAGING.into_iter().chain(own.iter().copied()).collect()
}
