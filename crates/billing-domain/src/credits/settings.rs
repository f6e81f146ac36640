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
    /// These with a change.
    pub(super) fn changed(self, change: SettingsChange) -> Self {
        let SettingsChange { overdraft_limit, order, low_balance, low_percent } = change;
        Self {
            overdraft_limit: overdraft_limit.unwrap_or(self.overdraft_limit),
            order: order.unwrap_or(self.order),
            low_balance: low_balance.unwrap_or(self.low_balance),
            low_percent: low_percent.unwrap_or(self.low_percent),
        }
    }
}

/// What becomes other in the settings: what is not named stays as it is when the change is made.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SettingsChange {
    /// How many credits may be used beyond what there is.
    pub overdraft_limit: Option<i64>,
    /// In which order grants are drawn.
    pub order: Option<DrawOrder>,
    /// A balance that falls below it is told; 0 for never.
    pub low_balance: Option<i64>,
    /// Likewise in percent; 0 for never.
    pub low_percent: Option<u8>,
}

impl SettingsChange {
    /// Checks what people typed.
    pub fn validated(self) -> Result<Self, InvalidSettings> {
        for (field, credits) in
            [("overdraft_limit", self.overdraft_limit), ("low_balance", self.low_balance)]
        {
            if credits.is_some_and(|credits| !(0..=MOST_CREDITS).contains(&credits)) {
                return Err(InvalidSettings::Credits { field });
            }
        }
        if self.low_percent.is_some_and(|percent| percent > 100) {
            return Err(InvalidSettings::Percent);
        }
        Ok(self)
    }
}

impl From<Settings> for SettingsChange {
    fn from(settings: Settings) -> Self {
        let Settings { overdraft_limit, order, low_balance, low_percent } = settings;
        Self {
            overdraft_limit: Some(overdraft_limit),
            order: Some(order),
            low_balance: Some(low_balance),
            low_percent: Some(low_percent),
        }
    }
}
