//! Counters from raw events, in any order of them.

use std::collections::{BTreeMap, BTreeSet};

use time::OffsetDateTime;

use crate::{
    catalogue::Aggregation,
    usage::{Counter, CounterKey},
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

/// What counters are, or should be.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Recount {
    /// What was counted, with what bonuses bear and of what was warned left out.
    pub counters: BTreeMap<CounterKey, Counter>,
    /// Distinct values that were seen.
    pub values: BTreeSet<(CounterKey, String)>,
}

/// What some raw events come to in one counter, whatever its meter makes of them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Tally {
    /// How many there were.
    pub events: u64,
    /// The sum of them; negative where they took away what others had added.
    pub total: i128,
    /// The largest of them.
    pub largest: i64,
    /// The latest of them: when it was, its number, and how much.
    pub latest: (OffsetDateTime, i64, i64),
}

/// What some raw events of an organization come to in each counter: enough to go on from when the
/// events themselves are put away.
///
/// Each event says by how much it was counted, so the order in which they are added is nothing to
/// the sum: what was taken away never was more than there was.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Tallies {
    /// In each counter.
    pub tallies: BTreeMap<CounterKey, Tally>,
    /// Distinct values among them.
    pub values: BTreeSet<(CounterKey, String)>,
}

impl Tally {
    fn of(raw: &RawUse) -> Self {
        let latest = (raw.at, raw.seq, raw.applied);
        Self { events: 1, total: raw.applied.into(), largest: raw.applied, latest }
    }

    fn add(&mut self, other: Self) {
        self.events = self.events.saturating_add(other.events);
        self.total = self.total.saturating_add(other.total);
        self.largest = self.largest.max(other.largest);
        self.latest = self.latest.max(other.latest);
    }
}

impl Tallies {
    /// Adds an event. The value is the one of the meter's property, where distinct ones count.
    pub fn add(&mut self, raw: &RawUse, value: Option<String>) {
        self.put(raw.key.clone(), Tally::of(raw));
        self.values.extend(value.map(|value| (raw.key.clone(), value)));
    }

    /// Adds what other events come to.
    pub fn put(&mut self, key: CounterKey, tally: Tally) {
        self.tallies.entry(key).and_modify(|there| there.add(tally)).or_insert(tally);
    }

    /// How many events there are.
    pub fn events(&self) -> u64 {
        self.tallies.values().map(|tally| tally.events).fold(0, u64::saturating_add)
    }

    /// The sum of all of them.
    pub fn total(&self) -> i128 {
        self.tallies.values().map(|tally| tally.total).fold(0, i128::saturating_add)
    }

    /// What the counters should be, where meters aggregate so.
    pub fn recount<'a>(&self, aggregation: impl Fn(&str) -> &'a Aggregation) -> Recount {
        let mut counters = BTreeMap::new();
        for (key, tally) in &self.tallies {
            let counter = match aggregation(&key.meter) {
                Aggregation::Count | Aggregation::Sum => counter(tally.total),
                Aggregation::Max => counter(tally.largest.into()),
                Aggregation::Latest => {
                    let (at, _, quantity) = tally.latest;
                    Counter { latest_at: Some(at), ..counter(quantity.into()) }
                }
                Aggregation::Unique(_) => Counter::default(),
            };
            counters.insert(key.clone(), counter);
        }
        for (key, _) in &self.values {
            let unique = |counter: &mut Counter| counter.used = counter.used.saturating_add(1);
            if matches!(aggregation(&key.meter), Aggregation::Unique(_)) {
                counters.entry(key.clone()).and_modify(unique);
            }
        }
        Recount { counters, values: self.values.clone() }
    }
}

fn counter(used: i128) -> Counter {
    let used = u64::try_from(used.max(0)).unwrap_or(u64::MAX);
    Counter { used, ..Counter::default() }
}
