//! What happens by itself: holds time out, grants end and start, ends are told ahead.

use time::OffsetDateTime;

use crate::{
    credits::{
        CreditAccount, EntryKind, Grant, GrantKind, Origin, Resolution, Source, Touch,
        account::Change,
    },
    event::What,
    id::{GrantId, HoldId},
};

/// What is due next. At one instant what ends goes before what starts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    TimeOut(HoldId),
    End(GrantId),
    Start(GrantId),
    Notice(GrantId),
}

impl CreditAccount {
    /// When something becomes due next.
    pub fn next_due_at(&self) -> Option<OffsetDateTime> {
        self.next_due().map(|(at, _)| at)
    }

    /// Books what is due up to an instant, in the order in which it was due.
    pub(super) fn book_due(&mut self, now: OffsetDateTime) {
        while let Some((at, due)) = self.next_due()
            && at <= now
        {
            let at = at.max(self.last_at);
            match due {
                Due::TimeOut(hold) => self.time_out(hold, at),
                Due::End(grant) => self.end(grant, at),
                Due::Start(grant) => self.start(grant, at),
                Due::Notice(grant) => self.tell_end(grant, at),
            }
        }
    }

    fn next_due(&self) -> Option<(OffsetDateTime, Due)> {
        let holds = self.holds.values().filter(|hold| hold.is_open());
        let holds = holds.map(|hold| (hold.until, Due::TimeOut(hold.id)));
        holds.chain(self.grants.iter().filter_map(due)).min()
    }

    fn time_out(&mut self, hold: HoldId, at: OffsetDateTime) {
        let Some(hold) = self.holds.get(&hold).cloned() else { return };
        let origin = Origin::TimeOut(hold.id);
        self.give_up(&hold, (Resolution::TimedOut, origin), at);
    }

    fn end(&mut self, id: GrantId, at: OffsetDateTime) {
        let Some(grant) = self.grants.iter_mut().find(|grant| grant.id == id) else { return };
        // What is held can still be settled.
        let lost = grant.free();
        grant.remaining -= lost;
        self.pending.touch(id);
        let touched = vec![Touch { grant_id: id, amount: -lost, held: 0 }];
        let (kind, origin) = (EntryKind::Expired, Origin::Expiry(grant.source.clone()));
        self.enter(at, Change { kind, touched, overdrawn: 0, held: 0, origin });
    }

    fn start(&mut self, id: GrantId, at: OffsetDateTime) {
        let Some(grant) = self.grants.iter_mut().find(|grant| grant.id == id) else { return };
        // What is overdrawn is repaid first.
        let repaid = self.overdrawn.min(grant.remaining);
        grant.started = true;
        grant.remaining -= repaid;
        self.pending.touch(id);
        let touched = vec![Touch { grant_id: id, amount: grant.remaining, held: 0 }];
        let (kind, origin) = (earned_as(grant), Origin::Grant(grant.source.clone()));
        self.enter(at, Change { kind, touched, overdrawn: -repaid, held: 0, origin });
    }

    fn tell_end(&mut self, id: GrantId, at: OffsetDateTime) {
        let Some(grant) = self.grants.iter_mut().find(|grant| grant.id == id) else { return };
        let (days, remaining) = (grant.tell(at), grant.free());
        self.pending.touch(id);
        self.pending.moved = true;
        if let (Some(days), Some(expires_at)) = (days, grant.expires_at) {
            let told = What::CreditsExpiring { grant_id: id, remaining, expires_at, days };
            self.pending.told.push((at, told));
        }
    }
}

/// When the next thing happens to a grant by itself, and what.
fn due(grant: &Grant) -> Option<(OffsetDateTime, Due)> {
    if !grant.started {
        return Some((grant.starts_at, Due::Start(grant.id)));
    }
    let end = grant.expires_at.filter(|_| grant.free() > 0)?;
    let notice = grant.notice().map(|(at, _)| (at, Due::Notice(grant.id)));
    Some(notice.map_or((end, Due::End(grant.id)), |notice| notice.min((end, Due::End(grant.id)))))
}

fn earned_as(grant: &Grant) -> EntryKind {
    if grant.source.kind == Source::TRANSFER {
        return EntryKind::Transferred;
    }
    match grant.kind {
        GrantKind::Purchased => EntryKind::Purchased,
        GrantKind::Adjustment => EntryKind::Adjusted,
        GrantKind::Subscription | GrantKind::Promotional => EntryKind::Earned,
    }
}
