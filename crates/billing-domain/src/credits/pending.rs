//! What commands changed and nobody has recorded yet.

use std::collections::BTreeSet;

use time::OffsetDateTime;

use crate::{
    credits::{Asked, Entry, IdempotencyKey, Operation},
    event::What,
    id::{DecisionId, GrantId, HoldId},
};

/// What commands changed and nobody has recorded yet.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Pending {
    /// New rows of the ledger, in order.
    pub entries: Vec<Entry>,
    /// Grants that are new.
    pub granted: BTreeSet<GrantId>,
    /// Grants known before, of which something changed.
    pub changed: BTreeSet<GrantId>,
    /// Holds that are new.
    pub held: BTreeSet<HoldId>,
    /// Holds known before that were resolved.
    pub resolved: BTreeSet<HoldId>,
    /// What was decided anew under keys.
    pub decided: Vec<Decided>,
    /// What others are to be told beside the rows, and when it was so.
    pub told: Vec<(OffsetDateTime, What)>,
    /// Whether anything of the account itself changed without a row.
    pub moved: bool,
    /// Whether its settings changed, or the days before today of its pace.
    pub configured: bool,
}

/// What was decided under a key, with all that the same answer needs, and its explanation.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Decided {
    /// What was asked for.
    pub operation: Operation,
    /// Under which key.
    pub key: IdempotencyKey,
    /// The decision.
    pub decision: DecisionId,
    /// The request.
    pub asked: Asked,
    /// How many credits it takes.
    pub required: i64,
    /// When.
    pub at: OffsetDateTime,
    /// What came of it.
    pub verdict: Verdict,
}

/// Whether there was enough.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// There was; it is this row of the ledger.
    Allowed {
        /// The number of the row.
        seq: i64,
    },
    /// There was not.
    Denied {
        /// The number of the last row before.
        seq: i64,
        /// How many credits there were, overdraft included.
        available: i64,
    },
}

impl Pending {
    /// Remembers that a grant changed, unless it is new and will be recorded whole.
    pub(super) fn touch(&mut self, grant: GrantId) {
        if !self.granted.contains(&grant) {
            self.changed.insert(grant);
        }
    }

    /// Remembers that a hold was resolved, unless it is new and will be recorded whole.
    pub(super) fn resolve(&mut self, hold: HoldId) {
        if !self.held.contains(&hold) {
            self.resolved.insert(hold);
        }
    }
}
