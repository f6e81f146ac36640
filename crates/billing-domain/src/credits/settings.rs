//! What an organization may set about its credits.

use serde::{Deserialize, Serialize};

use crate::credits::{DrawOrder, MOST_CREDITS};

/// What an organization's account is decided by, beside what is in it. A change is a row of the
/// ledger, so that every decision can be explained from it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Settings {
    /// How many credits may be used beyond what there is.
    pub overdraft_limit: i64,
    /// In which order grants are drawn.
    pub order: DrawOrder,
    /// A balance that falls below it is told; 0 for never.
    pub low_balance: i64,
    /// Likewise below so many percent of what the grants with something left gave; 0 for never.
    pub low_percent: u8,
}

/// Such settings are not possible.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum InvalidSettings {
    /// Less than nothing, or more than can be counted.
    #[error("must be from 0 to 2^53 - 1 credits")]
    Credits {
        /// Which of them.
        field: &'static str,
    },
    /// No percentage.
    #[error("must be from 0 to 100")]
    Percent,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            overdraft_limit: 0,
            order: DrawOrder::default(),
            low_balance: 1_000,
            low_percent: 10,
        }
    }
}

impl Settings {
    /// Checks what people typed.
    pub fn validated(self) -> Result<Self, InvalidSettings> {
        for (field, credits) in
            [("overdraft_limit", self.overdraft_limit), ("low_balance", self.low_balance)]
        {
            if !(0..=MOST_CREDITS).contains(&credits) {
                return Err(InvalidSettings::Credits { field });
            }
        }
        if self.low_percent > 100 {
            return Err(InvalidSettings::Percent);
        }
        Ok(self)
    }
}
