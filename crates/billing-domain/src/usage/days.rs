//! What was used on each day, and what that says of the days to come.

use time::{Date, Duration, OffsetDateTime};

/// What was used of a meter on one day, in UTC.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DayOfUse {
    /// The day.
    pub day: Date,
    /// By the meter's aggregation: the sum, less what ceased to exist on that day, so it may be
    /// negative; the largest; the latest; or how many distinct values the day saw.
    pub used: i64,
    /// How many events.
    pub events: u64,
}

/// What half, nine tenths and 99 of 100 values do not exceed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Percentiles {
    /// The median.
    pub p50: i64,
    /// Nine of ten are not above it.
    pub p90: i64,
    /// 99 of 100 are not above it.
    pub p99: i64,
}

impl Percentiles {
    /// By the nearest rank, so that each is one of the values; nothing of nothing.
    pub fn of(mut values: Vec<i64>) -> Option<Self> {
        values.sort_unstable();
        let at = |percent: usize| {
            let rank = values.len().saturating_mul(percent).div_ceil(100);
            values.get(rank.checked_sub(1)?).copied()
        };
        Some(Self { p50: at(50)?, p90: at(90)?, p99: at(99)? })
    }
}

/// Which part of a limit that is, in hundredths of a percent, rounded half up; nothing of a limit
/// of nothing.
pub fn limit_share(used: i64, limit: u64) -> Option<i64> {
    let limit = i128::from(limit);
    let twice = i128::from(used) * 20_000 + limit;
    let share = (limit > 0).then(|| twice.div_euclid(2 * limit))?;
    Some(i64::try_from(share).unwrap_or(if share < 0 { i64::MIN } else { i64::MAX }))
}

/// How fast a meter is used: so much within so many whole days.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pace {
    /// How much was used.
    pub used: i64,
    /// In how many days, from 1 to 7.
    pub days: u8,
}

const WEEK: u8 = 7;

impl Pace {
    /// Over the last seven whole days before today, or as many as there were since the first one;
    /// nothing where there was none.
    ///
    /// A week has each weekday once, and today, of which a part is missing, is left out.
    pub fn of(days: &[DayOfUse], first: Date, today: Date) -> Option<Self> {
        let earliest = today.checked_sub(Duration::days(WEEK.into()))?.max(first);
        let whole = u8::try_from((today - earliest).whole_days()).ok()?;
        let recent = days.iter().filter(|one| earliest <= one.day && one.day < today);
        let used = recent.fold(0, |sum: i64, one| sum.saturating_add(one.used));
        (whole > 0).then_some(Self { used, days: whole })
    }

    /// What will have been used at an instant, where so much is now: what is used so far and the
    /// mean of the days for the time that is left, to the microsecond; rounded half up, never below
    /// nothing.
    pub fn forecast(&self, used: u64, now: OffsetDateTime, end: OffsetDateTime) -> u64 {
        let left = (end - now).whole_microseconds().max(0);
        let twice = 2 * i128::from(self.used) * left + self.span();
        let total = i128::from(used) + twice.div_euclid(2 * self.span());
        u64::try_from(total.max(0)).unwrap_or(u64::MAX)
    }

    /// When so much will have been used, where so much is now; nothing where it never is.
    pub fn reaches(&self, limit: u64, used: u64, now: OffsetDateTime) -> Option<OffsetDateTime> {
        let open = i128::from(limit) - i128::from(used);
        if open <= 0 {
            return Some(now);
        }
        let used = (self.used > 0).then(|| i128::from(self.used))?;
        let wait = (open * self.span() + used - 1).div_euclid(used);
        now.checked_add(Duration::microseconds(i64::try_from(wait).ok()?))
    }

    fn span(&self) -> i128 {
        i128::from(self.days) * Duration::DAY.whole_microseconds()
    }
}
