//! A checked use, with what it was decided on.

use time::OffsetDateTime;

use crate::{
    credits::IdempotencyKey,
    id::{DecisionId, OrganizationId, PlanVersionId},
    quota::{Quota, QuotaAnswer},
};

/// A use that was checked, and counted or denied, as it was recorded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UsageDecision {
    /// The decision, which is also the raw event where it was counted.
    pub decision: DecisionId,
    /// Whose it is.
    pub organization_id: OrganizationId,
    /// Under which key.
    pub key: IdempotencyKey,
    /// Whether it was counted.
    pub allowed: bool,
    /// Of what.
    pub meter: String,
    /// How much was asked for.
    pub quantity: u64,
    /// What it was decided on.
    pub quota: Quota,
    /// The plan version that decided, where that was kept.
    pub plan_version_id: Option<PlanVersionId>,
    /// When.
    pub at: OffsetDateTime,
}

impl UsageDecision {
    /// Decides once more, by the same rule on the same facts.
    pub fn recomputed(&self) -> QuotaAnswer {
        self.quota.check(self.quantity)
    }
}
