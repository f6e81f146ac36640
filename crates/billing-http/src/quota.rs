//! Where a quota stands, as it is shown.

use billing_app::{QuotaReport, Upgrade as WayOut};
use billing_domain::quota::{QuotaAnswer, QuotaReason};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{moment::Moment, money::Money, plans::policy};

/// Where the quota of a meter stands.
#[derive(Serialize, ToSchema)]
pub(crate) struct Standing {
    allowed: bool,
    /// What the plan allows; nothing when unlimited.
    limit: Option<u64>,
    /// What was used in the window.
    used: u64,
    /// What the limit has left; nothing when unlimited.
    remaining: Option<u64>,
    /// What bonuses have left.
    bonus_remaining: u64,
    /// Limit and bonuses together; nothing when unlimited.
    total_remaining: Option<u64>,
    unlimited: bool,
    /// When the count starts anew; nothing for a meter that never does.
    resets_at: Option<Moment>,
    /// What happens above the limit: `block` or `allow`.
    #[schema(example = "block")]
    policy: &'static str,
    /// `unlimited`, `within_limit`, `within_bonus`, `overage_allowed` or `limit_reached`.
    #[schema(example = "within_limit")]
    reason: &'static str,
}

/// On what plan a quota was decided, and what would allow more.
#[derive(Serialize, ToSchema)]
pub(crate) struct Grounds {
    /// The plan that decided.
    #[schema(example = "starter")]
    plan: String,
    plan_version_id: Uuid,
    /// The cheapest plan that would allow it, where it is denied.
    #[serde(skip_serializing_if = "Option::is_none")]
    upgrade: Option<Upgrade>,
}

/// The cheapest plan that would allow it.
#[derive(Serialize, ToSchema)]
pub(crate) struct Upgrade {
    #[schema(example = "free")]
    current_plan: String,
    #[schema(example = "starter")]
    plan: String,
    plan_name: String,
    #[schema(example = "month")]
    interval: &'static str,
    price: Money,
    /// Where to send `{"plan": …, "interval": …}`.
    #[schema(example = "/api/billing/subscription/checkout")]
    checkout: &'static str,
}

impl From<QuotaAnswer> for Standing {
    fn from(answer: QuotaAnswer) -> Self {
        let QuotaAnswer {
            allowed,
            limit,
            used,
            remaining,
            bonus_remaining,
            total_remaining,
            unlimited,
            resets_at,
            policy: overage,
            reason,
        } = answer;
        Self {
            allowed,
            limit,
            used,
            remaining,
            bonus_remaining,
            total_remaining,
            unlimited,
            resets_at: resets_at.map(Moment),
            policy: policy(overage),
            reason: name(reason),
        }
    }
}

impl Grounds {
    /// The answer, on what it rests, and when it was read.
    pub(crate) fn of(report: QuotaReport) -> (Standing, Self, Moment) {
        let QuotaReport { answer, plan, plan_version_id, as_of, upgrade } = report;
        let upgrade = upgrade.map(Upgrade::from);
        let grounds = Self { plan, plan_version_id: plan_version_id.0, upgrade };
        (Standing::from(answer), grounds, Moment(as_of))
    }
}

impl From<WayOut> for Upgrade {
    fn from(upgrade: WayOut) -> Self {
        let WayOut { current_plan, plan, price } = upgrade;
        Self {
            current_plan,
            plan: plan.key,
            plan_name: plan.name,
            interval: price.interval.name(),
            price: Money::from(price.amount),
            checkout: "/api/billing/subscription/checkout",
        }
    }
}

/// Why, by its name on the wire.
pub(crate) const fn name(reason: QuotaReason) -> &'static str {
    match reason {
        QuotaReason::Unlimited => "unlimited",
        QuotaReason::WithinLimit => "within_limit",
        QuotaReason::WithinBonus => "within_bonus",
        QuotaReason::OverageAllowed => "overage_allowed",
        QuotaReason::LimitReached => "limit_reached",
    }
}
