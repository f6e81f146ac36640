//! When a job is due: by the wall clock, in UTC.

use core::fmt;

use time::{Date, Duration, Month, OffsetDateTime, Time, UtcOffset, Weekday};

/// When a job is due.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Schedule {
    /// Again and again, so long after its last run began.
    Every(Duration),
    /// Every day at a time of day.
    Daily(Time),
    /// Every week on a day.
    Weekly(Weekday, Time),
    /// Every month on a day; on its last one, where it has no such day.
    Monthly(u8, Time),
}

impl Schedule {
    /// The first instant after one at which it is due.
    pub fn next_after(self, at: OffsetDateTime) -> OffsetDateTime {
        let at = at.to_offset(UtcOffset::UTC);
        match self {
            Self::Every(length) => at.saturating_add(length),
            Self::Daily(time) => on_days(at, time, |_| true),
            Self::Weekly(weekday, time) => on_days(at, time, |day| day.weekday() == weekday),
            Self::Monthly(day, time) => on_days(at, time, |date| {
                date.day() == day.clamp(1, last_day(date.year(), date.month()))
            }),
        }
    }

    /// When a job that never ran is due first: one that runs again and again, at once.
    pub fn first_after(self, at: OffsetDateTime) -> OffsetDateTime {
        match self {
            Self::Every(_) => at,
            Self::Daily(_) | Self::Weekly(..) | Self::Monthly(..) => self.next_after(at),
        }
    }
}

/// The next of some days, at a time of day. Some day of any two months is one of them.
fn on_days(at: OffsetDateTime, time: Time, wanted: impl Fn(Date) -> bool) -> OffsetDateTime {
    const MOST_DAYS: i64 = 62;
    let days = (0..=MOST_DAYS).filter_map(|days| at.date().checked_add(Duration::days(days)));
    let mut instants = days.filter(|day| wanted(*day)).map(|day| day.with_time(time).assume_utc());
    instants.find(|instant| *instant > at).unwrap_or(at)
}

fn last_day(year: i32, month: Month) -> u8 {
    month.length(year)
}

/// As people say it.
impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let clock = |time: &Time| format!("{:02}:{:02} UTC", time.hour(), time.minute());
        match self {
            Self::Every(length) => match length.whole_seconds() {
                seconds if seconds % 3600 == 0 => write!(f, "every {} h", seconds / 3600),
                seconds if seconds % 60 == 0 => write!(f, "every {} min", seconds / 60),
                seconds => write!(f, "every {seconds} s"),
            },
            Self::Daily(time) => write!(f, "daily at {}", clock(time)),
            Self::Weekly(weekday, time) => write!(f, "every {weekday} at {}", clock(time)),
            Self::Monthly(day, time) => write!(f, "on day {day} of the month at {}", clock(time)),
        }
    }
}

#[cfg(test)]
mod tests {
    use time::macros::{datetime, time};

    use super::*;

    #[test]
    fn the_next_instant_is_the_first_one_after() {
        let two = time!(2:00);
        let monday = Weekday::Monday;
        for (schedule, at, next) in [
            (
                Schedule::Every(Duration::minutes(5)),
                datetime!(2026-03-14 12:00 UTC),
                datetime!(2026-03-14 12:05 UTC),
            ),
            (
                Schedule::Daily(two),
                datetime!(2026-03-14 1:59:59.999999 UTC),
                datetime!(2026-03-14 2:00 UTC),
            ),
            (Schedule::Daily(two), datetime!(2026-03-14 2:00 UTC), datetime!(2026-03-15 2:00 UTC)),
            // 02:30 on the morning on which clocks are put forward in much of Europe.
            (
                Schedule::Daily(time!(2:30)),
                datetime!(2026-03-29 3:00 +2),
                datetime!(2026-03-29 2:30 UTC),
            ),
            (
                Schedule::Weekly(monday, two),
                datetime!(2026-03-14 12:00 UTC),
                datetime!(2026-03-16 2:00 UTC),
            ),
            (
                Schedule::Weekly(monday, two),
                datetime!(2026-03-16 2:00 UTC),
                datetime!(2026-03-23 2:00 UTC),
            ),
            (
                Schedule::Monthly(1, two),
                datetime!(2026-12-31 23:00 UTC),
                datetime!(2027-01-01 2:00 UTC),
            ),
            (
                Schedule::Monthly(31, two),
                datetime!(2027-01-31 2:00 UTC),
                datetime!(2027-02-28 2:00 UTC),
            ),
            (
                Schedule::Monthly(31, two),
                datetime!(2028-02-01 2:00 UTC),
                datetime!(2028-02-29 2:00 UTC),
            ),
        ] {
            assert_eq!(schedule.next_after(at), next, "{schedule} after {at}");
        }
    }

    #[test]
    fn what_recurs_by_length_is_due_at_once() {
        let now = datetime!(2026-03-14 12:00 UTC);
        assert_eq!(Schedule::Every(Duration::HOUR).first_after(now), now);
        let daily = Schedule::Daily(time!(2:00));
        assert_eq!(daily.first_after(now), datetime!(2026-03-15 2:00 UTC));
    }

    #[test]
    fn a_schedule_is_said_as_people_say_it() {
        for (schedule, said) in [
            (Schedule::Every(Duration::seconds(5)), "every 5 s"),
            (Schedule::Every(Duration::minutes(30)), "every 30 min"),
            (Schedule::Every(Duration::hours(6)), "every 6 h"),
            (Schedule::Daily(time!(2:00)), "daily at 02:00 UTC"),
            (Schedule::Weekly(Weekday::Sunday, time!(3:05)), "every Sunday at 03:05 UTC"),
            (Schedule::Monthly(1, time!(4:00)), "on day 1 of the month at 04:00 UTC"),
        ] {
            assert_eq!(schedule.to_string(), said);
        }
    }
}
