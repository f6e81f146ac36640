//! Counters are counted anew from raw events.

use billing_domain::{
    catalogue::{Aggregation, Catalogue},
    id::OrganizationId,
    usage::{Counter, RawUse, Recount},
};
use serde_json::{Map, Value};

use crate::{
    Billing, Error,
    ports::{Correction, Scope},
    record_usage::value_of,
};

/// What counting anew found.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rebuilt {
    /// How many raw events there are, those in archives included.
    pub events: u64,
    /// What was different, and is corrected now.
    pub correction: Correction,
}

impl Rebuilt {
    /// Whether all was as it should be.
    pub fn is_as_before(&self) -> bool {
        self.correction == Correction::default()
    }
}

impl Billing {
    /// Counts all raw events of an organization anew, from the checkpoints of archived months on,
    /// and corrects what is different. Whoever counts meanwhile waits.
    pub async fn rebuild_usage(&self, organization: OrganizationId) -> Result<Rebuilt, Error> {
        let catalogue = self.catalogue().await?;
        let mut work = self.ports.store.begin(Scope::Engine).await?;
        let usage = work.usage();
        let kept = usage.counts(organization).await?;
        let (mut tallies, mut after) = (usage.checkpoints(organization).await?, 0);
        loop {
            let raw = usage.raw_uses(organization, after).await?;
            let Some(last) = raw.last() else { break };
            after = last.seq;
            for one in &raw {
                tallies.add(one, counted_value(one, &catalogue)?);
            }
        }
        let recount = tallies.recount(|meter| aggregation(meter, &catalogue));
        let rebuilt = Rebuilt { events: tallies.events(), correction: difference(&kept, recount) };
        if !rebuilt.is_as_before() {
            usage.correct(organization, &rebuilt.correction).await?;
            work.commit().await?;
            self.usage_changed(organization);
        }
        Ok(rebuilt)
    }
}

/// A meter that is not on sale any more sums up.
fn aggregation<'a>(meter: &str, catalogue: &'a Catalogue) -> &'a Aggregation {
    catalogue.meter(meter).map_or(&Aggregation::Sum, |meter| &meter.aggregation)
}

/// The value of an event, where the distinct ones of its meter count.
pub(crate) fn counted_value(raw: &RawUse, catalogue: &Catalogue) -> Result<Option<String>, Error> {
    let Some(property) = aggregation(&raw.key.meter, catalogue).property() else { return Ok(None) };
    let Some(properties) = &raw.properties else { return Ok(Some(String::new())) };
    let properties = serde_json::from_str::<Map<String, Value>>(properties);
    let value = value_of(&properties.map_err(anyhow::Error::from)?, property);
    Ok(Some(value.unwrap_or_default()))
}

/// What is kept otherwise than it was counted. What bonuses bear and of what was warned stays.
fn difference(kept: &Recount, counted: Recount) -> Correction {
    let mut counters = Vec::new();
    for key in kept.counters.keys().filter(|key| !counted.counters.contains_key(*key)) {
        if kept.counters.get(key).is_some_and(|counter| counter.used > 0) {
            counters.push((key.clone(), Counter::default()));
        }
    }
    for (key, right) in counted.counters {
        let there = kept.counters.get(&key).copied().unwrap_or_default();
        if (there.used, there.latest_at) != (right.used, right.latest_at) {
            let from_bonus = there.from_bonus.min(right.used);
            counters.push((key, Counter { from_bonus, warned: there.warned, ..right }));
        }
    }
    Correction {
        counters,
        missing_values: counted.values.difference(&kept.values).cloned().collect(),
        wrong_values: kept.values.difference(&counted.values).cloned().collect(),
    }
}
