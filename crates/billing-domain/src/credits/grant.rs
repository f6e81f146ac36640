//! Grants: where credits come from, and in which order they are drawn.

use core::str::FromStr;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use crate::id::GrantId;

/// Credits given at once, for one reason.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Grant {
    /// Our id.
    pub id: GrantId,
    /// Why they were given.
    pub kind: GrantKind,
    /// How many were given.
    pub amount: i64,
    /// How many are left.
    pub remaining: i64,
    /// From when they may be used.
    pub starts_at: OffsetDateTime,
    /// Before when they must be used; nothing for those that never expire.
    pub expires_at: Option<OffsetDateTime>,
    /// What they were given for; unique within the organization, for ever.
    pub source: Source,
    /// When they were given.
    pub granted_at: OffsetDateTime,
    /// Whether the start is booked: before it they are not part of the balance.
    pub started: bool,
}

/// Why credits were given.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GrantKind {
    /// Paid for. They never expire.
    Purchased,
    /// Part of a period of a plan.
    Subscription,
    /// Given to win or to thank.
    Promotional,
    /// Given to put something right.
    Adjustment,
}

/// No kind of grant has this name.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("`{0}` is not a kind of grant: use purchased, subscription, promotional or adjustment")]
pub struct UnknownGrantKind(pub String);

impl GrantKind {
    /// Every kind, in the default order of draw.
    pub const ALL: [Self; 4] =
        [Self::Purchased, Self::Subscription, Self::Promotional, Self::Adjustment];

    /// Its name in tables and answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Purchased => "purchased",
            Self::Subscription => "subscription",
            Self::Promotional => "promotional",
            Self::Adjustment => "adjustment",
        }
    }
}

impl FromStr for GrantKind {
    type Err = UnknownGrantKind;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.name() == name)
            .ok_or_else(|| UnknownGrantKind(name.to_owned()))
    }
}

/// What credits were given for, in two words: the same source gives only once.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Source {
    /// What kind of thing: `payment`, `period`, `operator`.
    pub kind: String,
    /// Which one.
    pub id: String,
}

impl Source {
    /// A source.
    pub fn new(kind: &str, id: impl Into<String>) -> Self {
        Self { kind: kind.to_owned(), id: id.into() }
    }
}

/// In which order the kinds are drawn.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DrawOrder(pub [GrantKind; 4]);

impl Default for DrawOrder {
    fn default() -> Self {
        Self(GrantKind::ALL)
    }
}

impl DrawOrder {
    /// By kind; inside a kind the soonest to expire, then the oldest.
    pub fn key(
        &self,
        grant: &Grant,
    ) -> (usize, bool, Option<OffsetDateTime>, OffsetDateTime, GrantId) {
        let rank = self.0.iter().position(|kind| *kind == grant.kind).unwrap_or(self.0.len());
        (rank, grant.expires_at.is_none(), grant.expires_at, grant.granted_at, grant.id)
    }
}
