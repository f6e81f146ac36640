//! Using credits, and deciding under a key.

use time::OffsetDateTime;

use crate::{
    credits::{
        Asked, Consume, Consumed, CreditAccount, CreditOutcome, Decided, Denied, EntryKind, Held,
        IdempotencyKey, Operation, Origin, Refunded, Sent, Verdict, account::Change,
    },
    id::DecisionId,
};

/// What is to be decided under a key.
pub(super) struct Keyed<'a> {
    pub(super) operation: Operation,
    pub(super) key: &'a IdempotencyKey,
    pub(super) decision: DecisionId,
    pub(super) asked: Asked,
    pub(super) required: i64,
}

impl CreditAccount {
    pub(super) fn consume(&mut self, asked: &Consume, now: OffsetDateTime) -> CreditOutcome {
        let keyed = Keyed {
            operation: Operation::Consume,
            key: &asked.key,
            decision: asked.decision,
            asked: Asked { what: asked.event.clone(), quantity: asked.quantity() },
            required: asked.cost(),
        };
        self.once(keyed, now, |account| {
            let available = account.available();
            if asked.cost() > available {
                return account.denied(asked.decision, (asked.cost(), available), now);
            }
            CreditOutcome::Consumed(account.draw(asked, now))
        })
    }

    /// Takes what is available; the caller has seen that it is enough.
    fn draw(&mut self, asked: &Consume, now: OffsetDateTime) -> Consumed {
        let (touched, open) = self.take(asked.cost());
        let origin = Origin::Consume {
            decision: asked.decision,
            key: asked.key.clone(),
            event: asked.event.clone(),
            quantity: asked.quantity(),
            unit_cost: asked.unit_cost(),
        };
        let kind = EntryKind::Consumed;
        let change = Change { kind, touched: touched.clone(), overdrawn: open, held: 0, origin };
        self.enter(now, change);
        self.watch(asked.cost(), now);
        Consumed {
            decision: asked.decision,
            seq: self.last_seq,
            cost: asked.cost(),
            balance_after: self.balance(),
            touched,
            replayed: false,
        }
    }

    pub(super) const fn denied(
        &self,
        decision: DecisionId,
        (required, available): (i64, i64),
        at: OffsetDateTime,
    ) -> CreditOutcome {
        CreditOutcome::Denied(Denied { decision, required, available, at, replayed: false })
    }

    /// Decides under a key, or gives the answer that it got before.
    pub(super) fn once(
        &mut self,
        keyed: Keyed<'_>,
        now: OffsetDateTime,
        decide: impl FnOnce(&mut Self) -> CreditOutcome,
    ) -> CreditOutcome {
        let Keyed { operation, key, decision, asked, required } = keyed;
        if let Some((before, outcome)) = self.decided.get(&(operation, key.clone())) {
            return if *before == asked { again(outcome) } else { CreditOutcome::KeyReused };
        }
        let before = self.last_seq;
        let outcome = decide(self);
        if let Some((required, verdict)) = verdict(&outcome, before, required) {
            self.decided.insert((operation, key.clone()), (asked.clone(), outcome.clone()));
            let key = key.clone();
            let at = now;
            let decided = Decided { operation, key, decision, asked, required, at, verdict };
            self.pending.decided.push(decided);
        }
        outcome
    }
}

/// What is kept of a decision: how many credits it takes, and whether there were enough. Nothing
/// for what was refused for what it asks, not for what there is: it may be asked again.
const fn verdict(outcome: &CreditOutcome, before: i64, required: i64) -> Option<(i64, Verdict)> {
    match outcome {
        CreditOutcome::Consumed(Consumed { seq, .. })
        | CreditOutcome::Held(Held { seq, .. })
        | CreditOutcome::Sent(Sent { seq, .. }) => Some((required, Verdict::Allowed { seq: *seq })),
        CreditOutcome::Refunded(Refunded { seq, amount, .. }) => {
            Some((*amount, Verdict::Allowed { seq: *seq }))
        }
        CreditOutcome::Denied(Denied { available, .. }) => {
            Some((required, Verdict::Denied { seq: before, available: *available }))
        }
        CreditOutcome::KeyReused
        | CreditOutcome::Settled(_)
        | CreditOutcome::Released(_)
        | CreditOutcome::HoldRefused(_)
        | CreditOutcome::Granted { .. }
        | CreditOutcome::Revoked(_)
        | CreditOutcome::RefundRefused(_)
        | CreditOutcome::Configured(_)
        | CreditOutcome::Booked => None,
    }
}

/// The same answer once more.
fn again(outcome: &CreditOutcome) -> CreditOutcome {
    let replayed = true;
    match outcome.clone() {
        CreditOutcome::Consumed(before) => CreditOutcome::Consumed(Consumed { replayed, ..before }),
        CreditOutcome::Held(before) => CreditOutcome::Held(Held { replayed, ..before }),
        CreditOutcome::Denied(before) => CreditOutcome::Denied(Denied { replayed, ..before }),
        CreditOutcome::Refunded(before) => CreditOutcome::Refunded(Refunded { replayed, ..before }),
        CreditOutcome::Sent(before) => {
            CreditOutcome::Sent(Sent { replayed, taken: Vec::new(), ..before })
        }
        other @ (CreditOutcome::KeyReused
        | CreditOutcome::Settled(_)
        | CreditOutcome::Released(_)
        | CreditOutcome::HoldRefused(_)
        | CreditOutcome::Granted { .. }
        | CreditOutcome::Revoked(_)
        | CreditOutcome::RefundRefused(_)
        | CreditOutcome::Configured(_)
        | CreditOutcome::Booked) => other,
    }
}
