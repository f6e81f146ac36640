//! How far the clock is to be moved, as people write it.

use core::str::FromStr;

use time::{Duration, OffsetDateTime, UtcOffset, format_description::well_known::Rfc3339};

use crate::Error;

/// How far the clock is to be moved.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Advance {
    /// By so much.
    By(Duration),
    /// To an instant.
    To(OffsetDateTime),
}

/// A length such as `31d`, `3h`, `2w`, `90m`, `10s`, or a sum such as `1d12h`; or an instant of
/// RFC 3339, whose seconds may be left out.
impl FromStr for Advance {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        const WRONG: &str = "must be a length such as 31d, 3h or 2w, or an instant such as \
                             2027-01-01T00:00:00Z";
        let text = text.trim();
        let read = length(text).map(Self::By).or_else(|| instant(text).map(Self::To));
        read.ok_or_else(|| Error::invalid("advance", WRONG))
    }
}

fn length(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut sum = Duration::ZERO;
    while !rest.is_empty() {
        let digits = rest.find(|letter: char| !letter.is_ascii_digit())?;
        let (number, after) = rest.split_at_checked(digits)?;
        let number: i64 = number.parse().ok()?;
        let mut letters = after.chars();
        let seconds = match letters.next()? {
            's' => 1,
            'm' => 60,
            'h' => 60 * 60,
            'd' => 24 * 60 * 60,
            'w' => 7 * 24 * 60 * 60,
            _ => return None,
        };
        sum = sum.checked_add(Duration::seconds(number.checked_mul(seconds)?))?;
        rest = letters.as_str();
    }
    (!text.is_empty()).then_some(sum)
}

fn instant(text: &str) -> Option<OffsetDateTime> {
    let read = |text: &str| OffsetDateTime::parse(text, &Rfc3339).ok();
    let at = read(text).or_else(|| {
        let (minutes, utc) = (text.strip_suffix('Z')?, ":00Z");
        read(&format!("{minutes}{utc}"))
    })?;
    let at = at.checked_to_offset(UtcOffset::UTC)?;
    at.replace_nanosecond(at.microsecond() * 1_000).ok()
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn lengths_and_instants_are_read() {
        for (text, advance) in [
            ("31d", Advance::By(Duration::days(31))),
            ("3h", Advance::By(Duration::hours(3))),
            ("2w", Advance::By(Duration::weeks(2))),
            (" 1d12h30m5s ", Advance::By(Duration::seconds(131_405))),
            ("0s", Advance::By(Duration::ZERO)),
            ("2027-01-01T00:00Z", Advance::To(datetime!(2027-01-01 0:00 UTC))),
            ("2027-01-01T00:00:00.5Z", Advance::To(datetime!(2027-01-01 0:00:00.5 UTC))),
            ("2027-01-01T00:00:00+02:00", Advance::To(datetime!(2026-12-31 22:00 UTC))),
        ] {
            assert_eq!(text.parse::<Advance>().unwrap(), advance, "{text}");
        }
    }

    #[test]
    fn what_is_neither_is_refused() {
        for text in
            ["", "d", "31", "31 d", "-1d", "1y", "tomorrow", "2027-01-01", "99999999999999999999w"]
        {
            let refused = text.parse::<Advance>();
            assert!(matches!(refused, Err(Error::Invalid { field: "advance", .. })), "{text}");
        }
        assert!("999999999999999w".parse::<Advance>().is_err(), "it would overflow");
    }
}
