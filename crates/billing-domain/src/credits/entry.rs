//! Rows of the ledger.

use core::str::FromStr;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::{
    credits::{IdempotencyKey, Source},
    id::{DecisionId, GrantId},
};

/// A change of a balance. Never changed, never removed.
///
/// `amount` = the sum of what it touched − what it added to the overdrawn part.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// Counted from 1 in each organization, without gaps.
    pub seq: i64,
    /// When it took effect; what was due is dated when it was due.
    pub at: OffsetDateTime,
    /// What kind of change.
    pub kind: EntryKind,
    /// By how much the balance changed.
    pub amount: i64,
    /// The balance afterwards.
    pub balance_after: i64,
    /// By how much the overdrawn part changed.
    pub overdrawn_change: i64,
    /// Which grants changed, and by how much.
    pub touched: Vec<Touch>,
    /// What caused it.
    pub origin: Origin,
}

/// The part of a change that one grant bears.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Touch {
    /// Which grant.
    pub grant_id: GrantId,
    /// By how much what it has left changed.
    pub amount: i64,
}

/// What kind of change a row is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntryKind {
    /// Given with a plan or as a promotion.
    Earned,
    /// Paid for.
    Purchased,
    /// Used.
    Consumed,
    /// Not used in time.
    Expired,
    /// Put right.
    Adjusted,
}

/// No kind of row has this name.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("`{0}` is not a kind of credit transaction")]
pub struct UnknownEntryKind(pub String);

impl EntryKind {
    /// Every kind.
    pub const ALL: [Self; 5] =
        [Self::Earned, Self::Purchased, Self::Consumed, Self::Expired, Self::Adjusted];

    /// Its name in tables and answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Earned => "earned",
            Self::Purchased => "purchased",
            Self::Consumed => "consumed",
            Self::Expired => "expired",
            Self::Adjusted => "adjusted",
        }
    }
}

impl FromStr for EntryKind {
    type Err = UnknownEntryKind;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.name() == name)
            .ok_or_else(|| UnknownEntryKind(name.to_owned()))
    }
}

/// What caused a row.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Origin {
    /// A grant started.
    Grant(Source),
    /// A grant expired.
    Expiry(Source),
    /// Something was consumed.
    Consume {
        /// The decision that allowed it.
        decision: DecisionId,
        /// Under which key.
        key: IdempotencyKey,
        /// What was consumed.
        event: String,
        /// How many.
        quantity: i64,
        /// At how many credits each.
        unit_cost: i64,
    },
}
