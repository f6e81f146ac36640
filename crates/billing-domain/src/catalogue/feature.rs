//! What a plan allows: features that are on or off, and limits on meters.

use core::str::FromStr;

use serde::{Deserialize, Serialize};
use time::{OffsetDateTime, macros::datetime};

use crate::{
    catalogue::Rolling,
    period::{Anchor, Interval, Period},
};

/// One thing that a plan version allows.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Feature {
    /// Its key, such as `custom_domain`.
    pub key: String,
    /// Whether, or how much.
    pub value: FeatureValue,
}

/// Whether a feature is on, or how much of it there is.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FeatureValue {
    /// On or off.
    Flag(bool),
    /// So much of a meter.
    Limit(Limit),
}

/// How much of a meter may be used in a window.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Limit {
    /// What is counted.
    pub meter: String,
    /// How much of it.
    pub amount: Amount,
    /// Within what time.
    pub window: Window,
    /// What happens above.
    pub overage: Overage,
}

/// A number, or no end.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Amount {
    /// This much and no more.
    AtMost(u64),
    /// As much as one likes.
    Unlimited,
}

impl Amount {
    /// Whether a total fits.
    pub const fn allows(self, total: u64) -> bool {
        match self {
            Self::AtMost(limit) => total <= limit,
            Self::Unlimited => true,
        }
    }
}

/// What happens above a limit.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Overage {
    /// It is refused.
    Block,
    /// It is allowed and counted.
    Allow,
}

/// No window or overage policy has this name.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("`{0}` is neither a window nor an overage policy")]
pub struct UnknownRule(pub String);

impl Overage {
    /// Its name in tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Block => "block",
            Self::Allow => "allow",
        }
    }
}

impl FromStr for Overage {
    type Err = UnknownRule;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        [Self::Block, Self::Allow]
            .into_iter()
            .find(|policy| policy.name() == name)
            .ok_or_else(|| UnknownRule(name.to_owned()))
    }
}

/// The time within which use is counted against a limit.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Window {
    /// The subscription's period; without a subscription the calendar month.
    BillingPeriod,
    /// The calendar month, in UTC.
    CalendarMonth,
    /// From the beginning: what exists now.
    Lifetime,
    /// The last hours or days, whatever the calendar says.
    Rolling(Rolling),
}

impl Window {
    /// Its name in tables; a rolling one also has a length.
    pub const fn name(self) -> &'static str {
        match self {
            Self::BillingPeriod => "billing_period",
            Self::CalendarMonth => "calendar_month",
            Self::Lifetime => "lifetime",
            Self::Rolling(rolling) => rolling.name(),
        }
    }

    /// From its name, and its length where it has one.
    pub fn of(name: &str, length: Option<u16>) -> Result<Self, UnknownRule> {
        let rolling = length.and_then(|length| Rolling::of(name, length)).map(Self::Rolling);
        let calendar = [Self::BillingPeriod, Self::CalendarMonth, Self::Lifetime].into_iter();
        let named = calendar.filter(|_| length.is_none()).find(|window| window.name() == name);
        named.or(rolling).ok_or_else(|| UnknownRule(name.to_owned()))
    }

    /// How long it is, where it rolls.
    pub const fn length(self) -> Option<u16> {
        match self {
            Self::BillingPeriod | Self::CalendarMonth | Self::Lifetime => None,
            Self::Rolling(rolling) => Some(rolling.length()),
        }
    }

    /// The stretch of time in which an instant is counted; of a rolling window, the bucket.
    ///
    /// `billed` is the current period of the subscription and how often it recurs; earlier periods
    /// are counted back from its start and later ones on from its end, so that none overlaps it
    /// even where it is a trial or begins on the last day of a short month.
    pub fn around(self, at: OffsetDateTime, billed: Option<(Period, Interval)>) -> Period {
        match (self, billed) {
            (Self::Lifetime, _) => ALL_TIME,
            (Self::Rolling(rolling), _) => rolling.bucket(at),
            (Self::BillingPeriod, Some((period, _))) if period.contains(at) => period,
            (Self::BillingPeriod, Some((period, interval))) => {
                let nearest = if at < period.start { period.start } else { period.end };
                Anchor(nearest).period_at(interval, at)
            }
            (Self::BillingPeriod, None) | (Self::CalendarMonth, _) => Period::calendar_month(at),
        }
    }
}

