//! Warnings: a part of the limit is reached, told once per window.

use time::OffsetDateTime;

use crate::{
    catalogue::{Amount, Window},
    event::{Event, What},
    id::{EventId, UsageEventId},
    usage::{Counter, CounterKey, UsageAccount, Use},
};

/// At which parts of the limit, in percent.
const PERCENTS: [u8; 2] = [80, 100];

impl UsageAccount {
    /// Tells of each part of the limit that a use has reached for the first time.
    pub(super) fn warn(
        &mut self,
        usage: &Use,
        counter: &mut Counter,
        used: u64,
        now: OffsetDateTime,
    ) {
        let rule = &usage.rule;
        let Amount::AtMost(limit) = rule.limit else { return };
        if limit == 0 || !reaches(used, PERCENTS[0], limit) {
            return;
        }
        let warned = self.warned(usage, now).max(counter.warned);
        let window = rule.covered(now);
        for percent in PERCENTS {
            if percent <= warned || !reaches(used, percent, limit) {
                continue;
            }
            counter.warned = percent;
            self.pending.events.push(Event {
                id: event_id(usage.id, percent),
                organization_id: self.organization_id,
                at: now,
                what: What::QuotaWarning {
                    meter: usage.meter.to_string(),
                    percent,
                    used,
                    limit,
                    window_start: window.start,
                    window_end: window.end,
                },
            });
        }
    }
}

impl UsageAccount {
    /// Of what was warned in any bucket of the window.
    fn warned(&self, usage: &Use, now: OffsetDateTime) -> u8 {
        match usage.rule.window {
            Window::BillingPeriod | Window::CalendarMonth | Window::Lifetime => 0,
            Window::Rolling(_) => {
                let key = CounterKey::of(usage.meter.clone(), &usage.rule);
                let buckets = self.buckets(&key, &usage.rule, now);
                buckets.map(|(_, bucket)| bucket.warned).max().unwrap_or_default()
            }
        }
    }
}

fn reaches(used: u64, percent: u8, limit: u64) -> bool {
    u128::from(used) * 100 >= u128::from(limit) * u128::from(percent)
}

/// The same for the same use: ids come from outside, and one use may reach two parts.
fn event_id(usage: UsageEventId, percent: u8) -> EventId {
    let mut bytes = usage.0.into_bytes();
    bytes[15] ^= percent;
    EventId(uuid::Uuid::from_bytes(bytes))
}
