//! How an organization uses its meters: by day, against its limits, and where that leads.

use core::ops::RangeInclusive;

use billing_domain::{
    catalogue::{Amount, Meter, Window},
    id::OrganizationId,
    quota::Quota,
    usage::{DayOfUse, Pace, Percentiles, UsageRule, limit_share},
};
use time::{Date, Duration, OffsetDateTime};

use crate::{Billing, Error, Missing, ports::MeterDay};

/// How many days may be looked at.
const MOST_DAYS: i64 = 400;
/// How many are looked at by default, today included.
const USUAL: Duration = Duration::days(29);
/// A pace is of this many days before today.
const WEEK: Duration = Duration::days(7);

/// Which days of which meter.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct UsageSpan {
    /// One meter; all of them by default.
    pub meter: Option<String>,
    /// The first day; by default 29 days before the last one.
    pub from: Option<Date>,
    /// The last day; today by default.
    pub to: Option<Date>,
}

/// How an organization uses its meters.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UsageAnalytics {
    /// The days that are looked at.
    pub days: RangeInclusive<Date>,
    /// All that was recorded before is in it.
    pub as_of: OffsetDateTime,
    /// Its meters.
    pub meters: Vec<MeterAnalytics>,
}

/// How an organization uses a meter.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MeterAnalytics {
    /// The meter.
    pub meter: Meter,
    /// Every day from the first one of the organization on, with nothing used or more.
    pub days: Vec<DayOfUse>,
    /// What whole days used.
    pub daily: Option<Percentiles>,
    /// The same as a part of the limit, as [`limit_share`] has it.
    pub daily_share: Option<Percentiles>,
    /// The first day on which the most was used; nothing where nothing was.
    pub peak: Option<DayOfUse>,
    /// In which window it is counted.
    pub window: Window,
    /// What is counted now, and against what; not older than the last commit.
    pub quota: Quota,
    /// Which part of the limit is used now.
    pub share: Option<i64>,
    /// Where it leads, where that can be said.
    pub forecast: Option<UsageForecast>,
}

/// Where the pace of the last week leads.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct UsageForecast {
    /// The pace.
    pub pace: Pace,
    /// What will have been used when the window ends, and when that is; nothing for one that never
    /// ends.
    pub at_end: Option<(u64, OffsetDateTime)>,
    /// When the limit is reached, if that is before the window ends; bonuses are left out.
    pub reaches_limit_at: Option<OffsetDateTime>,
}

impl UsageSpan {
    /// The days, and the meters of these that are meant.
    pub(crate) fn resolve(
        &self,
        meters: &[Meter],
        today: Date,
    ) -> Result<(RangeInclusive<Date>, Vec<Meter>), Error> {
        let to = self.to.unwrap_or(today);
        let from = self.from.unwrap_or_else(|| to.saturating_sub(USUAL));
        if to > today {
            return Err(Error::invalid("to", "must not be after today, in UTC"));
        }
        if from > to {
            return Err(Error::invalid("from", "must not be after `to`"));
        }
        if (to - from).whole_days() >= MOST_DAYS {
            return Err(Error::invalid("from", "must be at most 399 days before `to`"));
        }
        let meant = |meter: &&Meter| self.meter.as_ref().is_none_or(|key| *key == meter.key);
        let meters: Vec<_> = meters.iter().filter(meant).cloned().collect();
        if meters.is_empty() && self.meter.is_some() {
            return Err(Error::NotFound(Missing::Meter));
        }
        Ok((from..=to, meters))
    }
}

