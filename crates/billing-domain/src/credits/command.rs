//! What one can ask of a credit account, and what comes of it.

use core::fmt;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::{
    credits::{GrantKind, Source, Touch},
    id::{DecisionId, GrantId},
};

/// Something that changes credits.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CreditCommand {
    /// Use credits, all or nothing.
    Consume(Consume),
    /// Give credits.
    Grant(NewGrant),
    /// Book what is due, and nothing else.
    BookDue,
}

/// Use credits for something that happened.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Consume {
    /// The id that the decision gets, unless the key was decided before.
    pub decision: DecisionId,
    /// Decided once per organization.
    pub key: IdempotencyKey,
    /// The credit event.
    pub event: String,
    /// How many of them.
    quantity: i64,
    /// Credits for one.
    unit_cost: i64,
    /// Credits for all.
    cost: i64,
}

/// Why nothing of the kind can be consumed.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum InvalidConsume {
    /// Less than one.
    #[error("`quantity` must be at least 1")]
    Quantity,
    /// More than can be counted.
    #[error("`quantity` is too large: the cost must stay below 2^53 credits")]
    TooLarge,
}

/// The most credits of one grant or consume: exact in every JSON reader.
const MOST_CREDITS: i64 = (1 << 53) - 1;

impl Consume {
    /// So many of an event at so many credits each.
    pub fn new(
        decision: DecisionId,
        key: IdempotencyKey,
        event: impl Into<String>,
        quantity: i64,
        unit_cost: i64,
    ) -> Result<Self, InvalidConsume> {
        if quantity < 1 {
            return Err(InvalidConsume::Quantity);
        }
        let cost = quantity
            .checked_mul(unit_cost)
            .filter(|cost| (0..=MOST_CREDITS).contains(cost))
            .ok_or(InvalidConsume::TooLarge)?;
        Ok(Self { decision, key, event: event.into(), quantity, unit_cost, cost })
    }

    /// How many are consumed.
    pub const fn quantity(&self) -> i64 {
        self.quantity
    }

    /// Credits for one.
    pub const fn unit_cost(&self) -> i64 {
        self.unit_cost
    }

    /// Credits for all.
    pub const fn cost(&self) -> i64 {
        self.cost
    }
}

/// Give credits.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewGrant {
    /// The id that the grant gets, unless the source gave before.
    pub id: GrantId,
    /// Why.
    pub kind: GrantKind,
    /// How many.
    pub amount: i64,
    /// From when they may be used.
    pub starts_at: OffsetDateTime,
    /// Before when they must be used.
    pub expires_at: Option<OffsetDateTime>,
    /// What for: the same source gives only once.
    pub source: Source,
}

/// Why such a grant is impossible.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum InvalidGrant {
    /// None, or more than can be counted.
    #[error("`amount` must be from 1 to 2^53 - 1 credits")]
    Amount,
    /// It would expire before it starts.
    #[error("`expires_at` must be after `starts_at`")]
    Expiry,
    /// It would take away what was paid for.
    #[error("purchased credits never expire: leave out `expires_at`")]
    Purchased,
}

impl NewGrant {
    /// Checks what people typed.
    pub fn validated(self) -> Result<Self, InvalidGrant> {
        if !(1..=MOST_CREDITS).contains(&self.amount) {
            return Err(InvalidGrant::Amount);
        }
        if self.expires_at.is_some_and(|end| end <= self.starts_at) {
            return Err(InvalidGrant::Expiry);
        }
        if self.kind == GrantKind::Purchased && self.expires_at.is_some() {
            return Err(InvalidGrant::Purchased);
        }
        Ok(self)
    }
}

/// What came of a command.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CreditOutcome {
    /// The credits were used.
    Consumed(Consumed),
    /// There were not enough, and nothing was taken.
    Denied(Denied),
    /// The key was used before, for something else. Nothing happened.
    KeyReused,
    /// The credits were given, now or before.
    Granted {
        /// The grant.
        id: GrantId,
        /// Whether the source had given before.
        already: bool,
    },
    /// What was due is booked.
    Booked,
}

/// Credits were used.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Consumed {
    /// The decision.
    pub decision: DecisionId,
    /// The row in the ledger.
    pub seq: i64,
    /// How many credits.
    pub cost: i64,
    /// The balance afterwards.
    pub balance_after: i64,
    /// From which grants.
    pub touched: Vec<Touch>,
    /// Whether it was decided before, and this is the same answer again.
    pub replayed: bool,
}

/// There were not enough credits.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Denied {
    /// The decision.
    pub decision: DecisionId,
    /// How many were asked for.
    pub required: i64,
    /// How many there were, overdraft included.
    pub available: i64,
    /// When it was decided.
    pub at: OffsetDateTime,
    /// Whether it was decided before, and this is the same answer again.
    pub replayed: bool,
}

/// A name that the caller gives to a request, so that it is decided once.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct IdempotencyKey(String);

/// Such a key is not accepted.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("an idempotency key has 1 to 255 printable ASCII characters")]
pub struct InvalidKey;

impl IdempotencyKey {
    /// Checks a caller's key.
    pub fn parse(text: &str) -> Result<Self, InvalidKey> {
        let printable = text.bytes().all(|byte| (0x20..0x7f).contains(&byte));
        if printable && (1..=255).contains(&text.len()) && !text.trim().is_empty() {
            return Ok(Self(text.to_owned()));
        }
        Err(InvalidKey)
    }

    /// The key as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
