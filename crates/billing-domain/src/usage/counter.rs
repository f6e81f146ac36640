//! Counters: one number for a meter and a stretch of time.

use std::sync::Arc;

use core::str::FromStr;
use time::OffsetDateTime;

use crate::{
    catalogue::{Aggregation, UnknownRule, Window},
    period::Period,
    usage::{Effect, UsageRule},
};

/// A meter's count in one window, or in one bucket of a rolling one.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct CounterKey {
    /// What is counted.
    pub meter: Arc<str>,
    /// In which kind of window.
    pub window: CounterWindow,
    /// The start of the window.
    pub start: OffsetDateTime,
}

/// What one counter covers. Rolling windows of any length share their buckets.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum CounterWindow {
    /// The subscription's period.
    BillingPeriod,
    /// The calendar month, in UTC.
    CalendarMonth,
    /// All time.
    Lifetime,
    /// One hour.
    Hour,
    /// One day, in UTC.
    Day,
}

impl CounterWindow {
    const ALL: [Self; 5] =
        [Self::BillingPeriod, Self::CalendarMonth, Self::Lifetime, Self::Hour, Self::Day];

    /// Its name in tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::BillingPeriod => "billing_period",
            Self::CalendarMonth => "calendar_month",
            Self::Lifetime => "lifetime",
            Self::Hour => "hour",
            Self::Day => "day",
        }
    }
}

impl From<Window> for CounterWindow {
    fn from(window: Window) -> Self {
        match window {
            Window::BillingPeriod => Self::BillingPeriod,
            Window::CalendarMonth => Self::CalendarMonth,
            Window::Lifetime => Self::Lifetime,
            Window::Rolling(rolling) if rolling.is_hourly() => Self::Hour,
            Window::Rolling(_) => Self::Day,
        }
    }
}

impl FromStr for CounterWindow {
    type Err = UnknownRule;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|window| window.name() == name);
        found.ok_or_else(|| UnknownRule(name.to_owned()))
    }
}

impl CounterKey {
    /// Where use under a rule is counted.
    pub fn of(meter: Arc<str>, rule: &UsageRule) -> Self {
        Self { meter, window: rule.window.into(), start: rule.period.start }
    }

    /// All that a quota under a rule is decided on now: one counter, or the buckets of a rolling
    /// window.
    pub fn all_of(meter: &Arc<str>, rule: &UsageRule, now: OffsetDateTime) -> Vec<Self> {
        let key = |start| Self { meter: meter.clone(), window: rule.window.into(), start };
        match rule.window {
            Window::BillingPeriod | Window::CalendarMonth | Window::Lifetime => {
                vec![key(rule.period.start)]
            }
            Window::Rolling(rolling) => {
                let covered = rule.covered(now);
                let bucket = |start: &OffsetDateTime| Some(*start + rolling.step());
                let starts = core::iter::successors(Some(covered.start), bucket)
                    .take_while(|start| *start < covered.end);
                let late = (!covered.contains(rule.period.start)).then_some(rule.period.start);
                late.into_iter().chain(starts).map(key).collect()
            }
        }
    }
}

impl UsageRule {
    /// The whole window as it stands now. A rolling one ends with the bucket of now, or of the use
    /// if that is later.
    pub(super) fn covered(&self, now: OffsetDateTime) -> Period {
        match self.window {
            Window::BillingPeriod | Window::CalendarMonth | Window::Lifetime => self.period,
            Window::Rolling(rolling) => rolling.window(rolling.bucket(now.max(self.period.start))),
        }
    }
}

/// A count, and what is remembered with it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counter {
    /// What was used.
    pub used: u64,
    /// How much of that bonuses bear.
    pub from_bonus: u64,
    /// The largest part of the limit, in percent, of which was warned.
    pub warned: u8,
    /// When the use was that the count is of, where the latest counts.
    pub latest_at: Option<OffsetDateTime>,
}

impl Counter {
    /// Counters of a meter in several windows, as if these were one. Where distinct values are
    /// counted it counts one twice that was seen in two of them.
    pub fn together(aggregation: &Aggregation, counters: impl Iterator<Item = Self>) -> Self {
        counters.fold(Self::default(), |sum, one| {
            let latest = if sum.latest_at > one.latest_at { sum } else { one };
            let used = match aggregation {
                Aggregation::Count | Aggregation::Sum | Aggregation::Unique(_) => {
                    sum.used.saturating_add(one.used)
                }
                Aggregation::Max => sum.used.max(one.used),
                Aggregation::Latest => latest.used,
            };
            Self {
                used,
                from_bonus: sum.from_bonus.saturating_add(one.from_bonus),
                warned: sum.warned.max(one.warned),
                latest_at: latest.latest_at,
            }
        })
    }

    /// Counts one use, of a value that is new or not. By how much it is signed in the raw event.
    pub(super) fn count(
        &mut self,
        effect: &Effect,
        quantity: u64,
        at: OffsetDateTime,
        is_new: bool,
    ) -> i64 {
        let mut applied = quantity;
        match effect {
            Effect::Add => self.used = self.used.saturating_add(quantity),
            Effect::Remove => {
                applied = quantity.min(self.used);
                self.used -= applied;
                return -signed(applied);
            }
            Effect::Raise => self.used = self.used.max(quantity),
            Effect::Set if self.latest_at.is_none_or(|latest| latest <= at) => {
                (self.used, self.latest_at) = (quantity, Some(at));
            }
            Effect::Set => {}
            Effect::See(_) => {
                self.used += u64::from(is_new);
                applied = 1;
            }
        }
        signed(applied)
    }
}

/// Larger ones are refused before they come here.
fn signed(quantity: u64) -> i64 {
    i64::try_from(quantity).unwrap_or(i64::MAX)
}
