//! Reserving credits, and what becomes of it.

use time::OffsetDateTime;

use crate::{
    credits::{
        Asked, CreditAccount, CreditOutcome, EntryKind, Held, Hold, HoldRefusal, HoldState,
        NewHold, Operation, Origin, Released, Resolution, Settle, Settled, Touch, account::Change,
        consume::Keyed,
    },
    id::{DecisionId, HoldId},
};

impl CreditAccount {
    pub(super) fn hold(&mut self, asked: &NewHold, now: OffsetDateTime) -> CreditOutcome {
        let decision = DecisionId(asked.id.0);
        let keyed = Keyed {
            operation: Operation::Hold,
            key: &asked.key,
            decision,
            asked: Asked { what: asked.event.clone(), quantity: asked.amount() },
            required: asked.amount(),
        };
        self.once(keyed, now, |account| {
            let available = account.available();
            if asked.amount() > available {
                return account.denied(decision, (asked.amount(), available), now);
            }
            CreditOutcome::Held(account.set_aside(asked, now))
        })
    }

    /// Reserves what is available; the caller has seen that it is enough.
    fn set_aside(&mut self, asked: &NewHold, now: OffsetDateTime) -> Held {
        let (touched, _) = self.reserve(asked.amount());
        let origin = Origin::Hold {
            hold: asked.id,
            key: asked.key.clone(),
            event: asked.event.clone(),
            until: asked.until,
        };
        let (kind, amount) = (EntryKind::Held, asked.amount());
        let change = Change { kind, touched: touched.clone(), overdrawn: 0, held: amount, origin };
        self.enter(now, change);
        self.pending.held.insert(asked.id);
        self.know_hold(Hold {
            id: asked.id,
            event: asked.event.clone(),
            amount,
            parts: touched.clone(),
            until: asked.until,
            state: HoldState::Open,
        });
        let (seq, replayed) = (self.last_seq, false);
        Held { hold: asked.id, seq, amount, until: asked.until, touched, replayed }
    }

    pub(super) fn settle(&mut self, asked: Settle, now: OffsetDateTime) -> CreditOutcome {
        let Some(hold) = self.holds.get(&asked.hold).cloned() else {
            return CreditOutcome::HoldRefused(HoldRefusal::Unknown);
        };
        let wanted = asked.amount().unwrap_or(hold.amount);
        match hold.state {
            HoldState::Open if wanted > hold.amount => {
                CreditOutcome::HoldRefused(HoldRefusal::TooMuch(hold.amount))
            }
            HoldState::Open => CreditOutcome::Settled(self.use_held(&hold, wanted, now)),
            HoldState::Resolved { how: Resolution::Settled, settled, seq, balance_after }
                if settled == wanted =>
            {
                let (hold, returned) = (hold.id, hold.amount - settled);
                let replayed = true;
                CreditOutcome::Settled(Settled {
                    hold,
                    seq,
                    settled,
                    returned,
                    balance_after,
                    replayed,
                })
            }
            HoldState::Resolved { how, settled, .. } => refused(&hold, how, settled),
        }
    }

    fn use_held(&mut self, hold: &Hold, wanted: i64, now: OffsetDateTime) -> Settled {
        let mut open = wanted;
        let mut touched = Vec::with_capacity(hold.parts.len());
        for part in &hold.parts {
            let used = open.min(part.held);
            open -= used;
            touched.push(self.unhold(*part, used));
        }
        // What was held of the overdraft is taken from grants, if there are any by now.
        let (more, owed) = self.take(open);
        touched.extend(more);
        let (kind, event) = (EntryKind::Consumed, hold.event.clone());
        let origin = Origin::Settle { hold: hold.id, event };
        self.enter(now, Change { kind, touched, overdrawn: owed, held: -hold.amount, origin });
        let (seq, balance_after) = (self.last_seq, self.balance());
        self.resolve(hold.id, Resolution::Settled, wanted);
        self.watch(wanted, now);
        let returned = hold.amount - wanted;
        Settled { hold: hold.id, seq, settled: wanted, returned, balance_after, replayed: false }
    }

    pub(super) fn release(&mut self, id: HoldId, now: OffsetDateTime) -> CreditOutcome {
        let Some(hold) = self.holds.get(&id).cloned() else {
            return CreditOutcome::HoldRefused(HoldRefusal::Unknown);
        };
        match hold.state {
            HoldState::Open => {
                let seq = self.give_up(&hold, (Resolution::Released, Origin::Release(id)), now);
                let returned = hold.amount;
                CreditOutcome::Released(Released { hold: id, seq, returned, replayed: false })
            }
            HoldState::Resolved { how: Resolution::Released, seq, .. } => {
                let returned = hold.amount;
                CreditOutcome::Released(Released { hold: id, seq, returned, replayed: true })
            }
            HoldState::Resolved { how, settled, .. } => refused(&hold, how, settled),
        }
    }

    /// Returns what is held to the grants from which it came. The row that tells of it.
    pub(super) fn give_up(
        &mut self,
        hold: &Hold,
        (how, origin): (Resolution, Origin),
        at: OffsetDateTime,
    ) -> i64 {
        let touched = hold.parts.iter().map(|part| self.unhold(*part, 0)).collect();
        let kind = EntryKind::Released;
        self.enter(at, Change { kind, touched, overdrawn: 0, held: -hold.amount, origin });
        self.resolve(hold.id, how, 0);
        self.last_seq
    }

    /// Ends the reservation of a part, of which so much is used.
    fn unhold(&mut self, part: Touch, used: i64) -> Touch {
        let grant = self.grants.iter_mut().find(|grant| grant.id == part.grant_id);
        if let Some(grant) = grant {
            grant.held -= part.held;
            grant.remaining -= used;
        }
        self.pending.touch(part.grant_id);
        Touch { grant_id: part.grant_id, amount: -used, held: -part.held }
    }

    fn resolve(&mut self, id: HoldId, how: Resolution, settled: i64) {
        let (seq, balance_after) = (self.last_seq, self.balance());
        if let Some(hold) = self.holds.get_mut(&id) {
            hold.state = HoldState::Resolved { how, settled, seq, balance_after };
        }
        self.pending.resolve(id);
    }
}

const fn refused(hold: &Hold, how: Resolution, settled: i64) -> CreditOutcome {
    CreditOutcome::HoldRefused(match how {
        Resolution::Settled => HoldRefusal::Settled(settled),
        Resolution::Released => HoldRefusal::Released,
        Resolution::TimedOut => HoldRefusal::TimedOut(hold.until),
    })
}
