//! How fast credits are used.

use serde::{Deserialize, Serialize};
use time::{Date, Duration, OffsetDateTime};

/// An hour with less than this is never unusual.
const UNUSUAL_ABOVE: i64 = 100;
/// An hour is unusual above so many times the hourly mean.
const UNUSUAL_TIMES: i64 = 5;
const HOURS_OF_A_WEEK: i64 = 7 * 24;

/// What was used in the running hour, today, and on each of the seven days before (UTC).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Pace {
    /// When the last hour began in which something was used.
    pub hour: OffsetDateTime,
    /// How many credits were used in it.
    pub in_hour: i64,
    /// How many on its day and on each day before, the latest first.
    pub days: [i64; 8],
}

/// An hour in which far more was used than usual.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Unusual {
    pub(super) in_hour: i64,
    /// Rounded down.
    pub(super) hourly_mean: i64,
}

impl Default for Pace {
    fn default() -> Self {
        Self { hour: OffsetDateTime::UNIX_EPOCH, in_hour: 0, days: [0; 8] }
    }
}

impl Pace {
    /// Counts use. Tells when the hour becomes unusual by it: above five times the hourly mean of
    /// the seven days before, and above a hundred credits.
    pub(super) fn count(&mut self, used: i64, at: OffsetDateTime) -> Option<Unusual> {
        self.turn(at);
        let before = self.is_unusual();
        self.in_hour = self.in_hour.saturating_add(used);
        let [today, ..] = &mut self.days;
        *today = today.saturating_add(used);
        let hourly_mean = self.week() / HOURS_OF_A_WEEK;
        (self.is_unusual() && !before).then_some(Unusual { in_hour: self.in_hour, hourly_mean })
    }

    fn turn(&mut self, at: OffsetDateTime) {
        let hour = at - Duration::seconds(at.unix_timestamp().rem_euclid(3_600));
        let hour = hour.replace_nanosecond(0).unwrap_or(hour);
        if hour == self.hour {
            return;
        }
        let passed = days_between(self.hour.date(), hour.date());
        let mut days = [0; 8];
        for (day, used) in days.iter_mut().skip(passed).zip(self.days) {
            *day = used;
        }
        *self = Self { hour, in_hour: 0, days };
    }

    fn is_unusual(&self) -> bool {
        let much = self.week().saturating_mul(UNUSUAL_TIMES);
        self.in_hour > UNUSUAL_ABOVE && self.in_hour.saturating_mul(HOURS_OF_A_WEEK) > much
    }

    fn week(&self) -> i64 {
        let [_, before @ ..] = self.days;
        before.into_iter().fold(0, i64::saturating_add)
    }
}

fn days_between(earlier: Date, later: Date) -> usize {
    usize::try_from((later - earlier).whole_days()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn an_hour_is_unusual_once_and_only_far_above_the_week() {
        let mut pace = Pace::default();
        // 240 a day is 10 an hour, so 100 is the bar.
        for day in 1..=7 {
            let at = datetime!(2026-03-01 09:30 UTC) + Duration::days(day);
            assert_eq!(pace.count(90, at), None);
            assert_eq!(pace.count(90, at + Duration::hours(2)), None);
            assert_eq!(pace.count(60, at + Duration::hours(4)), None);
        }
        let at = datetime!(2026-03-09 10:00 UTC);
        assert_eq!(pace.count(100, at), None, "at the bar is not above it");
        let told = pace.count(1, at + Duration::minutes(59));
        assert_eq!(told, Some(Unusual { in_hour: 101, hourly_mean: 10 }));
        assert_eq!(pace.count(500, at + Duration::minutes(59)), None, "told once");
        assert!(pace.count(101, at + Duration::hours(1)).is_some(), "the next hour is another");
    }

    #[test]
    fn days_pass_also_when_nothing_is_used() {
        let mut pace = Pace::default();
        pace.count(50, datetime!(2026-03-01 23:59 UTC));
        pace.count(60, datetime!(2026-03-02 00:00 UTC));
        assert_eq!(pace.days, [60, 50, 0, 0, 0, 0, 0, 0]);
        pace.count(1, datetime!(2026-03-08 12:34:56.7 UTC));
        assert_eq!(pace.days, [1, 0, 0, 0, 0, 0, 60, 50]);
        assert_eq!(pace.hour, datetime!(2026-03-08 12:00 UTC));
        pace.count(1, datetime!(2027-03-08 12:00 UTC));
        assert_eq!(pace.days, [1, 0, 0, 0, 0, 0, 0, 0]);
    }
}
