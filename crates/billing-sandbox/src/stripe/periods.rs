//! Calendar periods: months keep the day of their anchor, as far as the month has it.

use time::{Date, Duration, Month, OffsetDateTime, error::ComponentRange};

use crate::json::Fields as _;
use serde_json::Value;

/// How often a price recurs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rhythm {
    unit: Unit,
    count: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    Days(i64),
    Months(i64),
}

impl Rhythm {
    /// The rhythm of a price; `None` for one that is paid once.
    pub(crate) fn of(price: &Value) -> Option<Self> {
        let unit = match price.text("recurring.interval") {
            "day" => Unit::Days(1),
            "week" => Unit::Days(7),
            "month" => Unit::Months(1),
            "year" => Unit::Months(12),
            _ => return None,
        };
        let count = price.int("recurring.interval_count").unwrap_or(1).max(1);
        Some(Self { unit, count })
    }

    /// The first boundary after a moment, counted from an anchor, all in Unix seconds.
    ///
    /// Every boundary is counted from the anchor itself: 31 January, 28 February, 31 March.
    pub(crate) fn next_after(self, anchor: i64, moment: i64) -> Result<i64, ComponentRange> {
        let start = OffsetDateTime::from_unix_timestamp(anchor)?;
        let at = OffsetDateTime::from_unix_timestamp(moment)?;
        let passed = match self.unit {
            Unit::Days(days) => (at - start).whole_days() / (days * self.count),
            Unit::Months(months) => months_between(start, at) / (months * self.count),
        };
        // The estimate may be one off at either end, because months differ in length.
        let mut steps = passed - 1;
        loop {
            let boundary = self.boundary(start, steps)?.unix_timestamp();
            if boundary > moment {
                return Ok(boundary);
            }
            steps += 1;
        }
    }

    fn boundary(self, start: OffsetDateTime, steps: i64) -> Result<OffsetDateTime, ComponentRange> {
        match self.unit {
            Unit::Days(days) => {
                let seconds = (days * self.count * steps).saturating_mul(86_400);
                let at = start.unix_timestamp().saturating_add(seconds);
                OffsetDateTime::from_unix_timestamp(at)
            }
            Unit::Months(months) => plus_months(start, months * self.count * steps),
        }
    }

    /// As a person says it: `month`, `3 months`.
    pub(crate) fn words(price: &Value) -> String {
        let interval = price.text("recurring.interval");
        match price.int("recurring.interval_count") {
            Ok(count) if count > 1 => format!("{count} {interval}s"),
            Ok(_) | Err(_) => interval.to_owned(),
        }
    }
}

/// A number of days after a moment.
pub(crate) fn plus_days(moment: i64, days: i64) -> i64 {
    moment.saturating_add(Duration::days(days).whole_seconds())
}

/// A number of calendar months after a moment.
pub(crate) fn months_after(moment: i64, months: i64) -> Result<i64, ComponentRange> {
    let start = OffsetDateTime::from_unix_timestamp(moment)?;
    Ok(plus_months(start, months)?.unix_timestamp())
}

fn months_between(start: OffsetDateTime, at: OffsetDateTime) -> i64 {
    let months = |moment: OffsetDateTime| {
        i64::from(moment.year()) * 12 + i64::from(u8::from(moment.month()))
    };
    months(at) - months(start)
}

fn plus_months(start: OffsetDateTime, months: i64) -> Result<OffsetDateTime, ComponentRange> {
    let index = i64::from(start.year()) * 12 + i64::from(u8::from(start.month())) - 1 + months;
    let year = i32::try_from(index.div_euclid(12)).unwrap_or(i32::MAX);
    let number = u8::try_from(index.rem_euclid(12) + 1).unwrap_or(u8::MAX);
    let month = Month::try_from(number)?;
    let day = start.day().min(month.length(year));
    Ok(start.replace_date(Date::from_calendar_date(year, month, day)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use time::macros::datetime;

    fn boundaries(interval: &str, count: i64, anchor: OffsetDateTime) -> Vec<String> {
        let price = json!({"recurring": {"interval": interval, "interval_count": count}});
        let rhythm = Rhythm::of(&price).unwrap();
        let anchor = anchor.unix_timestamp();
        let mut moment = anchor;
        let mut dates = Vec::new();
        for _ in 0..4 {
            moment = rhythm.next_after(anchor, moment).unwrap();
            dates.push(OffsetDateTime::from_unix_timestamp(moment).unwrap().date().to_string());
        }
        dates
    }

    #[test]
    fn the_day_of_the_anchor_comes_back_after_a_short_month() {
        assert_eq!(
            boundaries("month", 1, datetime!(2027-01-31 10:00 UTC)),
            ["2027-02-28", "2027-03-31", "2027-04-30", "2027-05-31"]
        );
        assert_eq!(
            boundaries("year", 1, datetime!(2028-02-29 10:00 UTC)),
            ["2029-02-28", "2030-02-28", "2031-02-28", "2032-02-29"]
        );
        assert_eq!(
            boundaries("month", 3, datetime!(2026-11-30 10:00 UTC)),
            ["2027-02-28", "2027-05-30", "2027-08-30", "2027-11-30"]
        );
        assert_eq!(
            boundaries("week", 2, datetime!(2026-12-25 10:00 UTC)),
            ["2027-01-08", "2027-01-22", "2027-02-05", "2027-02-19"]
        );
    }

    #[test]
    fn a_boundary_is_found_from_far_away() {
        let price = json!({"recurring": {"interval": "month", "interval_count": 1}});
        let rhythm = Rhythm::of(&price).unwrap();
        let anchor = datetime!(2027-01-31 10:00 UTC).unix_timestamp();
        let at = |moment: OffsetDateTime| rhythm.next_after(anchor, moment.unix_timestamp());
        let far = at(datetime!(2039-02-28 09:59 UTC)).unwrap();
        assert_eq!(far, datetime!(2039-02-28 10:00 UTC).unix_timestamp());
        let next = at(datetime!(2039-02-28 10:00 UTC)).unwrap();
        assert_eq!(next, datetime!(2039-03-31 10:00 UTC).unix_timestamp());
        let before = at(datetime!(2026-12-31 09:00 UTC)).unwrap();
        assert_eq!(before, datetime!(2026-12-31 10:00 UTC).unix_timestamp());
    }
}
