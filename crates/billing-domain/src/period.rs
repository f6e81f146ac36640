//! Billing periods: calendar months counted from an anchor.

use core::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use time::{Date, Month, OffsetDateTime, UtcOffset};

/// How often a price recurs.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Interval {
    /// Every month.
    Month,
    /// Every three months.
    Quarter,
    /// Every six months.
    HalfYear,
    /// Every year.
    Year,
    /// Every two years.
    TwoYears,
}

/// No interval of this name is known.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("`{0}` is not an interval: use month, quarter, half_year, year or two_years")]
pub struct UnknownInterval(pub String);

impl Interval {
    /// Every interval there is, the shortest first.
    pub const ALL: [Self; 5] =
        [Self::Month, Self::Quarter, Self::HalfYear, Self::Year, Self::TwoYears];

    /// Its length in calendar months.
    pub const fn months(self) -> i32 {
        match self {
            Self::Month => 1,
            Self::Quarter => 3,
            Self::HalfYear => 6,
            Self::Year => 12,
            Self::TwoYears => 24,
        }
    }

    /// Its name in tables and requests.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Month => "month",
            Self::Quarter => "quarter",
            Self::HalfYear => "half_year",
            Self::Year => "year",
            Self::TwoYears => "two_years",
        }
    }
}

impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Interval {
    type Err = UnknownInterval;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|interval| interval.name() == name)
            .ok_or_else(|| UnknownInterval(name.to_owned()))
    }
}

/// A stretch of time: from its start, up to but not including its end.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Period {
    /// The first instant in it.
    #[serde(with = "time::serde::rfc3339")]
    pub start: OffsetDateTime,
    /// The first instant after it.
    #[serde(with = "time::serde::rfc3339")]
    pub end: OffsetDateTime,
}

impl Period {
    /// Whether an instant lies in it.
    pub fn contains(&self, at: OffsetDateTime) -> bool {
        self.start <= at && at < self.end
    }

    /// The calendar month, in UTC, in which an instant lies.
    pub fn calendar_month(at: OffsetDateTime) -> Self {
        let at = in_utc(at);
        let start =
            at.replace_time(time::Time::MIDNIGHT) - time::Duration::days(i64::from(at.day()) - 1);
        Self { start, end: add_months(start, 1) }
    }
}

/// The instant from which periods are counted; the 31st stays the 31st where a month has one.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Anchor(pub OffsetDateTime);

impl Anchor {
    /// The `n`th period of an interval, negative ones before the anchor:
    /// they tile time without gap or overlap.
    pub fn period(self, interval: Interval, n: i32) -> Period {
        let months = interval.months();
        Period {
            start: add_months(self.0, n.saturating_mul(months)),
            end: add_months(self.0, n.saturating_add(1).saturating_mul(months)),
        }
    }

    /// The period in which an instant lies.
    pub fn period_at(self, interval: Interval, at: OffsetDateTime) -> Period {
        let at = at.to_offset(self.0.offset());
        let months = (at.year() - self.0.year()) * 12 + i32::from(u8::from(at.month()))
            - i32::from(u8::from(self.0.month()));
        let guess = months.div_euclid(interval.months());
        // A month that has begun may still belong to the period before it.
        let period = self.period(interval, guess);
        if at < period.start { self.period(interval, guess - 1) } else { period }
    }

    /// The period of an interval that begins at an instant, such as the end of one before it. Where
    /// a month of the anchor begins then, its end is counted from the anchor too, and the 31st comes
    /// back whatever the intervals before; else it is counted from the instant itself.
    pub fn period_from(self, interval: Interval, start: OffsetDateTime) -> Period {
        if self.period_at(Interval::Month, start).start != start {
            return Self(start).period(interval, 0);
        }
        let at = start.to_offset(self.0.offset());
        let months = (at.year() - self.0.year()) * 12 + i32::from(u8::from(at.month()))
            - i32::from(u8::from(self.0.month()));
        Period { start, end: add_months(self.0, months.saturating_add(interval.months())) }
    }
}

/// The instant in UTC; only on the last day of year 9999 that may not exist.
fn in_utc(at: OffsetDateTime) -> OffsetDateTime {
    at.checked_to_offset(UtcOffset::UTC).unwrap_or_else(|| at.replace_offset(UtcOffset::UTC))
}