impl Billing {
    /// How an organization used its meters, by day, and where that leads.
    pub async fn analyze_usage(
        &self,
        id: OrganizationId,
        span: &UsageSpan,
    ) -> Result<UsageAnalytics, Error> {
        let now = self.ports.clock.now();
        let entitlement = self.entitlement(id).await?;
        let (days, meters) = span.resolve(&entitlement.catalogue.meters, now.date())?;
        // Late events may be of days before the organization was known.
        let registered = entitlement.organization.created_at.date();
        let used = self.ports.usage_days.first_day(id).await?;
        let first = used.map_or(registered, |day| day.min(registered));
        let earliest = now.date().saturating_sub(WEEK).min(*days.start());
        let read = earliest..=now.date();
        let rolled = self.ports.usage_days.days(id, span.meter.as_deref(), read).await?;
        let asked = meters.iter().map(|meter| entitlement.quota_question(&meter.key, now));
        let asked = asked.collect::<Result<Vec<_>, Error>>()?;
        let quotas = self.ports.facts.quotas(&asked, now).await?;
        let span = Span { days: days.clone(), first, now };
        let all = meters.into_iter().zip(asked).zip(quotas);
        let meters = all.map(|((meter, asked), quota)| {
            let used = of_meter(&rolled.days, &meter.key);
            span.meter(meter, (&asked.rule, quota), &used)
        });
        Ok(UsageAnalytics { days, as_of: rolled.until.unwrap_or(now), meters: meters.collect() })
    }
}

fn of_meter(days: &[MeterDay<DayOfUse>], meter: &str) -> Vec<DayOfUse> {
    days.iter().filter(|one| one.meter == meter).map(|one| one.of_use).collect()
}

struct Span {
    days: RangeInclusive<Date>,
    /// Before it the organization used nothing.
    first: Date,
    now: OffsetDateTime,
}

impl Span {
    fn meter(
        &self,
        meter: Meter,
        (rule, quota): (&UsageRule, Quota),
        used: &[DayOfUse],
    ) -> MeterAnalytics {
        let today = self.now.date();
        let days = every_day(used, self.first.max(*self.days.start()), *self.days.end());
        let whole = || days.iter().filter(|one| one.day < today).map(|one| one.used);
        let limit = match quota.limit {
            Amount::AtMost(limit) => Some(limit),
            Amount::Unlimited => None,
        };
        let share = |used| limit_share(used, limit?);
        let daily_share = whole().map(share).collect::<Option<Vec<_>>>();
        let most = days.iter().filter(|one| one.used > 0);
        MeterAnalytics {
            daily: Percentiles::of(whole().collect()),
            daily_share: daily_share.and_then(Percentiles::of),
            peak: most.rev().max_by_key(|one| one.used).copied(),
            window: rule.window,
            share: share(i64::try_from(quota.used).unwrap_or(i64::MAX)),
            forecast: self.forecast(
                &meter,
                rule,
                (quota.used, limit),
                Pace::of(used, self.first, today),
            ),
            quota,
            meter,
            days,
        }
    }

    /// Only what adds up goes on as it did, and only in a window that does not roll.
    fn forecast(
        &self,
        meter: &Meter,
        rule: &UsageRule,
        (used, limit): (u64, Option<u64>),
        pace: Option<Pace>,
    ) -> Option<UsageForecast> {
        let end = match rule.window {
            Window::BillingPeriod | Window::CalendarMonth => Some(rule.period.end),
            Window::Lifetime => None,
            Window::Rolling(_) => return None,
        };
        let pace = pace.filter(|_| meter.aggregation.adds_up())?;
        let reached = limit.and_then(|limit| pace.reaches(limit, used, self.now));
        Some(UsageForecast {
            pace,
            at_end: end.map(|end| (pace.forecast(used, self.now, end), end)),
            reaches_limit_at: reached.filter(|at| end.is_none_or(|end| *at < end)),
        })
    }
}

/// Each day from the first to the last, also those on which nothing was used.
fn every_day(used: &[DayOfUse], first: Date, last: Date) -> Vec<DayOfUse> {
    let mut used = used.iter().skip_while(|one| one.day < first).peekable();
    let days = core::iter::successors(Some(first), |day| day.next_day());
    let days = days.take_while(|day| *day <= last);
    days.map(|day| {
        let nothing = DayOfUse { day, used: 0, events: 0 };
        used.next_if(|one| one.day == day).copied().unwrap_or(nothing)
    })
    .collect()
}
