//! Giving back what was used.

use time::OffsetDateTime;

use crate::credits::{
    Asked, CreditAccount, CreditOutcome, Draw, DrawRef, EntryKind, Grant, GrantKind, Operation,
    Origin, Refund, RefundRefusal, Refunded, Source, Touch, account::Change, consume::Keyed,
};

impl CreditAccount {
    pub(super) fn refund(&mut self, asked: &Refund, now: OffsetDateTime) -> CreditOutcome {
        let keyed = Keyed {
            operation: Operation::Refund,
            key: &asked.key,
            decision: asked.decision,
            asked: Asked {
                what: asked.draw.to_string(),
                quantity: asked.amount().unwrap_or_default(),
            },
            required: asked.amount().unwrap_or_default(),
        };
        self.once(keyed, now, |account| {
            let Some(draw) = account.find_draw(asked.draw) else {
                return CreditOutcome::RefundRefused(RefundRefusal::Unknown);
            };
            let left = draw.amount - draw.returned;
            let amount = asked.amount().unwrap_or(left);
            if amount > left || left == 0 {
                return CreditOutcome::RefundRefused(RefundRefusal::TooMuch(left));
            }
            CreditOutcome::Refunded(account.give_back(draw, amount, (asked, now)))
        })
    }

    fn find_draw(&self, reference: DrawRef) -> Option<Draw> {
        if let Some(known) = self.draws.iter().find(|draw| draw.is(reference)) {
            return Some(known.clone());
        }
        let new = self.pending.entries.iter().filter_map(|entry| Draw::of(entry, 0));
        new.into_iter().find(|draw| draw.is(reference))
    }

    /// Gives back the last that was taken first: what was overdrawn, then grant by grant.
    fn give_back(
        &mut self,
        mut draw: Draw,
        amount: i64,
        (asked, now): (&Refund, OffsetDateTime),
    ) -> Refunded {
        let (mut skip, mut open) = (draw.returned, amount);
        let mut next = |part: i64| {
            let skipped = skip.min(part);
            skip -= skipped;
            let back = open.min(part - skipped);
            open -= back;
            back
        };
        let mut overdrawn = next(draw.overdrawn);
        let parts: Vec<(Touch, i64)> =
            draw.touched.iter().rev().map(|touch| (*touch, next(-touch.amount))).collect();
        let mut touched = Vec::new();
        for (touch, back) in parts.into_iter().filter(|(_, back)| *back > 0) {
            let Some(grant) = self.grants.iter_mut().find(|it| it.id == touch.grant_id) else {
                continue;
            };
            // What was taken back of the grant after it was used has become a debt: it has no place
            // there any more.
            let room = (grant.amount - grant.revoked - grant.remaining).clamp(0, back);
            overdrawn += back - room;
            if room > 0 {
                grant.remaining += room;
                self.pending.touch(touch.grant_id);
                touched.push(Touch { grant_id: touch.grant_id, amount: room, held: 0 });
            }
        }
        let repaid = overdrawn.min(self.overdrawn);
        if overdrawn > repaid {
            // The debt is repaid by now, by a grant that may be used up: they come back by
            // themselves.
            touched.push(self.put_back(overdrawn - repaid, asked, now));
        }
        draw.returned += amount;
        let seq = draw.seq;
        self.know_draw(draw);
        let origin = Origin::Refund { decision: asked.decision, key: asked.key.clone(), draw: seq };
        let kind = EntryKind::Refunded;
        let change = Change { kind, touched: touched.clone(), overdrawn: -repaid, held: 0, origin };
        self.enter(now, change);
        Refunded {
            decision: asked.decision,
            seq: self.last_seq,
            draw: seq,
            amount,
            balance_after: self.balance(),
            touched,
            replayed: false,
        }
    }

    /// A grant of what has no grant to return to. It starts with the row that is about to follow.
    fn put_back(&mut self, amount: i64, asked: &Refund, now: OffsetDateTime) -> Touch {
        let id = asked.grant;
        self.pending.granted.insert(id);
        self.know_grant(Grant {
            id,
            kind: GrantKind::Adjustment,
            amount,
            remaining: amount,
            held: 0,
            revoked: 0,
            starts_at: now,
            expires_at: None,
            source: Source::new(Source::REFUND, asked.decision.to_string()),
            granted_at: now,
            started: true,
            noticed: 0,
        });
        Touch { grant_id: id, amount, held: 0 }
    }
}
