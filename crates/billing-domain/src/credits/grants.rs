//! Giving credits, and taking them back.

use time::OffsetDateTime;

use crate::credits::{
    CreditAccount, CreditOutcome, EntryKind, Grant, GrantKind, NewGrant, Origin, Revoke, Touch,
    account::Change,
};

impl CreditAccount {
    pub(super) fn grant(&mut self, new: &NewGrant, now: OffsetDateTime) -> CreditOutcome {
        if let Some(id) = self.sources.get(&new.source) {
            return CreditOutcome::Granted { id: *id, already: true };
        }
        self.pending.granted.insert(new.id);
        self.know_grant(Grant {
            id: new.id,
            kind: new.kind,
            amount: new.amount,
            remaining: new.amount,
            held: 0,
            revoked: 0,
            starts_at: new.starts_at.max(now),
            expires_at: new.expires_at,
            source: new.source.clone(),
            granted_at: now,
            started: false,
            noticed: 0,
        });
        CreditOutcome::Granted { id: new.id, already: false }
    }

    pub(super) fn revoke(&mut self, asked: &Revoke, now: OffsetDateTime) -> CreditOutcome {
        let known = self.grants.iter_mut().find(|grant| grant.source == asked.source);
        let Some(grant) = known else { return CreditOutcome::Revoked(None) };
        let mut more = asked.total.clamp(0, grant.amount) - grant.revoked;
        let over = grant.expires_at.is_some_and(|end| end <= now);
        // What is not used by its end is lost anyway, and what was used by then is not asked for.
        if more == 0 || (more > 0 && grant.started && over) {
            return CreditOutcome::Revoked(Some(0));
        }
        if !grant.started {
            grant.revoked += more;
            self.pending.touch(grant.id);
            // Not part of the balance yet: no row tells of it.
            grant.remaining -= more;
            self.pending.moved = true;
            return CreditOutcome::Revoked(Some(more));
        }
        let (moved, owed) = if more > 0 {
            let taken = grant.free().min(more);
            (-taken, more - taken)
        } else {
            let repaid = self.overdrawn.min(-more);
            // What has no room in the grant stays taken back until there is.
            ((-more - repaid).min(grant.amount - grant.remaining), -repaid)
        };
        more = owed - moved;
        if more == 0 {
            return CreditOutcome::Revoked(Some(0));
        }
        grant.revoked += more;
        grant.remaining += moved;
        self.pending.touch(grant.id);
        let touched = vec![Touch { grant_id: grant.id, amount: moved, held: 0 }];
        let (kind, origin) = (taken_back_as(grant), Origin::Revoke(grant.source.clone()));
        self.enter(now, Change { kind, touched, overdrawn: owed, held: 0, origin });
        CreditOutcome::Revoked(Some(more))
    }
}

/// What was paid for is refunded; the rest is put right.
fn taken_back_as(grant: &Grant) -> EntryKind {
    if grant.kind == GrantKind::Purchased { EntryKind::Refunded } else { EntryKind::Adjusted }
}
