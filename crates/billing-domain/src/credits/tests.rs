//! What the ledger promises: single rules as tables, all of them over random sequences.

mod draws;
mod due;
mod keys;
mod model;
mod reloads;
mod sequences;

use time::{Duration, OffsetDateTime, macros::datetime};
use uuid::Uuid;

use super::*;
use crate::id::{DecisionId, GrantId, OrganizationId};

const NOON: OffsetDateTime = datetime!(2026-03-01 12:00 UTC);

fn at(seconds: i64) -> OffsetDateTime {
    NOON + Duration::seconds(seconds)
}

fn grant_id(n: u128) -> GrantId {
    GrantId(Uuid::from_u128(n))
}

fn an_account() -> CreditAccount {
    CreditAccount::new(OrganizationId(Uuid::nil()))
}

/// Usable from noon, for ever; each number is a grant and a source of its own.
fn a_grant(n: u128, kind: GrantKind, amount: i64) -> NewGrant {
    NewGrant {
        id: grant_id(n),
        kind,
        amount,
        starts_at: NOON,
        expires_at: None,
        source: Source::new("operator", n.to_string()),
    }
}

fn a_consume(key: &str, quantity: i64, unit_cost: i64) -> Consume {
    let decision = DecisionId(Uuid::from_u128(7));
    let key = IdempotencyKey::parse(key).unwrap();
    Consume::new(decision, key, "ai_inference", quantity, unit_cost).unwrap()
}

impl CreditAccount {
    fn give(&mut self, grant: NewGrant, now: OffsetDateTime) -> CreditOutcome {
        self.apply(&CreditCommand::Grant(grant), now)
    }

    /// Consumes something at a cost, under its own key.
    fn take(&mut self, cost: i64, now: OffsetDateTime) -> CreditOutcome {
        let decided = self.clone().take_pending().decided.len();
        let key = format!("take {} {decided} {}", self.last_seq, now.unix_timestamp());
        self.apply(&CreditCommand::Consume(a_consume(&key, 1, cost)), now)
    }

    fn left_of(&self, n: u128) -> i64 {
        self.grants().iter().find(|grant| grant.id == grant_id(n)).unwrap().remaining
    }

    /// The rows that are not recorded yet: kind, seconds after noon, amount, balance afterwards.
    fn rows(&self) -> Vec<(EntryKind, i64, i64, i64)> {
        let pending = self.clone().take_pending();
        let row = |entry: &Entry| {
            (entry.kind, (entry.at - NOON).whole_seconds(), entry.amount, entry.balance_after)
        };
        pending.entries.iter().map(row).collect()
    }
}

fn consumed(outcome: CreditOutcome) -> Consumed {
    match outcome {
        CreditOutcome::Consumed(consumed) => consumed,
        other @ (CreditOutcome::Denied(_)
        | CreditOutcome::KeyReused
        | CreditOutcome::Granted { .. }
        | CreditOutcome::Booked) => panic!("not consumed: {other:?}"),
    }
}

fn denied(outcome: CreditOutcome) -> Denied {
    match outcome {
        CreditOutcome::Denied(denied) => denied,
        other @ (CreditOutcome::Consumed(_)
        | CreditOutcome::KeyReused
        | CreditOutcome::Granted { .. }
        | CreditOutcome::Booked) => panic!("not denied: {other:?}"),
    }
}

/// Which grants were touched, and by how much.
fn touches(touched: &[Touch]) -> Vec<(u128, i64)> {
    touched.iter().map(|touch| (touch.grant_id.0.as_u128(), touch.amount)).collect()
}