/// An instant some calendar months later, on the last day where the month is too short.
/// Outside the years 1 to 9999 time stands still.
fn add_months(at: OffsetDateTime, months: i32) -> OffsetDateTime {
    let zero_based = i32::from(u8::from(at.month())) - 1;
    let total = at.year().saturating_mul(12).saturating_add(zero_based).saturating_add(months);
    let year = total.div_euclid(12);
    let month = u8::try_from(total.rem_euclid(12)).unwrap_or_default();
    let month = Month::January.nth_next(month);
    let day = at.day().min(month.length(year));
    Date::from_calendar_date(year, month, day).map_or(at, |date| at.replace_date(date))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::macros::datetime;

    use super::*;

    #[test]
    fn the_last_day_of_a_month_is_clamped_and_comes_back() {
        let anchor = Anchor(datetime!(2024-01-31 10:00 UTC));
        let starts: Vec<_> =
            (0..5).map(|n| anchor.period(Interval::Month, n).start.date().to_string()).collect();
        assert_eq!(starts, ["2024-01-31", "2024-02-29", "2024-03-31", "2024-04-30", "2024-05-31"]);
    }

    #[test]
    fn a_leap_day_is_clamped_in_common_years() {
        let anchor = Anchor(datetime!(2024-02-29 0:00 UTC));
        let starts: Vec<_> =
            (0..5).map(|n| anchor.period(Interval::Year, n).start.date().to_string()).collect();
        assert_eq!(starts, ["2024-02-29", "2025-02-28", "2026-02-28", "2027-02-28", "2028-02-29"]);
    }

    #[test]
    fn a_calendar_month_is_in_utc() {
        let month = Period::calendar_month(datetime!(2026-12-31 23:30 -2));
        assert_eq!(month.start, datetime!(2027-01-01 0:00 UTC));
        assert_eq!(month.end, datetime!(2027-02-01 0:00 UTC));
    }

    #[test]
    fn the_end_of_time_is_no_reason_to_panic() {
        let month = Period::calendar_month(datetime!(9999-12-31 23:30 -2));
        assert_eq!(month.start, datetime!(9999-12-01 0:00 UTC));
    }

    #[test]
    fn another_interval_goes_on_where_the_last_one_ended() {
        let anchor = Anchor(datetime!(2027-10-31 10:00 UTC));
        let mut at = anchor.0;
        let mut days = Vec::new();
        for interval in [
            Interval::Month,
            Interval::Quarter,
            Interval::Month,
            Interval::Year,
            Interval::HalfYear,
            Interval::TwoYears,
        ] {
            let period = anchor.period_from(interval, at);
            assert_eq!(period.start, at);
            at = period.end;
            days.push(at.date().to_string());
        }
        let expected =
            ["2027-11-30", "2028-02-29", "2028-03-31", "2029-03-31", "2029-09-30", "2031-09-30"];
        assert_eq!(days, expected);
        let off = datetime!(2027-12-25 10:00 UTC);
        let january = datetime!(2028-01-25 10:00 UTC);
        assert_eq!(
            anchor.period_from(Interval::Month, off),
            Period { start: off, end: january },
            "from where it begins, where no month of the anchor does"
        );
    }

    fn instant() -> impl Strategy<Value = OffsetDateTime> {
        (0_i64..4_102_444_800).prop_map(|s| OffsetDateTime::from_unix_timestamp(s).unwrap())
    }

    fn interval() -> impl Strategy<Value = Interval> {
        prop::sample::select(Interval::ALL.to_vec())
    }

    proptest! {
        #[test]
        fn periods_tile_time(anchor in instant(), interval in interval(), n in -600_i32..600) {
            let anchor = Anchor(anchor);
            let (this, next) = (anchor.period(interval, n), anchor.period(interval, n + 1));
            prop_assert!(this.start < this.end);
            prop_assert_eq!(this.end, next.start);
        }

        #[test]
        fn periods_of_any_intervals_tile_time(
            anchor in instant(), intervals in prop::collection::vec(interval(), 1..40),
        ) {
            let anchor = Anchor(anchor);
            let mut at = anchor.0;
            for interval in intervals {
                let period = anchor.period_from(interval, at);
                prop_assert_eq!(period.start, at);
                prop_assert!(period.start < period.end);
                prop_assert_eq!(anchor.period_at(Interval::Month, period.end).start, period.end);
                at = period.end;
            }
        }

        #[test]
        fn an_instant_lies_in_its_period(anchor in instant(), interval in interval(), later in -1_000_000_000_i64..2_000_000_000) {
            let at = anchor + time::Duration::seconds(later);
            prop_assert!(Anchor(anchor).period_at(interval, at).contains(at));
        }

        #[test]
        fn a_calendar_month_holds_its_instant(at in instant()) {
            prop_assert!(Period::calendar_month(at).contains(at));
        }
    }
}
