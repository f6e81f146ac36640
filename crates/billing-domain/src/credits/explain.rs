//! A decision, decided once more on what it was decided on.

use time::Duration;
use uuid::Uuid;

use crate::{
    credits::{
        Consume, CreditAccount, CreditCommand, Decided, Entry, NewHold, Operation, Origin, Refund,
        Send, Verdict,
    },
    id::{GrantId, HoldId, OrganizationId},
};

/// A decision on credits, with the account as it stood before.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CreditDecision {
    /// Whose it is.
    pub organization_id: OrganizationId,
    /// What was decided.
    pub decided: Decided,
    /// The row that it left, where it was allowed.
    pub entry: Option<Entry>,
    /// The account as it stood before, with what was due booked.
    pub before: CreditAccount,
}

/// What comes of a decision when it is decided once more.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Recomputed {
    /// Whether there was enough; nothing where the request could not be made again.
    pub verdict: Option<Verdict>,
    /// The row that it would leave.
    pub entry: Option<Entry>,
    /// Whether it is the same in all: verdict, row, and what the row did to each grant.
    pub same: bool,
}

impl CreditDecision {
    /// Decides once more, by the same rules on the same facts.
    pub fn recomputed(&self) -> Recomputed {
        let mut account = self.before.clone();
        let Some(command) = self.command() else {
            return Recomputed { verdict: None, entry: None, same: false };
        };
        account.apply(&command, self.decided.at);
        let pending = account.take_pending();
        let of = |decided: &&Decided| decided.decision == self.decided.decision;
        let decided = pending.decided.iter().find(of);
        let verdict = decided.map(|decided| decided.verdict);
        let entry = pending
            .entries
            .into_iter()
            .find(|entry| matches!(verdict, Some(Verdict::Allowed { seq }) if seq == entry.seq));
        let same = decided == Some(&self.decided) && entry == self.entry;
        Recomputed { verdict, entry, same }
    }

    /// The request, as it was made.
    fn command(&self) -> Option<CreditCommand> {
        let Decided { operation, key, decision, asked, required, at, verdict: _ } =
            self.decided.clone();
        let all = Some(asked.quantity).filter(|quantity| *quantity > 0);
        Some(match operation {
            Operation::Consume => {
                let unit_cost = required.checked_div(asked.quantity)?;
                let consume = Consume::new(decision, key, asked.what, asked.quantity, unit_cost);
                CreditCommand::Consume(consume.ok()?)
            }
            Operation::Hold => {
                let until = match self.entry.as_ref().map(|entry| &entry.origin) {
                    Some(Origin::Hold { until, .. }) => *until,
                    Some(_) | None => at + Duration::SECOND,
                };
                let hold = NewHold::new(HoldId(decision.0), key, asked.what, required, until);
                CreditCommand::Hold(hold.ok()?)
            }
            Operation::Refund => {
                let draw = asked.what.parse().ok()?;
                let touched = self.entry.as_ref().and_then(|entry| entry.touched.last());
                let grant = touched.map_or(GrantId(Uuid::nil()), |touch| touch.grant_id);
                CreditCommand::Refund(Refund::new(decision, key, draw, all, grant).ok()?)
            }
            Operation::Transfer => {
                let to = asked.what.parse().ok()?;
                CreditCommand::Send(Send::new(decision, key, to, asked.quantity).ok()?)
            }
        })
    }
}
