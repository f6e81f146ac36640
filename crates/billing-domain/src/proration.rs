//! Which part of a price falls into a part of its period: per second, exact to the minor unit.
//!
//! What has come to be owed since the period began is rounded, and a part is the difference of two
//! such sums. So the parts of any split add up to the whole.

mod change;

use time::OffsetDateTime;

pub use self::change::{Sale, TermsChange, paid_for};
use crate::{
    money::{Money, MoneyError},
    period::Period,
};

/// The part of a period's price that falls between two instants, in whole seconds. What lies
/// outside of the period costs nothing; backwards in time the amount is negative.
pub fn prorated(
    price: Money,
    period: Period,
    (from, to): (OffsetDateTime, OffsetDateTime),
) -> Result<Money, MoneyError> {
    let part = |at| accrued(price.minor(), period, at);
    let minor = part(to) - part(from);
    let minor = i64::try_from(minor).map_err(|_| MoneyError::Overflow)?;
    Ok(Money::new(minor, price.currency()))
}

/// What a change within a period comes to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Settlement {
    /// Given back for what is left of the old price; not positive where that was.
    pub credit: Money,
    /// Charged for the rest of the period at the new one.
    pub charge: Money,
}

impl Settlement {
    /// Credit and charge for the rest of a period, from an instant of it.
    pub fn of(
        (old, new): (Money, Money),
        period: Period,
        at: OffsetDateTime,
    ) -> Result<Self, MoneyError> {
        let rest = (at, period.end);
        let credit = prorated(old, period, rest)?;
        let credit = Money::zero(old.currency()).minus(credit)?;
        Ok(Self { credit, charge: prorated(new, period, rest)? })
    }

    /// What is to be paid; below zero, what is given back.
    pub fn total(self) -> Result<Money, MoneyError> {
        self.charge.plus(self.credit)
    }
}

/// What has come to be owed by an instant, rounded half to even.
fn accrued(price: i64, period: Period, at: OffsetDateTime) -> i128 {
    let second = |at: OffsetDateTime| i128::from(at.unix_timestamp());
    let (start, end) = (second(period.start), second(period.end));
    if end <= start {
        return 0;
    }
    let (part, whole) = (second(at).clamp(start, end) - start, end - start);
    let exact = i128::from(price) * part;
    let (floor, rest) = (exact.div_euclid(whole), exact.rem_euclid(whole));
    let up = match (2 * rest).cmp(&whole) {
        core::cmp::Ordering::Less => false,
        core::cmp::Ordering::Equal => floor % 2 != 0,
        core::cmp::Ordering::Greater => true,
    };
    floor + i128::from(up)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use time::{Duration, macros::datetime};

    use super::*;
    use crate::currency::Currency;

    const BEGIN: OffsetDateTime = datetime!(2026-03-01 0:00 UTC);

    fn usd(minor: i64) -> Money {
        Money::new(minor, Currency::USD)
    }

    fn days(days: i64) -> Period {
        Period { start: BEGIN, end: BEGIN + Duration::days(days) }
    }

    #[test]
    fn parts_of_a_month() {
        // Price, length in days, from, to, and what that costs.
        for (price, length, from, to, expected) in [
            (1_000, 30, 0, 30, 1_000),
            (1_000, 30, 15, 30, 500),
            (10_000, 31, 17, 31, 4_516),
            (1_000, 30, 0, 10, 333),
            (1_000, 30, 10, 20, 334),
            (1_000, 30, 20, 30, 333),
            (1, 2, 0, 1, 0),
            (3, 2, 0, 1, 2),
            (-1_000, 30, 15, 30, -500),
            (1_000, 30, 20, 10, -334),
            (1_000, 30, 30, 60, 0),
            (1_000, 30, -9, 0, 0),
        ] {
            let at = |day| BEGIN + Duration::days(day);
            let part = prorated(usd(price), days(length), (at(from), at(to)));
            assert_eq!(part, Ok(usd(expected)), "{price} for {from}..{to} of {length}");
        }
    }

    #[test]
    fn an_empty_period_costs_nothing_and_nothing_wraps() {
        let empty = Period { start: BEGIN, end: BEGIN };
        assert_eq!(prorated(usd(7), empty, (BEGIN, BEGIN + Duration::DAY)), Ok(usd(0)));
        let largest = prorated(usd(i64::MAX), days(30), (BEGIN, BEGIN + Duration::days(30)));
        assert_eq!(largest, Ok(usd(i64::MAX)));
    }

    #[test]
    fn a_dearer_price_at_half_time_costs_half_the_difference() {
        let half = BEGIN + Duration::days(15);
        let change = Settlement::of((usd(1_000), usd(2_000)), days(30), half).unwrap();
        assert_eq!(change, Settlement { credit: usd(-500), charge: usd(1_000) });
        assert_eq!(change.total(), Ok(usd(500)));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(100_000))]

        #[test]
        fn a_hundred_thousand_splits_sum_to_the_whole(
            minor in -1_000_000_000_000_i64..1_000_000_000_000,
            length in 1_i64..63_158_400,
            seconds in prop::array::uniform4(0_i64..63_158_400),
        ) {
            let period = Period { start: BEGIN, end: BEGIN + Duration::seconds(length) };
            let [a, b, c, d] = seconds.map(|cut| cut % length);
            let mut cuts = [0, a, b, c, d, length];
            cuts.sort_unstable();
            let at = |cut: i64| BEGIN + Duration::seconds(cut);
            let parts = cuts.windows(2).map(|pair| {
                prorated(usd(minor), period, (at(pair[0]), at(pair[1]))).unwrap().minor()
            });
            prop_assert_eq!(parts.sum::<i64>(), minor);
        }
    }

    proptest! {
        #[test]
        fn any_split_sums_to_the_whole(
            minor in -1_000_000_000_000_i64..1_000_000_000_000,
            length in 1_i64..63_158_400,
            seconds in prop::collection::vec(0_i64..63_158_400, 0..20),
        ) {
            let period = Period { start: BEGIN, end: BEGIN + Duration::seconds(length) };
            let mut cuts: Vec<_> = seconds.iter().map(|cut| cut % length).collect();
            cuts.extend([0, length]);
            cuts.sort_unstable();
            let at = |cut: i64| BEGIN + Duration::seconds(cut);
            let parts = cuts.windows(2).map(|pair| {
                prorated(usd(minor), period, (at(pair[0]), at(pair[1]))).unwrap().minor()
            });
            prop_assert_eq!(parts.sum::<i64>(), minor);
        }

        #[test]
        fn there_and_back_at_one_instant_costs_nothing(
            old in 0_i64..1_000_000, new in 0_i64..1_000_000, second in 0_i64..2_592_000,
        ) {
            let at = BEGIN + Duration::seconds(second);
            let there = Settlement::of((usd(old), usd(new)), days(30), at).unwrap().total();
            let back = Settlement::of((usd(new), usd(old)), days(30), at).unwrap().total();
            prop_assert_eq!(there.unwrap().plus(back.unwrap()), Ok(usd(0)));
        }

        #[test]
        fn never_more_is_given_back_than_was_paid(
            old in 0_i64..1_000_000, second in 0_i64..2_592_000,
        ) {
            let at = BEGIN + Duration::seconds(second);
            let change = Settlement::of((usd(old), usd(0)), days(30), at).unwrap();
            prop_assert!((-old..=0).contains(&change.credit.minor()));
        }
    }
}
