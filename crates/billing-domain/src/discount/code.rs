//! What is typed in.

use core::{fmt, str::FromStr};

const SHORTEST: usize = 3;
const LONGEST: usize = 40;

/// The code of a discount: capital letters, digits, `-` and `_`. It is read in any case.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct DiscountCode(String);

/// The text cannot be a code.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a discount code has {SHORTEST} to {LONGEST} letters (A to Z), digits, `-` or `_`")]
pub struct InvalidCode;

impl DiscountCode {
    /// In capital letters.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for DiscountCode {
    type Err = InvalidCode;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        if (SHORTEST..=LONGEST).contains(&text.len()) && text.bytes().all(fits) {
            return Ok(Self(text.to_ascii_uppercase()));
        }
        Err(InvalidCode)
    }
}

impl fmt::Display for DiscountCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
