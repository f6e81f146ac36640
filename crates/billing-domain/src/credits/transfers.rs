//! Giving credits away. The one who receives them gets ordinary grants.

use time::OffsetDateTime;

use crate::{
    credits::{
        Asked, CreditAccount, CreditOutcome, EntryKind, NewGrant, Operation, Origin, Send, Sent,
        Source, Taken, Touch, account::Change, consume::Keyed,
    },
    id::GrantId,
};

impl CreditAccount {
    pub(super) fn send(&mut self, asked: &Send, now: OffsetDateTime) -> CreditOutcome {
        let keyed = Keyed {
            operation: Operation::Transfer,
            key: &asked.key,
            decision: asked.decision,
            asked: Asked { what: asked.to.to_string(), quantity: asked.amount() },
            required: asked.amount(),
        };
        self.once(keyed, now, |account| {
            // Nobody gives away what is owed.
            let available = account.own().max(0);
            if asked.amount() > available {
                return account.denied(asked.decision, (asked.amount(), available), now);
            }
            CreditOutcome::Sent(account.part_with(asked, now))
        })
    }

    fn part_with(&mut self, asked: &Send, now: OffsetDateTime) -> Sent {
        let (touched, _) = self.take(asked.amount());
        let taken = touched.iter().filter_map(|touch| self.taken(touch)).collect();
        let origin =
            Origin::Transfer { decision: asked.decision, key: asked.key.clone(), to: asked.to };
        let kind = EntryKind::Transferred;
        self.enter(now, Change { kind, touched, overdrawn: 0, held: 0, origin });
        Sent {
            decision: asked.decision,
            seq: self.last_seq,
            amount: asked.amount(),
            balance_after: self.balance(),
            taken,
            replayed: false,
        }
    }

    fn taken(&self, touch: &Touch) -> Option<Taken> {
        let grant = self.grants.iter().find(|grant| grant.id == touch.grant_id)?;
        Some(Taken { kind: grant.kind, amount: -touch.amount, expires_at: grant.expires_at })
    }
}

impl Sent {
    /// What the other organization is granted: its source is the transfer, so it comes once.
    pub fn grants(&self, mut id: impl FnMut() -> GrantId, now: OffsetDateTime) -> Vec<NewGrant> {
        let numbered = (1..).zip(&self.taken);
        numbered
            .map(|(n, taken): (u32, &Taken)| NewGrant {
                id: id(),
                kind: taken.kind,
                amount: taken.amount,
                starts_at: now,
                expires_at: taken.expires_at,
                source: Source::new(Source::TRANSFER, format!("{}:{n}", self.decision)),
            })
            .collect()
    }
}
