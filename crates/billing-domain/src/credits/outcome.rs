//! What comes of commands.

use time::OffsetDateTime;

use crate::{
    credits::{GrantKind, Settings, Touch},
    id::{DecisionId, GrantId, HoldId},
};

/// What came of a command.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum CreditOutcome {
    /// The credits were used.
    Consumed(Consumed),
    /// The credits are reserved.
    Held(Held),
    /// There were not enough, and nothing was taken.
    Denied(Denied),
    /// The key was used before, for something else. Nothing happened.
    KeyReused,
    /// What was held is used.
    Settled(Settled),
    /// What was held is returned.
    Released(Released),
    /// The hold cannot be settled or released. Nothing happened.
    HoldRefused(HoldRefusal),
    /// The credits were given, now or before.
    Granted {
        /// The grant.
        id: GrantId,
        /// Whether the source had given before.
        already: bool,
    },
    /// So much more is taken back of a grant; negative where it is given again. Nothing for a
    /// source that never gave.
    Revoked(Option<i64>),
    /// What was used is given back.
    Refunded(Refunded),
    /// It cannot be given back. Nothing happened.
    RefundRefused(RefundRefusal),
    /// The credits are given away.
    Sent(Sent),
    /// The settings from now on.
    Configured(Settings),
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

/// Credits are reserved.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Held {
    /// The hold.
    pub hold: HoldId,
    /// The row in the ledger.
    pub seq: i64,
    /// How many credits.
    pub amount: i64,
    /// Until when.
    pub until: OffsetDateTime,
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
    /// How many there were; overdraft included, where it may be used.
    pub available: i64,
    /// When it was decided.
    pub at: OffsetDateTime,
    /// Whether it was decided before, and this is the same answer again.
    pub replayed: bool,
}

/// What was held is used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Settled {
    /// The hold.
    pub hold: HoldId,
    /// The row in the ledger.
    pub seq: i64,
    /// How many credits were used.
    pub settled: i64,
    /// How many returned.
    pub returned: i64,
    /// The balance afterwards.
    pub balance_after: i64,
    /// Whether it was settled before, and this is the same answer again.
    pub replayed: bool,
}

/// What was held is returned.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Released {
    /// The hold.
    pub hold: HoldId,
    /// The row in the ledger.
    pub seq: i64,
    /// How many credits returned.
    pub returned: i64,
    /// Whether it was released before, and this is the same answer again.
    pub replayed: bool,
}

/// Why a hold cannot be settled or released. A hold resolves once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HoldRefusal {
    /// There is none of this id.
    Unknown,
    /// It was settled before, for so many credits.
    Settled(i64),
    /// It was released before.
    Released,
    /// It timed out.
    TimedOut(OffsetDateTime),
    /// More than is held; so much is.
    TooMuch(i64),
}

/// What was used is given back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refunded {
    /// The decision.
    pub decision: DecisionId,
    /// The row in the ledger.
    pub seq: i64,
    /// The row that is given back.
    pub draw: i64,
    /// How many credits.
    pub amount: i64,
    /// The balance afterwards; less where a grant has expired meanwhile.
    pub balance_after: i64,
    /// To which grants.
    pub touched: Vec<Touch>,
    /// Whether it was decided before, and this is the same answer again.
    pub replayed: bool,
}

/// Why something cannot be given back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RefundRefusal {
    /// No such use is known.
    Unknown,
    /// More than is left of it; so much is.
    TooMuch(i64),
}

/// Credits are given away.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sent {
    /// The transfer.
    pub decision: DecisionId,
    /// The row in the ledger of the one who gives.
    pub seq: i64,
    /// How many credits.
    pub amount: i64,
    /// The balance afterwards of the one who gives.
    pub balance_after: i64,
    /// What is given, by the grants from which it was taken; nothing where it was decided before.
    pub taken: Vec<Taken>,
    /// Whether it was decided before, and this is the same answer again.
    pub replayed: bool,
}

/// Credits that leave a grant as they were: what is given away keeps its kind and its end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Taken {
    /// Why they were given.
    pub kind: GrantKind,
    /// How many.
    pub amount: i64,
    /// Before when they must be used.
    pub expires_at: Option<OffsetDateTime>,
}
