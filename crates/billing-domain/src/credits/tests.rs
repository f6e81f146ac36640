//! What the ledger promises: single rules as tables, all of them over random sequences.

mod agreement;
mod builders;
mod draws;
mod due;
mod holds;
mod keys;
mod model;
mod notices;
mod random;
mod refunds;
mod reloads;
mod revokes;
mod sequences;
mod settings;
mod sums;
mod transfers;

use time::{Duration, OffsetDateTime, macros::datetime};
use uuid::Uuid;

use self::builders::*;
use super::*;
use crate::{
    event::What,
    id::{DecisionId, GrantId, HoldId, OrganizationId},
};

fn at(seconds: i64) -> OffsetDateTime {
    NOON + Duration::seconds(seconds)
}

fn an_account() -> CreditAccount {
    CreditAccount::new(OrganizationId(Uuid::nil()))
}

fn set_up(settings: Settings) -> CreditAccount {
    CreditAccount { settings, ..an_account() }
}

/// An account that may use so many credits beyond what there is.
fn with_overdraft(overdraft_limit: i64) -> CreditAccount {
    let mut account = an_account();
    account.settings.overdraft_limit = overdraft_limit;
    account
}

/// Promotional credits, usable between two instants.
fn between(n: u128, starts: i64, expires: i64, amount: i64) -> NewGrant {
    let grant = a_grant(n, GrantKind::Promotional, amount);
    NewGrant { starts_at: at(starts), expires_at: Some(at(expires)), ..grant }
}

/// A hold under a key of its own, until so many seconds after noon.
fn a_hold(n: u128, amount: i64, until: i64) -> NewHold {
    let name = format!("hold {n}");
    NewHold::new(hold_id(n), key(&name), "ai_inference", amount, at(until)).unwrap()
}

/// Gives a row back, under a key; what has no grant to return to becomes the grant 900.
fn a_refund(name: &str, row: i64, amount: Option<i64>) -> Refund {
    let draw = DrawRef::Row(row);
    Refund::new(decision_id(8), key(name), draw, amount, grant_id(900)).unwrap()
}

impl CreditAccount {
    fn give(&mut self, grant: NewGrant, now: OffsetDateTime) -> CreditOutcome {
        self.apply(&CreditCommand::Grant(grant), now)
    }

    /// Consumes something at a cost, under its own key.
    fn spend(&mut self, cost: i64, now: OffsetDateTime) -> CreditOutcome {
        let decided = self.pending.decided.len();
        let name = format!("spend {} {decided} {}", self.last_seq, now.unix_timestamp());
        self.apply(&CreditCommand::Consume(a_consume(&name, 1, cost)), now)
    }

    fn reserve_as(&mut self, n: u128, amount: i64, until: i64, now: i64) -> CreditOutcome {
        self.apply(&CreditCommand::Hold(a_hold(n, amount, until)), at(now))
    }

    fn settle_as(&mut self, n: u128, amount: Option<i64>, now: i64) -> CreditOutcome {
        let settle = Settle::new(hold_id(n), amount).unwrap();
        self.apply(&CreditCommand::Settle(settle), at(now))
    }

    fn let_go(&mut self, n: u128, now: i64) -> CreditOutcome {
        self.apply(&CreditCommand::Release(hold_id(n)), at(now))
    }

    /// Says how much of what the source of a grant gave is taken back.
    fn take_back(&mut self, n: u128, total: i64, now: i64) -> CreditOutcome {
        let source = a_grant(n, GrantKind::Promotional, 1).source;
        self.apply(&CreditCommand::Revoke(Revoke { source, total }), at(now))
    }

    fn refund_row(&mut self, name: &str, row: i64, amount: Option<i64>, now: i64) -> CreditOutcome {
        self.apply(&CreditCommand::Refund(a_refund(name, row, amount)), at(now))
    }

    fn give_away(&mut self, name: &str, amount: i64, now: i64) -> CreditOutcome {
        self.apply(&CreditCommand::Send(a_gift(name, amount)), at(now))
    }

    fn book(&mut self, now: OffsetDateTime) {
        assert_eq!(self.apply(&CreditCommand::BookDue, now), CreditOutcome::Booked);
    }

    fn find(&self, n: u128) -> &Grant {
        self.grants().iter().find(|grant| grant.id == grant_id(n)).unwrap()
    }

    fn left_of(&self, n: u128) -> i64 {
        self.find(n).remaining
    }

    fn held_of(&self, n: u128) -> i64 {
        self.find(n).held
    }

    /// The rows that are not recorded yet: kind, seconds after noon, amount, balance afterwards.
    fn rows(&self) -> Vec<(EntryKind, i64, i64, i64)> {
        let row = |entry: &Entry| {
            (entry.kind, (entry.at - NOON).whole_seconds(), entry.amount, entry.balance_after)
        };
        self.pending.entries.iter().map(row).collect()
    }

    fn last_row(&self) -> &Entry {
        self.pending.entries.last().unwrap()
    }

    /// What others are told, that is not recorded yet.
    fn told(&self) -> Vec<What> {
        self.pending.told.iter().map(|(_, what)| what.clone()).collect()
    }
}

fn consumed(outcome: CreditOutcome) -> Consumed {
    let CreditOutcome::Consumed(consumed) = outcome else { panic!("not consumed: {outcome:?}") };
    consumed
}

fn held(outcome: CreditOutcome) -> Held {
    let CreditOutcome::Held(held) = outcome else { panic!("not held: {outcome:?}") };
    held
}

fn denied(outcome: CreditOutcome) -> Denied {
    let CreditOutcome::Denied(denied) = outcome else { panic!("not denied: {outcome:?}") };
    denied
}

fn settled(outcome: CreditOutcome) -> Settled {
    let CreditOutcome::Settled(settled) = outcome else { panic!("not settled: {outcome:?}") };
    settled
}

fn released(outcome: CreditOutcome) -> Released {
    let CreditOutcome::Released(released) = outcome else { panic!("not released: {outcome:?}") };
    released
}

fn refunded(outcome: CreditOutcome) -> Refunded {
    let CreditOutcome::Refunded(refunded) = outcome else { panic!("not refunded: {outcome:?}") };
    refunded
}

fn sent(outcome: CreditOutcome) -> Sent {
    let CreditOutcome::Sent(sent) = outcome else { panic!("not sent: {outcome:?}") };
    sent
}

/// Which grants were touched, and by how much.
fn touches(touched: &[Touch]) -> Vec<(u128, i64)> {
    touched.iter().map(|touch| (touch.grant_id.0.as_u128(), touch.amount)).collect()
}

/// Which grants were touched, and by how much what is held of them changed.
fn holdings(touched: &[Touch]) -> Vec<(u128, i64)> {
    touched.iter().map(|touch| (touch.grant_id.0.as_u128(), touch.held)).collect()
}
