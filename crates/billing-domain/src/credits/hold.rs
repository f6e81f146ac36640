//! Holds: credits reserved for what is about to happen.

use core::str::FromStr;

use time::OffsetDateTime;

use crate::{credits::Touch, id::HoldId};

/// Credits reserved from named grants. It resolves once.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Hold {
    /// Our id, which is also the decision that allowed it.
    pub id: HoldId,
    /// What it is for.
    pub event: String,
    /// How many credits.
    pub amount: i64,
    /// How many of each grant; what is missing to the amount is held from the overdraft.
    pub parts: Vec<Touch>,
    /// When it returns by itself.
    pub until: OffsetDateTime,
    /// What has become of it.
    pub state: HoldState,
}

/// What has become of a hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HoldState {
    /// It is still reserved.
    Open,
    /// It is resolved.
    Resolved {
        /// How.
        how: Resolution,
        /// How many credits of it were used.
        settled: i64,
        /// The row in the ledger.
        seq: i64,
        /// The balance afterwards.
        balance_after: i64,
    },
}

/// How a hold was resolved.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Resolution {
    /// All or a part of it was used.
    Settled,
    /// It was given up.
    Released,
    /// Its time was over.
    TimedOut,
}

/// No resolution has this name.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("`{0}` is not how a hold is resolved")]
pub struct UnknownResolution(pub String);

impl Resolution {
    /// Every resolution.
    pub const ALL: [Self; 3] = [Self::Settled, Self::Released, Self::TimedOut];

    /// Its name in tables and answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Settled => "settled",
            Self::Released => "released",
            Self::TimedOut => "timed_out",
        }
    }
}

impl FromStr for Resolution {
    type Err = UnknownResolution;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|resolution| resolution.name() == name)
            .ok_or_else(|| UnknownResolution(name.to_owned()))
    }
}

impl Hold {
    /// Whether it is still reserved.
    pub const fn is_open(&self) -> bool {
        matches!(self.state, HoldState::Open)
    }
}
