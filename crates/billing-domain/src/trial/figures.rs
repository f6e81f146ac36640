//! How trials end, in figures.

use core::ops::Add;

use time::Duration;

/// The conversion rate is of the trials that ended within these last days.
pub const RECENT: Duration = Duration::days(30);

const SECONDS_A_DAY: i128 = 86_400;

/// How many trials did what.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct TrialCounts {
    /// Began.
    pub started: i64,
    /// Have not ended.
    pub active: i64,
    /// Ran out, and the first payment was made.
    pub converted: i64,
    /// Ran out, and nothing was paid.
    pub expired: i64,
    /// Were cancelled before.
    pub cancelled: i64,
    /// Ended within the [`RECENT`] days, however.
    pub recently_ended: i64,
    /// Of these: were converted.
    pub recently_converted: i64,
    /// From the begin to the conversion, in seconds, of all that were converted.
    pub seconds_to_convert: i64,
}

impl TrialCounts {
    /// Converted of those that ended, in ten thousandths; nothing where none ended.
    pub fn rate(&self) -> Option<i64> {
        let ended = self.converted.checked_add(self.expired)?.checked_add(self.cancelled)?;
        share(self.converted, ended)
    }

    /// The same of those that ended lately.
    pub fn recent_rate(&self) -> Option<i64> {
        share(self.recently_converted, self.recently_ended)
    }

    /// From the begin to the conversion, in hundredths of a day.
    pub fn mean_days_to_convert(&self) -> Option<i64> {
        let hundredths = i128::from(self.seconds_to_convert).checked_mul(100)?;
        let of_all = i128::from(self.converted).checked_mul(SECONDS_A_DAY)?;
        rounded(hundredths, of_all)
    }
}

impl Add for TrialCounts {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            started: self.started.saturating_add(other.started),
            active: self.active.saturating_add(other.active),
            converted: self.converted.saturating_add(other.converted),
            expired: self.expired.saturating_add(other.expired),
            cancelled: self.cancelled.saturating_add(other.cancelled),
            recently_ended: self.recently_ended.saturating_add(other.recently_ended),
            recently_converted: self.recently_converted.saturating_add(other.recently_converted),
            seconds_to_convert: self.seconds_to_convert.saturating_add(other.seconds_to_convert),
        }
    }
}

fn share(part: i64, whole: i64) -> Option<i64> {
    rounded(i128::from(part).checked_mul(10_000)?, i128::from(whole))
}

/// A quotient of what is not negative, to the nearest; halves go up.
fn rounded(part: i128, whole: i128) -> Option<i64> {
    let doubled = part.checked_mul(2)?.checked_add(whole)?;
    i64::try_from(doubled.checked_div(whole.checked_mul(2)?)?).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn counts(converted: i64, expired: i64, cancelled: i64) -> TrialCounts {
        TrialCounts { converted, expired, cancelled, ..TrialCounts::default() }
    }

    #[test]
    fn a_rate_is_of_those_that_ended() {
        for ((converted, expired, cancelled), expected) in [
            ((0, 0, 0), None),
            ((0, 3, 0), Some(0)),
            ((1, 1, 0), Some(5_000)),
            ((1, 1, 1), Some(3_333)),
            ((2, 1, 0), Some(6_667)),
            ((4, 0, 0), Some(10_000)),
        ] {
            assert_eq!(counts(converted, expired, cancelled).rate(), expected);
        }
    }

    #[test]
    fn days_are_meant_over_the_converted() {
        let two = TrialCounts { seconds_to_convert: 86_400 * 35, ..counts(2, 5, 0) };
        assert_eq!(two.mean_days_to_convert(), Some(1_750));
        assert_eq!(counts(0, 1, 0).mean_days_to_convert(), None);
    }

    proptest! {
        #[test]
        fn no_rate_is_above_one(converted in 0_i64..1 << 40, rest in 0_i64..1 << 40) {
            let rate = counts(converted, rest, 0).rate();
            prop_assert_eq!(rate.is_none(), converted + rest == 0);
            prop_assert!(rate.is_none_or(|rate| (0..=10_000).contains(&rate)));
        }
    }
}
