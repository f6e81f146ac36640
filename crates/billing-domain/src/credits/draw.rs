//! Taking credits from grants, in the order of draw.

use core::{fmt, str::FromStr};

use crate::{
    credits::{CreditAccount, Entry, Origin, Touch},
    id::DecisionId,
};

/// A use of credits, as its row tells it, and how much of it was given back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Draw {
    /// The row.
    pub seq: i64,
    /// The decision.
    pub decision: DecisionId,
    /// How many credits.
    pub amount: i64,
    /// From which grants, in this order.
    pub touched: Vec<Touch>,
    /// How many of them were overdrawn.
    pub overdrawn: i64,
    /// How many were given back.
    pub returned: i64,
}

/// Names a use of credits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DrawRef {
    /// By its row in the ledger.
    Row(i64),
    /// By its decision; for what was held, the hold.
    Decision(DecisionId),
}

/// Its row, or its decision.
impl fmt::Display for DrawRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Row(seq) => seq.fmt(f),
            Self::Decision(decision) => decision.fmt(f),
        }
    }
}

impl FromStr for DrawRef {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let row = text.parse().map(Self::Row).ok();
        row.map_or_else(|| text.parse().map(Self::Decision), Ok)
    }
}

impl Draw {
    /// What a row tells, if it is about use.
    pub fn of(entry: &Entry, returned: i64) -> Option<Self> {
        let decision = match &entry.origin {
            Origin::Consume { decision, .. } => *decision,
            Origin::Settle { hold, .. } => DecisionId(hold.0),
            Origin::Grant(_)
            | Origin::Expiry(_)
            | Origin::Hold { .. }
            | Origin::Release(_)
            | Origin::TimeOut(_)
            | Origin::Revoke(_)
            | Origin::Refund { .. }
            | Origin::Transfer { .. }
            | Origin::Settings(_) => return None,
        };
        Some(Self {
            seq: entry.seq,
            decision,
            amount: -entry.amount,
            touched: entry.touched.iter().filter(|touch| touch.amount < 0).copied().collect(),
            overdrawn: entry.overdrawn_change,
            returned,
        })
    }

    /// Whether it is the one that is named.
    pub fn is(&self, reference: DrawRef) -> bool {
        match reference {
            DrawRef::Row(seq) => self.seq == seq,
            DrawRef::Decision(decision) => self.decision == decision,
        }
    }
}

impl CreditAccount {
    /// Takes credits from grants as far as they reach, and says how many are open.
    pub(super) fn take(&mut self, amount: i64) -> (Vec<Touch>, i64) {
        self.reach(amount, |grant, taken| {
            grant.remaining -= taken;
            Touch { grant_id: grant.id, amount: -taken, held: 0 }
        })
    }

    /// Reserves credits of grants as far as they reach, and says how many are open.
    pub(super) fn reserve(&mut self, amount: i64) -> (Vec<Touch>, i64) {
        self.reach(amount, |grant, taken| {
            grant.held += taken;
            Touch { grant_id: grant.id, amount: 0, held: taken }
        })
    }

    fn reach(
        &mut self,
        amount: i64,
        bear: impl Fn(&mut super::Grant, i64) -> Touch,
    ) -> (Vec<Touch>, i64) {
        let mut open = amount;
        let mut touched = Vec::new();
        let order = self.settings.order;
        self.grants.sort_by_key(|grant| order.key(grant));
        for grant in self.grants.iter_mut().filter(|grant| grant.free() > 0) {
            if open == 0 {
                break;
            }
            let taken = open.min(grant.free());
            open -= taken;
            touched.push(bear(grant, taken));
            self.pending.touch(grant.id);
        }
        (touched, open)
    }
}
