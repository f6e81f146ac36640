//! Grants: where credits come from, and in which order they are drawn.

use core::str::FromStr;

use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

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
    /// How many are left, those that are held included.
    pub remaining: i64,
    /// How many of those are held.
    pub held: i64,
    /// How many were taken back.
    pub revoked: i64,
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
    /// How many days before the end it was last told that they will be lost; 0 for not yet.
    pub noticed: u8,
}

/// How many days before credits are lost it is told.
const NOTICES: [u8; 2] = [7, 1];

impl Grant {
    /// How many may be drawn now.
    pub const fn free(&self) -> i64 {
        if self.started { self.remaining - self.held } else { 0 }
    }

    /// When it is to be told next that credits will be lost, and how many days before. Grants that
    /// are shorter than a notice have none.
    pub(super) fn notice(&self) -> Option<(OffsetDateTime, u8)> {
        let end = self.expires_at.filter(|_| self.free() > 0)?;
        let open = NOTICES.into_iter().filter(|days| self.noticed == 0 || *days < self.noticed);
        open.map(|days| (end - Duration::days(i64::from(days)), days))
            .find(|(at, _)| *at > self.starts_at)
    }

    /// Remembers that it is told, or too late to be told, by an instant: how many days before the
    /// end, where it is not there yet. Of several that are due only the last is told.
    pub(super) fn tell(&mut self, now: OffsetDateTime) -> Option<u8> {
        let mut told = None;
        while let Some((_, days)) = self.notice().filter(|(at, _)| *at <= now) {
            self.noticed = days;
            told = Some(days);
        }
        told.filter(|_| self.expires_at.is_some_and(|end| now < end))
    }
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
    /// What kind of thing: `checkout`, `period`, `operator`, `refund`, `transfer`.
    pub kind: String,
    /// Which one.
    pub id: String,
}

impl Source {
    /// The kind of what another organization gave.
    pub const TRANSFER: &'static str = "transfer";
    /// The kind of what was used from an overdraft, repaid, and then given back.
    pub const REFUND: &'static str = "refund";

    /// A source.
    pub fn new(kind: &str, id: impl Into<String>) -> Self {
        Self { kind: kind.to_owned(), id: id.into() }
    }
}

/// In which order the kinds are drawn; each of them once.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(try_from = "[GrantKind; 4]", into = "[GrantKind; 4]")]
pub struct DrawOrder([GrantKind; 4]);

/// Such an order would leave out a kind.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "the order of draw must name each of purchased, subscription, promotional and adjustment once"
)]
pub struct InvalidDrawOrder;

impl TryFrom<[GrantKind; 4]> for DrawOrder {
    type Error = InvalidDrawOrder;

    fn try_from(kinds: [GrantKind; 4]) -> Result<Self, InvalidDrawOrder> {
        let all = GrantKind::ALL.iter().all(|kind| kinds.contains(kind));
        if all { Ok(Self(kinds)) } else { Err(InvalidDrawOrder) }
    }
}

impl From<DrawOrder> for [GrantKind; 4] {
    fn from(order: DrawOrder) -> Self {
        order.0
    }
}

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
