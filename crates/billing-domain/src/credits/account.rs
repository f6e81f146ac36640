//! The account that decides.

use std::collections::{BTreeMap, BTreeSet};

use time::OffsetDateTime;

use crate::{
    credits::{
        Consume, Consumed, CreditCommand, CreditOutcome, Denied, DrawOrder, Entry, EntryKind,
        Grant, GrantKind, IdempotencyKey, NewGrant, Origin, Source, Touch,
    },
    id::{GrantId, OrganizationId},
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
    /// How much may be used beyond what there is.
    pub overdraft_limit: i64,
    /// How much has been used beyond what there was.
    pub overdrawn: i64,
    /// In which order grants are drawn.
    pub order: DrawOrder,
    grants: Vec<Grant>,
    sources: BTreeMap<Source, GrantId>,
    decided: BTreeMap<IdempotencyKey, (Asked, CreditOutcome)>,
    pending: Pending,
}

/// The request behind a key: the same key must ask for the same.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Asked {
    event: String,
    quantity: i64,
}

/// What commands changed and nobody has recorded yet.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Pending {
    /// New rows of the ledger, in order.
    pub entries: Vec<Entry>,
    /// Grants that are new.
    pub granted: BTreeSet<GrantId>,
    /// Grants known before, of which something changed.
    pub changed: BTreeSet<GrantId>,
    /// Consumes decided anew, with what came of them.
    pub decided: Vec<(Consume, CreditOutcome)>,
}

/// One change of grants and of what is overdrawn, from which a row is written.
struct Change {
    kind: EntryKind,
    touched: Vec<Touch>,
    overdrawn: i64,
    origin: Origin,
}

impl Pending {
    /// Remembers that a grant changed, unless it is new and will be recorded whole.
    fn touch(&mut self, grant: GrantId) {
        if !self.granted.contains(&grant) {
            self.changed.insert(grant);
        }
    }
}

impl CreditAccount {
    /// An account on which nothing has happened.
    pub fn new(organization_id: OrganizationId) -> Self {
        Self {
            organization_id,
            last_seq: 0,
            last_at: OffsetDateTime::UNIX_EPOCH,
            overdraft_limit: 0,
            overdrawn: 0,
            order: DrawOrder::default(),
            grants: Vec::new(),
            sources: BTreeMap::new(),
            decided: BTreeMap::new(),
            pending: Pending::default(),
        }
    }

    /// Makes a recorded grant known. All that have something left must be, before a command.
    pub fn know_grant(&mut self, grant: Grant) {
        self.sources.insert(grant.source.clone(), grant.id);
        self.grants.push(grant);
    }

    /// Makes known that a source has given before.
    pub fn know_source(&mut self, source: Source, grant: GrantId) {
        self.sources.insert(source, grant);
    }

    /// Makes known what came of a key before.
    pub fn know_decision(
        &mut self,
        key: IdempotencyKey,
        event: String,
        quantity: i64,
        outcome: CreditOutcome,
    ) {
        self.decided.insert(key, (Asked { event, quantity }, outcome));
    }

    /// The grants that are known.
    pub fn grants(&self) -> &[Grant] {
        &self.grants
    }

    /// What started grants have left, less what is overdrawn.
    pub fn balance(&self) -> i64 {
        self.left().saturating_sub(self.overdrawn)
    }

    /// What may be used: the balance and the overdraft.
    pub fn available(&self) -> i64 {
        self.left().saturating_add(self.overdraft_limit.saturating_sub(self.overdrawn).max(0))
    }

    /// When something becomes due next.
    pub fn next_due_at(&self) -> Option<OffsetDateTime> {
        self.grants.iter().filter_map(due_at).min()
    }

    /// Hands over what is to be recorded, and forgets it.
    pub fn take_pending(&mut self) -> Pending {
        core::mem::take(&mut self.pending)
    }

    /// Decides one command. What is due by then is booked first.
    pub fn apply(&mut self, command: &CreditCommand, now: OffsetDateTime) -> CreditOutcome {
        let now = now.max(self.last_at);
        self.book_due(now);
        match command {
            CreditCommand::Consume(consume) => self.consume(consume, now),
            CreditCommand::Grant(grant) => self.grant(grant, now),
            CreditCommand::BookDue => CreditOutcome::Booked,
        }
    }

    fn consume(&mut self, asked: &Consume, now: OffsetDateTime) -> CreditOutcome {
        let request = Asked { event: asked.event.clone(), quantity: asked.quantity() };
        if let Some((before, outcome)) = self.decided.get(&asked.key) {
            return if *before == request { again(outcome) } else { CreditOutcome::KeyReused };
        }
        let outcome = if asked.cost() > self.available() {
            CreditOutcome::Denied(Denied {
                decision: asked.decision,
                required: asked.cost(),
                available: self.available(),
                at: now,
                replayed: false,
            })
        } else {
            CreditOutcome::Consumed(self.draw(asked, now))
        };
        self.decided.insert(asked.key.clone(), (request, outcome.clone()));
        self.pending.decided.push((asked.clone(), outcome.clone()));
        outcome
    }

