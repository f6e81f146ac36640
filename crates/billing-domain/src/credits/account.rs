//! The account that decides.

use std::collections::BTreeMap;

use time::OffsetDateTime;

use crate::{
    credits::{
        Asked, CreditCommand, CreditOutcome, Draw, Entry, EntryKind, Grant, Hold, IdempotencyKey,
        Operation, Origin, Pace, Pending, Settings, SettingsChange, Source, Touch,
    },
    event::What,
    id::{GrantId, HoldId, OrganizationId},
};

/// What is known of an organization's credits, enough to decide the commands at hand.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CreditAccount {
    /// Whose it is.
    pub organization_id: OrganizationId,
    /// The number of the last ledger row.
    pub last_seq: i64,
    /// The date of the last ledger row: dates never go backwards.
    pub last_at: OffsetDateTime,
    /// What it is decided by, beside what is in it.
    pub settings: Settings,
    /// How much is owed: used beyond what there was, or taken back after it was used.
    pub overdrawn: i64,
    /// How much is held, the overdraft included.
    pub held: i64,
    /// How fast credits are used.
    pub pace: Pace,
    pub(super) grants: Vec<Grant>,
    pub(super) sources: BTreeMap<Source, GrantId>,
    pub(super) holds: BTreeMap<HoldId, Hold>,
    pub(super) draws: Vec<Draw>,
    pub(super) decided: BTreeMap<(Operation, IdempotencyKey), (Asked, CreditOutcome)>,
    pub(super) pending: Pending,
}

/// One change of grants, of what is overdrawn and of what is held, from which a row is written.
pub(super) struct Change {
    pub(super) kind: EntryKind,
    pub(super) touched: Vec<Touch>,
    pub(super) overdrawn: i64,
    pub(super) held: i64,
    pub(super) origin: Origin,
}

impl CreditAccount {
    /// An account on which nothing has happened.
    pub fn new(organization_id: OrganizationId) -> Self {
        Self {
            organization_id,
            last_seq: 0,
            last_at: OffsetDateTime::UNIX_EPOCH,
            settings: Settings::default(),
            overdrawn: 0,
            held: 0,
            pace: Pace::default(),
            grants: Vec::new(),
            sources: BTreeMap::new(),
            holds: BTreeMap::new(),
            draws: Vec::new(),
            decided: BTreeMap::new(),
            pending: Pending::default(),
        }
    }

    /// Makes a recorded grant known; known already, it stays. Before a command all must be that
    /// have something left, and those that it names.
    pub fn know_grant(&mut self, grant: Grant) {
        if self.grants.iter().any(|known| known.id == grant.id) {
            return;
        }
        self.sources.insert(grant.source.clone(), grant.id);
        self.grants.push(grant);
    }

    /// Makes a recorded hold known. Before a command those must be that it names, those that are
    /// due, and of the other open ones the next to be due.
    pub fn know_hold(&mut self, hold: Hold) {
        self.holds.insert(hold.id, hold);
    }

    /// Makes a use known that is to be refunded; it takes the place of what was known of it.
    pub fn know_draw(&mut self, draw: Draw) {
        self.draws.retain(|known| known.seq != draw.seq);
        self.draws.push(draw);
    }

    /// Makes known what came of a key before.
    pub fn know_decision(
        &mut self,
        operation: Operation,
        key: IdempotencyKey,
        asked: Asked,
        outcome: CreditOutcome,
    ) {
        self.decided.insert((operation, key), (asked, outcome));
    }

    /// The grants that are known.
    pub fn grants(&self) -> &[Grant] {
        &self.grants
    }

    /// The holds that are known.
    pub fn holds(&self) -> impl Iterator<Item = &Hold> {
        self.holds.values()
    }

    /// What started grants have left, less what is overdrawn.
    pub fn balance(&self) -> i64 {
        // Saturates, so that no number of grants can make it panic or wrap: a thousand of the
        // largest grants fit, and sums are exact as long as they do.
        let started = self.grants.iter().filter(|grant| grant.started);
        let left = started.fold(0_i64, |sum, grant| sum.saturating_add(grant.remaining));
        left.saturating_sub(self.overdrawn)
    }

