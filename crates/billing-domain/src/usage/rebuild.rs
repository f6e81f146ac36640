//! Counters from raw events, by the code that counts.

use std::collections::{BTreeMap, BTreeSet};

use time::OffsetDateTime;

use crate::{
    catalogue::Aggregation,
    usage::{Counter, CounterKey, Effect},
};

/// A raw event, as it was recorded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RawUse {
    /// Its number.
    pub seq: i64,
    /// Where it was counted.
    pub key: CounterKey,
    /// By how much; negative where it was taken away.
    pub applied: i64,
    /// When it was used.
    pub at: OffsetDateTime,
    /// What was remembered with it, as a JSON object.
    pub properties: Option<String>,
}

/// Counts raw events anew, in the order of their numbers.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Recount {
    /// What was counted, with what bonuses bear and of what was warned left out.
    pub counters: BTreeMap<CounterKey, Counter>,
    /// Distinct values that were seen.
    pub values: BTreeSet<(CounterKey, String)>,
}

impl Recount {
    /// Counts the next one. The value is the one of the meter's property, where distinct ones
    /// count.
    pub fn add(&mut self, raw: &RawUse, aggregation: &Aggregation, value: Option<String>) {
        let effect = match (aggregation, value) {
            (Aggregation::Count | Aggregation::Sum, _) if raw.applied < 0 => Effect::Remove,
            (Aggregation::Count | Aggregation::Sum, _) => Effect::Add,
            (Aggregation::Max, _) => Effect::Raise,
            (Aggregation::Latest, _) => Effect::Set,
            (Aggregation::Unique(_), value) => Effect::See(value.unwrap_or_default()),
        };
        let is_new = match &effect {
            Effect::See(value) => self.values.insert((raw.key.clone(), value.clone())),
            Effect::Add | Effect::Remove | Effect::Raise | Effect::Set => false,
        };
        let counter = self.counters.entry(raw.key.clone()).or_default();
        counter.count(&effect, raw.applied.unsigned_abs(), raw.at, is_new);
    }
}