    /// Takes what is available; the caller has seen that it is enough.
    fn draw(&mut self, asked: &Consume, now: OffsetDateTime) -> Consumed {
        let mut open = asked.cost();
        let mut touched = Vec::new();
        let order = self.order;
        self.grants.sort_by_key(|grant| order.key(grant));
        for grant in self.grants.iter_mut().filter(|grant| grant.started && grant.remaining > 0) {
            if open == 0 {
                break;
            }
            let taken = open.min(grant.remaining);
            grant.remaining -= taken;
            open -= taken;
            touched.push(Touch { grant_id: grant.id, amount: -taken });
            self.pending.touch(grant.id);
        }
        self.overdrawn += open;
        let origin = Origin::Consume {
            decision: asked.decision,
            key: asked.key.clone(),
            event: asked.event.clone(),
            quantity: asked.quantity(),
            unit_cost: asked.unit_cost(),
        };
        let kind = EntryKind::Consumed;
        self.enter(now, Change { kind, touched: touched.clone(), overdrawn: open, origin });
        Consumed {
            decision: asked.decision,
            seq: self.last_seq,
            cost: asked.cost(),
            balance_after: self.balance(),
            touched,
            replayed: false,
        }
    }

    fn grant(&mut self, new: &NewGrant, now: OffsetDateTime) -> CreditOutcome {
        if let Some(id) = self.sources.get(&new.source) {
            return CreditOutcome::Granted { id: *id, already: true };
        }
        self.pending.granted.insert(new.id);
        self.know_grant(Grant {
            id: new.id,
            kind: new.kind,
            amount: new.amount,
            remaining: new.amount,
            starts_at: new.starts_at.max(now),
            expires_at: new.expires_at,
            source: new.source.clone(),
            granted_at: now,
            started: false,
        });
        self.book_due(now);
        CreditOutcome::Granted { id: new.id, already: false }
    }

    /// Books starts and expiries up to an instant, in the order in which they were due.
    /// At one instant what ends goes before what starts.
    fn book_due(&mut self, now: OffsetDateTime) {
        loop {
            let next = self
                .grants
                .iter()
                .enumerate()
                .filter_map(|(n, grant)| Some((due_at(grant)?, !grant.started, grant.id, n)))
                .min();
            match next {
                Some((at, _, _, n)) if at <= now => self.book(n, at.max(self.last_at)),
                Some(_) | None => return,
            }
        }
    }

    fn book(&mut self, n: usize, at: OffsetDateTime) {
        let Some(grant) = self.grants.get_mut(n) else { return };
        self.pending.touch(grant.id);
        let (id, source) = (grant.id, grant.source.clone());
        if grant.started {
            let lost = core::mem::take(&mut grant.remaining);
            let touched = vec![Touch { grant_id: id, amount: -lost }];
            let (kind, origin) = (EntryKind::Expired, Origin::Expiry(source));
            self.enter(at, Change { kind, touched, overdrawn: 0, origin });
        } else {
            // What is overdrawn is repaid first.
            let repaid = self.overdrawn.min(grant.amount);
            grant.started = true;
            grant.remaining = grant.amount - repaid;
            self.overdrawn -= repaid;
            let (kind, origin) = (earned_as(grant.kind), Origin::Grant(source));
            let touched = vec![Touch { grant_id: id, amount: grant.remaining }];
            self.enter(at, Change { kind, touched, overdrawn: -repaid, origin });
        }
    }

    /// Writes a row for what was just changed.
    fn enter(&mut self, at: OffsetDateTime, change: Change) {
        let moved: i64 = change.touched.iter().map(|touch| touch.amount).sum();
        self.last_seq += 1;
        self.last_at = at;
        self.pending.entries.push(Entry {
            seq: self.last_seq,
            at,
            kind: change.kind,
            amount: moved - change.overdrawn,
            balance_after: self.balance(),
            overdrawn_change: change.overdrawn,
            touched: change.touched,
            origin: change.origin,
        });
    }

    /// Saturates, so that no number of grants can make it panic or wrap: a thousand of the
    /// largest grants fit, and sums are exact as long as they do.
    fn left(&self) -> i64 {
        let started = self.grants.iter().filter(|grant| grant.started);
        started.fold(0, |sum, grant| sum.saturating_add(grant.remaining))
    }
}

/// When the next thing happens to a grant by itself.
fn due_at(grant: &Grant) -> Option<OffsetDateTime> {
    if !grant.started {
        return Some(grant.starts_at);
    }
    grant.expires_at.filter(|_| grant.remaining > 0)
}

const fn earned_as(kind: GrantKind) -> EntryKind {
    match kind {
        GrantKind::Purchased => EntryKind::Purchased,
        GrantKind::Adjustment => EntryKind::Adjusted,
        GrantKind::Subscription | GrantKind::Promotional => EntryKind::Earned,
    }
}

/// The same answer once more.
fn again(outcome: &CreditOutcome) -> CreditOutcome {
    match outcome.clone() {
        CreditOutcome::Consumed(before) => {
            CreditOutcome::Consumed(Consumed { replayed: true, ..before })
        }
        CreditOutcome::Denied(before) => CreditOutcome::Denied(Denied { replayed: true, ..before }),
        other @ (CreditOutcome::KeyReused
        | CreditOutcome::Granted { .. }
        | CreditOutcome::Booked) => other,
    }
}
