//! Commands of the ledgers.

use billing_domain::{
    catalogue::{Amount, Overage, Window},
    credits::{Consume, GrantKind, IdempotencyKey, NewGrant, Source},
    id::GrantId,
    period::Period,
    usage::{Bonus, UsageCommand, UsageOperation, UsageRule},
};
use time::Duration;

use super::a_fresh_id;
use crate::NOON;

/// A key that a caller might give.
pub fn an_idempotency_key(text: &str) -> IdempotencyKey {
    IdempotencyKey::parse(text).expect("it is a key")
}

/// A source that has not given yet.
pub fn a_source() -> Source {
    let id: GrantId = a_fresh_id();
    Source::new("operator", id.to_string())
}

/// A thousand purchased credits from now on, which never expire.
pub fn a_grant() -> NewGrant {
    NewGrant {
        id: a_fresh_id(),
        kind: GrantKind::Purchased,
        amount: 1_000,
        starts_at: NOON,
        expires_at: None,
        source: a_source(),
    }
}

/// So many credits used under a key, for events of one credit each.
pub fn a_consume(key: &str, credits: i64) -> Consume {
    let key = an_idempotency_key(key);
    Consume::new(a_fresh_id(), key, "api_call_basic", credits, 1).expect("it can be consumed")
}

/// So much in this calendar month, and no more.
pub fn a_usage_rule(limit: u64) -> UsageRule {
    UsageRule {
        limit: Amount::AtMost(limit),
        overage: Overage::Block,
        window: Window::CalendarMonth,
        period: Period::calendar_month(NOON),
    }
}

/// One API call under a key, counted only if one more is allowed.
pub fn a_usage_command(key: &str, limit: u64) -> UsageCommand {
    UsageCommand {
        id: a_fresh_id(),
        key: an_idempotency_key(key),
        meter: "api_calls".to_owned(),
        quantity: 1,
        at: NOON,
        rule: a_usage_rule(limit),
        operation: UsageOperation::CheckAndRecord,
        properties: None,
    }
}

/// Five more API calls, within a day.
pub fn a_bonus() -> Bonus {
    Bonus {
        id: a_fresh_id(),
        meter: "api_calls".to_owned(),
        amount: 5,
        remaining: 5,
        reason: "a thank-you".to_owned(),
        expires_at: NOON + Duration::DAY,
        created_at: NOON,
    }
}
