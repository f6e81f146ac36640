//! Commands of the ledgers.

use billing_domain::{
    catalogue::{Amount, Overage, Window},
    credits::{
        Consume, DrawRef, GrantKind, IdempotencyKey, NewGrant, NewHold, Refund, Send, Source,
    },
    id::{GrantId, OrganizationId},
    period::Period,
    usage::{Bonus, Effect, UsageOperation, UsageRule, Use},
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

/// So many credits reserved under a key, for an hour.
pub fn a_hold(key: &str, credits: i64) -> NewHold {
    let (key, until) = (an_idempotency_key(key), NOON + Duration::HOUR);
    NewHold::new(a_fresh_id(), key, "api_call_basic", credits, until).expect("it can be held")
}

/// So many credits of a use given back under a key; nothing for all that are left of it.
pub fn a_refund(key: &str, draw: DrawRef, credits: Option<i64>) -> Refund {
    let key = an_idempotency_key(key);
    Refund::new(a_fresh_id(), key, draw, credits, a_fresh_id()).expect("it can be given back")
}

/// So many credits given to another organization under a key.
pub fn a_transfer(key: &str, to: OrganizationId, credits: i64) -> Send {
    let key = an_idempotency_key(key);
    Send::new(a_fresh_id(), key, to, credits).expect("it can be given")
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
pub fn a_use(key: &str, limit: u64) -> Use {
    Use {
        id: a_fresh_id(),
        key: an_idempotency_key(key),
        key_is_new: false,
        meter: "api_calls".into(),
        effect: Effect::Add,
        quantity: 1,
        at: NOON,
        rule: a_usage_rule(limit),
        plan_version_id: a_fresh_id(),
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