/// The window that never resets.
pub const ALL_TIME: Period =
    Period { start: datetime!(1970-01-01 0:00 UTC), end: datetime!(9999-01-01 0:00 UTC) };

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::Duration;

    use super::*;

    const MARCH: Period =
        Period { start: datetime!(2026-03-05 9:00 UTC), end: datetime!(2026-04-05 9:00 UTC) };

    const A_WEEK: Window = Window::Rolling(Rolling::Days(7));

    fn days(period: Period) -> (String, String) {
        (period.start.date().to_string(), period.end.date().to_string())
    }

    #[test]
    fn an_amount_allows_totals_up_to_itself() {
        assert!(Amount::AtMost(3).allows(3));
        assert!(!Amount::AtMost(3).allows(4));
        assert!(Amount::AtMost(0).allows(0));
        assert!(Amount::Unlimited.allows(u64::MAX));
    }

    #[test]
    fn a_window_follows_its_kind() {
        use Window::{BillingPeriod, CalendarMonth, Lifetime};
        let monthly = Some((MARCH, Interval::Month));
        for (window, at, billed, start, end) in [
            (BillingPeriod, datetime!(2026-03-05 9:00 UTC), monthly, "2026-03-05", "2026-04-05"),
            (BillingPeriod, datetime!(2026-04-05 8:59 UTC), monthly, "2026-03-05", "2026-04-05"),
            (BillingPeriod, datetime!(2026-04-05 9:00 UTC), monthly, "2026-04-05", "2026-05-05"),
            (BillingPeriod, datetime!(2026-03-05 8:59 UTC), monthly, "2026-02-05", "2026-03-05"),
            (BillingPeriod, datetime!(2026-03-05 8:59 UTC), None, "2026-03-01", "2026-04-01"),
            (CalendarMonth, datetime!(2026-03-02 0:00 UTC), monthly, "2026-03-01", "2026-04-01"),
            (CalendarMonth, datetime!(2026-03-31 23:30 -1), None, "2026-04-01", "2026-05-01"),
            (Lifetime, datetime!(2026-03-02 0:00 UTC), monthly, "1970-01-01", "9999-01-01"),
            (A_WEEK, datetime!(2026-03-02 23:30 -1), monthly, "2026-03-03", "2026-03-04"),
        ] {
            let expected = (start.to_owned(), end.to_owned());
            assert_eq!(days(window.around(at, billed)), expected, "{} of {at}", window.name());
        }
    }

    #[test]
    fn a_window_is_known_by_its_name_and_length() {
        for window in [Window::BillingPeriod, Window::CalendarMonth, Window::Lifetime, A_WEEK] {
            assert_eq!(Window::of(window.name(), window.length()), Ok(window));
        }
        for (name, length) in [("rolling_days", None), ("lifetime", Some(3)), ("week", None)] {
            assert_eq!(Window::of(name, length), Err(UnknownRule(name.to_owned())));
        }
        assert!(Window::of("rolling_hours", Some(49)).is_err(), "longer ones are of whole days");
    }

    #[test]
    fn what_comes_after_a_trial_is_not_counted_in_it() {
        let trial =
            Period { start: datetime!(2026-03-01 0:00 UTC), end: datetime!(2026-03-15 0:00 UTC) };
        let after = datetime!(2026-03-20 0:00 UTC);
        let window = Window::BillingPeriod.around(after, Some((trial, Interval::Month)));
        assert_eq!(window.start, trial.end);
    }

    #[test]
    fn what_comes_after_a_short_month_is_not_counted_in_it() {
        // Billed on the 31st, hence on the last day of February.
        let clamped =
            Period { start: datetime!(2026-02-28 0:00 UTC), end: datetime!(2026-03-31 0:00 UTC) };
        let after = datetime!(2026-04-02 0:00 UTC);
        let window = Window::BillingPeriod.around(after, Some((clamped, Interval::Month)));
        assert_eq!(days(window), ("2026-03-31".to_owned(), "2026-04-30".to_owned()));
    }

    proptest! {
        /// Whatever the current period is, every instant lies in its window, and windows of two
        /// instants are the same or do not overlap.
        #[test]
        fn windows_tile_time(
            window in prop::sample::select(vec![
                Window::BillingPeriod,
                Window::CalendarMonth,
                Window::Lifetime,
                A_WEEK,
                Window::Rolling(Rolling::Hours(5)),
            ]),
            start_day in 0_i64..1000,
            length_days in 1_i64..400,
            interval in prop::sample::select(Interval::ALL.to_vec()),
            hours in prop::array::uniform2(-20_000_i64..40_000),
        ) {
            let start = datetime!(2024-01-01 0:00 UTC) + Duration::days(start_day);
            let billed = Period { start, end: start + Duration::days(length_days) };
            let [one, other] = hours.map(|hours| {
                let at = start + Duration::hours(hours);
                (at, window.around(at, Some((billed, interval))))
            });
            prop_assert!(one.1.contains(one.0));
            let apart = one.1.end <= other.1.start || other.1.end <= one.1.start;
            prop_assert!(one.1 == other.1 || apart, "{:?} overlaps {:?}", one.1, other.1);
        }
    }
}
