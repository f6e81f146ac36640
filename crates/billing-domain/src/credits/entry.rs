//! Rows of the ledger.

use core::str::FromStr;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::{
    credits::{IdempotencyKey, Settings, Source},
    id::{DecisionId, GrantId, HoldId, OrganizationId},
};

/// A change of an account. Never changed, never removed.
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
    /// By how much what is held changed, the overdraft included.
    pub held_change: i64,
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
    /// By how much what is held of it changed.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub held: i64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
const fn is_zero(number: &i64) -> bool {
    *number == 0
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
    /// Given back: use to the organization, or what was paid for to us.
    Refunded,
    /// Given to another organization, or by it.
    Transferred,
    /// Put right.
    Adjusted,
    /// Reserved: the balance stays, less of it is available.
    Held,
    /// Not reserved any more.
    Released,
}

/// No kind of row has this name.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("`{0}` is not a kind of credit transaction")]
pub struct UnknownEntryKind(pub String);

impl EntryKind {
    /// Every kind.
    pub const ALL: [Self; 9] = [
        Self::Earned,
        Self::Purchased,
        Self::Consumed,
        Self::Expired,
        Self::Refunded,
        Self::Transferred,
        Self::Adjusted,
        Self::Held,
        Self::Released,
    ];

    /// Its name in tables and answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Earned => "earned",
            Self::Purchased => "purchased",
            Self::Consumed => "consumed",
            Self::Expired => "expired",
            Self::Refunded => "refunded",
            Self::Transferred => "transferred",
            Self::Adjusted => "adjusted",
            Self::Held => "held",
            Self::Released => "released",
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
    /// Credits were reserved.
    Hold {
        /// The hold, which is also the decision that allowed it.
        hold: HoldId,
        /// Under which key.
        key: IdempotencyKey,
        /// What for.
        event: String,
        /// Until when.
        until: OffsetDateTime,
    },
    /// What was held was used.
    Settle {
        /// The hold.
        hold: HoldId,
        /// What for.
        event: String,
    },
    /// What was held was given up.
    Release(HoldId),
    /// A hold's time was over.
    TimeOut(HoldId),
    /// What a source gave was taken back, or given again.
    Revoke(Source),
    /// What was used was given back.
    Refund {
        /// The decision.
        decision: DecisionId,
        /// Under which key.
        key: IdempotencyKey,
        /// The row that was given back.
        draw: i64,
    },
    /// Credits were given away.
    Transfer {
        /// The transfer.
        decision: DecisionId,
        /// Under which key.
        key: IdempotencyKey,
        /// To whom.
        to: OrganizationId,
    },
    /// What the account is decided by was changed, to this.
    Settings(Settings),
}

impl Origin {
    /// Its name in tables and answers.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Grant(_) => "grant",
            Self::Expiry(_) => "expiry",
            Self::Consume { .. } => "consume",
            Self::Hold { .. } => "hold",
            Self::Settle { .. } => "settle",
            Self::Release(_) => "release",
            Self::TimeOut(_) => "time_out",
            Self::Revoke(_) => "revoke",
            Self::Refund { .. } => "refund",
            Self::Transfer { .. } => "transfer",
            Self::Settings(_) => "settings",
        }
    }
}
