//! Exact amounts of money.

use core::fmt;

use rust_decimal::{Decimal, RoundingStrategy, prelude::ToPrimitive};
use serde::{Deserialize, Serialize};

use crate::currency::Currency;

/// An amount in minor units of one currency.
///
/// There is no `+` and no `*`: both can fail, and they say so.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Money {
    /// Minor units: 4900 of a currency with two digits is 49.00.
    amount: i64,
    /// What it is an amount of.
    currency: Currency,
}

/// Why an amount could not be computed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum MoneyError {
    /// Two currencies met.
    #[error("{0} and {1} cannot be added")]
    CurrencyMismatch(Currency, Currency),
    /// The result does not fit.
    #[error("the amount is too large")]
    Overflow,
    /// The major amount has more digits than the currency.
    #[error("{0} has no smaller unit for this amount")]
    PrecisionLoss(Currency),
}

impl Money {
    /// `minor` units of a currency.
    pub const fn new(minor: i64, currency: Currency) -> Self {
        Self { amount: minor, currency }
    }

    /// Nothing, in a currency.
    pub const fn zero(currency: Currency) -> Self {
        Self::new(0, currency)
    }

    /// The amount in minor units.
    pub const fn minor(self) -> i64 {
        self.amount
    }

    /// The currency of the amount.
    pub const fn currency(self) -> Currency {
        self.currency
    }

    /// Whether there is nothing to pay.
    pub const fn is_zero(self) -> bool {
        self.amount == 0
    }

    /// The sum of two amounts of one currency.
    pub fn plus(self, other: Self) -> Result<Self, MoneyError> {
        self.same_currency(other)?;
        self.amount.checked_add(other.amount).map(|n| self.with(n)).ok_or(MoneyError::Overflow)
    }

    /// The difference of two amounts of one currency.
    pub fn minus(self, other: Self) -> Result<Self, MoneyError> {
        self.same_currency(other)?;
        self.amount.checked_sub(other.amount).map(|n| self.with(n)).ok_or(MoneyError::Overflow)
    }

    /// The amount times a ratio, rounded half to even: the one place where money is rounded.
    pub fn times(self, ratio: Decimal) -> Result<Self, MoneyError> {
        Decimal::from(self.amount)
            .checked_mul(ratio)
            .map(|exact| exact.round_dp_with_strategy(0, RoundingStrategy::MidpointNearestEven))
            .and_then(|rounded| rounded.to_i64())
            .map(|n| self.with(n))
            .ok_or(MoneyError::Overflow)
    }

    /// The amount in `parts` shares that differ by one minor unit at most and sum to the whole.
    /// The larger shares come first.
    pub fn split(self, parts: core::num::NonZeroU32) -> Vec<Self> {
        let parts = i64::from(parts.get());
        let (share, rest) = (self.amount.div_euclid(parts), self.amount.rem_euclid(parts));
        (0..parts).map(|n| self.with(share + i64::from(n < rest))).collect()
    }

    /// The amount in major units, with the currency's digits: 49.00.
    pub fn to_major(self) -> Decimal {
        Decimal::new(self.amount, u32::from(self.currency.exponent()))
    }

    /// An amount of major units; refused when the currency cannot express it.
    pub fn from_major(major: Decimal, currency: Currency) -> Result<Self, MoneyError> {
        let unit = Decimal::from(10_u64.pow(u32::from(currency.exponent())));
        let minor = major.checked_mul(unit).ok_or(MoneyError::Overflow)?.normalize();
        if minor.scale() > 0 {
            return Err(MoneyError::PrecisionLoss(currency));
        }
        minor.to_i64().map(|n| Self::new(n, currency)).ok_or(MoneyError::Overflow)
    }

    fn with(self, minor: i64) -> Self {
        Self { amount: minor, ..self }
    }

    fn same_currency(self, other: Self) -> Result<(), MoneyError> {
        if self.currency == other.currency {
            return Ok(());
        }
        Err(MoneyError::CurrencyMismatch(self.currency, other.currency))
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.to_major(), self.currency)
    }
}

#[cfg(test)]
mod tests {
    use core::num::NonZeroU32;

    use proptest::prelude::*;

    use super::*;

    fn usd(minor: i64) -> Money {
        Money::new(minor, Currency::USD)
    }

    #[test]
    fn halves_are_rounded_to_even() {
        let half = Decimal::new(5, 1);
        for (minor, expected) in [(1, 0), (3, 2), (5, 2), (7, 4), (-1, 0), (-3, -2)] {
            assert_eq!(usd(minor).times(half), Ok(usd(expected)), "{minor}");
        }
    }

    #[test]
    fn currencies_do_not_mix_and_nothing_wraps() {
        let euro = Money::new(1, Currency::EUR);
        assert_eq!(
            usd(1).plus(euro),
            Err(MoneyError::CurrencyMismatch(Currency::USD, Currency::EUR))
        );
        assert_eq!(usd(i64::MAX).plus(usd(1)), Err(MoneyError::Overflow));
        assert_eq!(usd(i64::MIN).minus(usd(1)), Err(MoneyError::Overflow));
        assert_eq!(usd(i64::MAX).times(Decimal::from(2)), Err(MoneyError::Overflow));
    }

    #[test]
    fn major_units_follow_the_currency() {
        let dinar: Currency = "KWD".parse().unwrap();
        let yen: Currency = "JPY".parse().unwrap();
        assert_eq!(usd(4900).to_string(), "49.00 USD");
        assert_eq!(Money::new(1234, dinar).to_string(), "1.234 KWD");
        assert_eq!(Money::new(500, yen).to_string(), "500 JPY");
        assert_eq!(
            Money::from_major(Decimal::new(15, 1), yen),
            Err(MoneyError::PrecisionLoss(yen))
        );
        assert_eq!(Money::from_major(Decimal::new(1500, 3), Currency::USD), Ok(usd(150)));
    }

    proptest! {
        #[test]
        fn shares_sum_to_the_whole(minor: i64, parts in 1_u32..1000) {
            let shares = usd(minor).split(NonZeroU32::new(parts).unwrap());
            let sum: i128 = shares.iter().map(|share| i128::from(share.minor())).sum();
            prop_assert_eq!(sum, i128::from(minor));
            let most = shares.iter().map(|share| share.minor()).max().unwrap();
            let least = shares.iter().map(|share| share.minor()).min().unwrap();
            prop_assert!(most - least <= 1);
        }

        #[test]
        fn the_used_and_the_unused_part_make_the_whole(minor in -1_000_000_000_i64..1_000_000_000, used in 0_i64..=1000) {
            let ratio = Decimal::new(used, 3);
            let part = usd(minor).times(ratio).unwrap();
            let rest = usd(minor).minus(part).unwrap();
            prop_assert_eq!(part.plus(rest).unwrap(), usd(minor));
        }

        #[test]
        fn major_units_come_back_unchanged(minor: i64) {
            prop_assert_eq!(Money::from_major(usd(minor).to_major(), Currency::USD).unwrap(), usd(minor));
        }
    }
}