    /// What may be used: the balance without what is held, and the overdraft.
    pub fn available(&self) -> i64 {
        self.own().saturating_add(self.settings.overdraft_limit).max(0)
    }

    /// What may be given away: no overdraft.
    pub(super) fn own(&self) -> i64 {
        self.balance().saturating_sub(self.held)
    }

    /// Hands over what is to be recorded, and forgets it.
    pub fn take_pending(&mut self) -> Pending {
        core::mem::take(&mut self.pending)
    }

    /// Decides one command. What is due by then is booked first.
    pub fn apply(&mut self, command: &CreditCommand, now: OffsetDateTime) -> CreditOutcome {
        let now = now.max(self.last_at);
        self.book_due(now);
        let outcome = match command {
            CreditCommand::Consume(consume) => self.consume(consume, now),
            CreditCommand::Hold(hold) => self.hold(hold, now),
            CreditCommand::Settle(settle) => self.settle(*settle, now),
            CreditCommand::Release(hold) => self.release(*hold, now),
            CreditCommand::Grant(grant) => self.grant(grant, now),
            CreditCommand::Revoke(revoke) => self.revoke(revoke, now),
            CreditCommand::Refund(refund) => self.refund(refund, now),
            CreditCommand::Send(send) => self.send(send, now),
            CreditCommand::Configure(change) => self.configure(*change, now),
            CreditCommand::BookDue => CreditOutcome::Booked,
        };
        // What a command gives back to a grant whose time is over is lost at once.
        self.book_due(now);
        outcome
    }

    fn configure(&mut self, change: SettingsChange, now: OffsetDateTime) -> CreditOutcome {
        let settings = self.settings.changed(change);
        if settings != self.settings {
            self.settings = settings;
            self.pending.configured = true;
            let (kind, origin) = (EntryKind::Adjusted, Origin::Settings(settings));
            self.enter(now, Change { kind, touched: Vec::new(), overdrawn: 0, held: 0, origin });
        }
        CreditOutcome::Configured(settings)
    }

    /// Writes a row for what was just changed on grants.
    pub(super) fn enter(&mut self, at: OffsetDateTime, change: Change) {
        let moved: i64 = change.touched.iter().map(|touch| touch.amount).sum();
        self.overdrawn += change.overdrawn;
        self.held += change.held;
        self.last_seq += 1;
        self.last_at = at;
        self.pending.entries.push(Entry {
            seq: self.last_seq,
            at,
            kind: change.kind,
            amount: moved - change.overdrawn,
            balance_after: self.balance(),
            overdrawn_change: change.overdrawn,
            held_change: change.held,
            touched: change.touched,
            origin: change.origin,
        });
    }

    /// Tells, when credits were used, that few are left and that it is unusually fast.
    pub(super) fn watch(&mut self, used: i64, at: OffsetDateTime) {
        let (after, before) = (self.balance(), self.balance().saturating_add(used));
        let given = self.grants.iter().filter(|grant| grant.started && grant.remaining > 0);
        let given = given.fold(0_i64, |sum, grant| sum.saturating_add(grant.amount));
        let percent = i128::from(given) * i128::from(self.settings.low_percent) / 100;
        let percent = i64::try_from(percent).unwrap_or(given);
        let crossed = |threshold: i64| after < threshold && before >= threshold;
        let fell = |threshold: &i64| *threshold > 0 && crossed(*threshold);
        if let Some(threshold) = [self.settings.low_balance, percent].into_iter().find(fell) {
            self.pending.told.push((at, What::CreditsLow { balance: after, threshold }));
        }
        let [_, days @ ..] = self.pace.days;
        let unusual = self.pace.count(used, at);
        self.pending.configured |= !self.pace.days.ends_with(&days);
        if let Some(unusual) = unusual {
            let told =
                What::CreditsUnusual { in_hour: unusual.in_hour, hourly_mean: unusual.hourly_mean };
            self.pending.told.push((at, told));
        }
    }
}
