//! What the API answers.

use serde_json::{Value, json};
use uuid::Uuid;

/// The organization of every request.
pub(crate) const ACME: Uuid = Uuid::from_u128(0xac3e);
pub(crate) const DECISION: Uuid = Uuid::from_u128(0xdec1);
pub(crate) const HOLD: Uuid = Uuid::from_u128(0x401d);

/// Where a quota stands, with fields that no version of the client knows.
pub(crate) fn quota(allowed: bool) -> Value {
    let mut quota = json!({
        "organization_id": ACME, "meter": "projects", "quantity": 1, "allowed": allowed,
        "limit": 3, "used": if allowed { 1 } else { 3 }, "remaining": if allowed { 2 } else { 0 },
        "bonus_remaining": 0, "total_remaining": if allowed { 2 } else { 0 }, "unlimited": false,
        "resets_at": null, "policy": "block", "plan": "free", "plan_version_id": DECISION,
        "reason": if allowed { "within_limit" } else { "limit_reached" },
        "as_of": "2026-03-14T12:00:00.5Z", "decision_id": DECISION, "recorded": allowed,
        "idempotency_key": "k", "of_tomorrow": [1, 2, 3],
    });
    if !allowed {
        quota.as_object_mut().unwrap().insert("upgrade".to_owned(), upgrade());
    }
    quota
}

pub(crate) fn upgrade() -> Value {
    json!({
        "current_plan": "free", "plan": "starter", "plan_name": "Starter", "interval": "month",
        "price": { "amount": 900, "currency": "USD" },
        "checkout": "/api/billing/subscription/checkout",
    })
}

pub(crate) fn consumption() -> Value {
    json!({
        "decision_id": DECISION, "allowed": true, "event": "ai_inference", "quantity": 1,
        "cost": 25, "balance": 75, "seq": 2, "idempotency_key": "k",
        "grants": [{ "grant_id": ACME, "amount": 25 }],
    })
}

pub(crate) fn shortfall() -> Value {
    json!({
        "decision_id": DECISION, "idempotency_key": "k", "required": 25, "available": 5,
        "missing": 20,
        "top_up": {
            "credit_product_id": ACME, "key": "credits_1000", "credits": 1000, "quantity": 1,
            "price": { "amount": 1000, "currency": "USD" },
            "checkout": "/api/billing/credit-products/checkout",
        },
    })
}

pub(crate) fn hold() -> Value {
    json!({
        "hold_id": HOLD, "decision_id": DECISION, "event": "ai_inference", "amount": 25,
        "seq": 2, "expires_at": "2026-03-14T12:10:00Z", "idempotency_key": "k",
        "grants": [{ "grant_id": ACME, "amount": 25 }],
    })
}

pub(crate) fn settled() -> Value {
    json!({
        "hold_id": HOLD, "decision_id": DECISION, "settled": 25, "returned": 0, "balance": 75,
        "seq": 3,
    })
}

pub(crate) fn released() -> Value {
    json!({ "hold_id": HOLD, "decision_id": HOLD, "returned": 25, "seq": 3 })
}

pub(crate) fn subscription(status: &str, entitled_plan: &str) -> Value {
    json!({
        "organization_id": ACME, "status": status, "plan": "starter", "plan_version": 1,
        "plan_version_id": DECISION, "entitled_plan": entitled_plan, "id": DECISION,
        "interval": "month", "price": { "amount": 900, "currency": "USD" },
        "current_period_start": "2026-03-14T12:00:00Z",
        "current_period_end": "2026-04-14T12:00:00Z", "cancel_at_period_end": false,
        "trial_ends_at": null, "past_due_since": null, "resumes_at": null, "ended_at": null,
        "gateway": "stripe", "gateway_subscription_id": "sub_1",
        "created_at": "2026-03-14T12:00:00Z",
    })
}

/// An error in its envelope.
pub(crate) fn error(code: &str, details: &Value) -> Value {
    json!({ "success": false, "error": {
        "code": code, "message": format!("says {code}"), "details": details,
        "request_id": "req_1",
    }})
}
