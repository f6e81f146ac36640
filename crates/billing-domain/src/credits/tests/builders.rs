//! Commands that tests share, those of other crates too.

use super::*;

/// When tests begin.
pub(super) const NOON: OffsetDateTime = datetime!(2026-03-01 12:00 UTC);

pub(super) fn grant_id(n: u128) -> GrantId {
    GrantId(Uuid::from_u128(n))
}

pub(super) fn hold_id(n: u128) -> HoldId {
    HoldId(Uuid::from_u128(n))
}

pub(super) fn decision_id(n: u128) -> DecisionId {
    DecisionId(Uuid::from_u128(n))
}

pub(super) fn key(text: &str) -> IdempotencyKey {
    IdempotencyKey::parse(text).unwrap()
}

/// Usable from noon, for ever; each number is a grant and a source of its own.
pub(super) fn a_grant(n: u128, kind: GrantKind, amount: i64) -> NewGrant {
    NewGrant {
        id: grant_id(n),
        kind,
        amount,
        starts_at: NOON,
        expires_at: None,
        source: Source::new("operator", n.to_string()),
    }
}

pub(super) fn a_consume(name: &str, quantity: i64, unit_cost: i64) -> Consume {
    Consume::new(decision_id(7), key(name), "ai_inference", quantity, unit_cost).unwrap()
}

/// The organization to which credits are given away.
pub(super) fn a_friend() -> OrganizationId {
    OrganizationId(Uuid::from_u128(1))
}

pub(super) fn a_gift(name: &str, amount: i64) -> Send {
    Send::new(decision_id(9), key(name), a_friend(), amount).unwrap()
}
