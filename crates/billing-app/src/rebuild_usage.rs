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
    /// How many raw events there are.
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
    /// Counts all raw events of an organization anew, by the code that counted them at first, and
    /// corrects what is different. Whoever counts meanwhile waits.
    pub async fn rebuild_usage(&self, organization: OrganizationId) -> Result<Rebuilt, Error> {
        let catalogue = self.catalogue().await?;
        let mut work = self.ports.store.begin(Scope::Engine).await?;
        let usage = work.usage();
        let kept = usage.counts(organization).await?;
        let (mut recount, mut events, mut after) = (Recount::default(), 0, 0);
        loop {
            let raw = usage.raw_uses(organization, after).await?;
            let Some(last) = raw.last() else { break };
            after = last.seq;
            for one in &raw {
                add(&mut recount, one, &catalogue)?;
                events += 1;
            }
        }
        let correction = difference(&kept, recount);
        let rebuilt = Rebuilt { events, correction };
        if !rebuilt.is_as_before() {
            usage.correct(organization, &rebuilt.correction).await?;
            work.commit().await?;
            self.usage_changed(organization);
        }
        Ok(rebuilt)
    }
}

fn add(recount: &mut Recount, raw: &RawUse, catalogue: &Catalogue) -> Result<(), Error> {
    let aggregation = catalogue.meter(&raw.key.meter).map(|meter| &meter.aggregation);
    let aggregation = aggregation.unwrap_or(&Aggregation::Sum);
    let value = match (aggregation.property(), &raw.properties) {
        (Some(property), Some(properties)) => {
            let properties = serde_json::from_str::<Map<String, Value>>(properties);
            value_of(&properties.map_err(anyhow::Error::from)?, property)
        }
        (Some(_) | None, _) => None,
    };
    recount.add(raw, aggregation, value);
    Ok(())
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
