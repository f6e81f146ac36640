//! Windows that roll: the last hours or days, counted in buckets.

use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime, Time, UtcOffset};

use crate::period::Period;

/// How long a rolling window is. It is counted in buckets of one hour up to two days, and of one
/// day (UTC) beyond. A bucket counts from its start until its start plus the length.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rolling {
    /// So many hours, 48 at most.
    Hours(u16),
    /// So many days, 366 at most.
    Days(u16),
}

const MOST_HOURS: u16 = 48;
const MOST_DAYS: u16 = 366;
/// From here on a bucket is a day.
const MOST_DAYS_IN_HOURS: u16 = 2;

impl Rolling {
    /// From its name in tables and its length.
    pub(super) fn of(name: &str, length: u16) -> Option<Self> {
        let both = [Self::Hours(length), Self::Days(length)];
        both.into_iter().find(|rolling| rolling.name() == name && rolling.is_possible())
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Hours(_) => "rolling_hours",
            Self::Days(_) => "rolling_days",
        }
    }

    pub(super) const fn length(self) -> u16 {
        match self {
            Self::Hours(length) | Self::Days(length) => length,
        }
    }

    /// Whether it can be counted in whole buckets.
    pub(super) const fn is_possible(self) -> bool {
        match self {
            Self::Hours(hours) => 1 <= hours && hours <= MOST_HOURS,
            Self::Days(days) => 1 <= days && days <= MOST_DAYS,
        }
    }

    /// How long it is.
    pub fn duration(self) -> Duration {
        match self {
            Self::Hours(hours) => Duration::hours(hours.into()),
            Self::Days(days) => Duration::days(days.into()),
        }
    }

    /// Whether a bucket is an hour, not a day.
    pub const fn is_hourly(self) -> bool {
        match self {
            Self::Hours(_) => true,
            Self::Days(days) => days <= MOST_DAYS_IN_HOURS,
        }
    }

    /// How long a bucket is.
    pub const fn step(self) -> Duration {
        if self.is_hourly() { Duration::HOUR } else { Duration::DAY }
    }

    /// The bucket of an instant.
    pub fn bucket(self, at: OffsetDateTime) -> Period {
        let at = at.to_offset(UtcOffset::UTC);
        let hour = if self.is_hourly() { at.hour() } else { 0 };
        let start = at.replace_time(Time::from_hms(hour, 0, 0).unwrap_or(Time::MIDNIGHT));
        Period { start, end: start + self.step() }
    }

    /// From the first bucket that still counts when this one is the last, to its end.
    pub fn window(self, last: Period) -> Period {
        Period { start: last.end - self.duration(), end: last.end }
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn a_window_is_of_whole_buckets() {
        let at = datetime!(2026-03-10 12:34:56.789 UTC);
        for (rolling, bucket, start) in [
            (Rolling::Hours(1), datetime!(2026-03-10 12:00 UTC), datetime!(2026-03-10 12:00 UTC)),
            (Rolling::Hours(24), datetime!(2026-03-10 12:00 UTC), datetime!(2026-03-09 13:00 UTC)),
            (Rolling::Days(2), datetime!(2026-03-10 12:00 UTC), datetime!(2026-03-08 13:00 UTC)),
            (Rolling::Days(3), datetime!(2026-03-10 0:00 UTC), datetime!(2026-03-08 0:00 UTC)),
        ] {
            assert_eq!(rolling.bucket(at).start, bucket, "{rolling:?}");
            assert_eq!(rolling.window(rolling.bucket(at)).start, start, "{rolling:?}");
        }
    }
}
