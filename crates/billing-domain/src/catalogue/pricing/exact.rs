//! Amounts with fractions of a minor unit, computed without loss.

use rust_decimal::Decimal;

use crate::money::MoneyError;

/// How many decimals of a minor unit a rate may have.
const DECIMALS: u32 = 12;
const ONE: i128 = 1_000_000_000_000;

/// An amount in the smallest fractions of a minor unit.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub(super) struct Exact(i128);

impl Exact {
    /// Nothing where it has more decimals than are computed with, or is far too large.
    pub(super) fn of(amount: Decimal) -> Option<Self> {
        let amount = amount.normalize();
        let missing = DECIMALS.checked_sub(amount.scale())?;
        amount.mantissa().checked_mul(10_i128.checked_pow(missing)?).map(Self)
    }

    pub(super) fn plus(self, other: Self) -> Result<Self, MoneyError> {
        self.0.checked_add(other.0).map(Self).ok_or(MoneyError::Overflow)
    }

    pub(super) fn times(self, quantity: u64) -> Result<Self, MoneyError> {
        self.0.checked_mul(quantity.into()).map(Self).ok_or(MoneyError::Overflow)
    }

    /// In whole minor units, half to even.
    pub(super) fn rounded(self) -> Result<i64, MoneyError> {
        let (floor, rest) = (self.0.div_euclid(ONE), self.0.rem_euclid(ONE));
        let up = match (2 * rest).cmp(&ONE) {
            core::cmp::Ordering::Less => false,
            core::cmp::Ordering::Equal => floor % 2 != 0,
            core::cmp::Ordering::Greater => true,
        };
        i64::try_from(floor + i128::from(up)).map_err(|_| MoneyError::Overflow)
    }
}
