//! How many of something a caller asks for.

use core::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{Error, Unexpected, Visitor},
};
use utoipa::ToSchema;

/// A whole number from 1, as large as every JSON reader is exact.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ToSchema)]
#[schema(value_type = u64, minimum = 1, maximum = 9_007_199_254_740_991_i64, example = 1)]
pub(crate) struct Quantity(u64);

const MOST: u64 = (1 << 53) - 1;

impl Default for Quantity {
    fn default() -> Self {
        Self(1)
    }
}

impl Quantity {
    pub(crate) const fn count(self) -> u64 {
        self.0
    }

    /// The same with a sign; it always fits.
    pub(crate) fn signed(self) -> i64 {
        i64::try_from(self.0).unwrap_or(i64::MAX)
    }
}

impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_u64(WholeNumber)
    }
}

struct WholeNumber;

impl Visitor<'_> for WholeNumber {
    type Value = Quantity;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a whole number from 1 to 9007199254740991")
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Quantity, E> {
        let fits = (1..=MOST).contains(&number);
        fits.then_some(Quantity(number))
            .ok_or_else(|| E::invalid_value(Unexpected::Unsigned(number), &self))
    }
}
