//! Why a trial becomes longer, and why it does not.

use core::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::TrialRules;

/// Why a trial becomes longer.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Extension {
    /// Somebody whom the organization referred has paid.
    Referral,
    /// An operator wants it so.
    Operator,
    /// A promotion gives it.
    Promotion,
}

/// A trial that does not become longer.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CannotExtend {
    /// Its end has come.
    #[error("the trial ended at {at}")]
    Over {
        /// When.
        at: OffsetDateTime,
    },
    /// It was extended as often, or by as much, as may be.
    #[error(
        "the trial cannot be extended by {asked} days: {extensions_left} extensions and \
         {days_left} days are left"
    )]
    Limit {
        /// How many days it would have been.
        asked: u16,
        /// How often it may still be extended.
        extensions_left: u16,
        /// By how many days in all.
        days_left: u16,
    },
}

/// No reason for an extension has this name.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("`{0}` extends no trial: use referral, operator or promotion")]
pub struct UnknownExtension(pub String);

impl Extension {
    /// Every reason there is.
    pub const ALL: [Self; 3] = [Self::Referral, Self::Operator, Self::Promotion];

    /// Its name in answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Referral => "referral",
            Self::Operator => "operator",
            Self::Promotion => "promotion",
        }
    }

    /// How many days it adds.
    pub const fn days(self, rules: &TrialRules) -> u16 {
        match self {
            Self::Referral => rules.referral_days,
            Self::Operator | Self::Promotion => rules.promotion_days,
        }
    }
}

impl fmt::Display for Extension {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Extension {
    type Err = UnknownExtension;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let named = Self::ALL.into_iter().find(|extension| extension.name() == name);
        named.ok_or_else(|| UnknownExtension(name.to_owned()))
    }
}
