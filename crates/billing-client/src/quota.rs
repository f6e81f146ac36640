//! Quotas: may this much more of a meter be used?

use serde::{Deserialize, Serialize};
use time::{OffsetDateTime, serde::rfc3339};
use uuid::Uuid;

use crate::{call::Call, client::Client, denied::Upgrade, error::Error};

const CHECK: &str = "/api/billing/check-quota";

/// Where a quota stands.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Quota {
    /// Whether so much more may be used.
    pub allowed: bool,
    /// What the plan allows; nothing when unlimited.
    pub limit: Option<u64>,
    /// What was used in the window.
    pub used: u64,
    /// What the limit has left; nothing when unlimited.
    pub remaining: Option<u64>,
    /// What bonuses have left.
    pub bonus_remaining: u64,
    /// Limit and bonuses together; nothing when unlimited.
    pub total_remaining: Option<u64>,
    /// Whether there is no limit.
    pub unlimited: bool,
    /// When the count starts anew; nothing for a meter that never does.
    #[serde(default, with = "rfc3339::option")]
    pub resets_at: Option<OffsetDateTime>,
    /// What happens above the limit.
    pub policy: Overage,
    /// Why it is allowed or not.
    pub reason: QuotaReason,
    /// The key of the plan that decided.
    pub plan: String,
    /// The cheapest plan that would allow it, where it is denied and there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upgrade: Option<Upgrade>,
}

/// What happens above a limit.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Overage {
    /// It is denied.
    Block,
    /// It is allowed.
    Allow,
    /// Something that this version of the crate does not know.
    #[serde(other)]
    Unknown,
}

/// Why a use is allowed or not.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum QuotaReason {
    /// There is no limit.
    Unlimited,
    /// The limit has room.
    WithinLimit,
    /// A bonus has room.
    WithinBonus,
    /// Above the limit, which the plan allows.
    OverageAllowed,
    /// Neither limit nor bonus has room.
    LimitReached,
    /// Something that this version of the crate does not know.
    #[serde(other)]
    Unknown,
}

/// Whether so much more may be used; nothing was counted.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct QuotaCheck {
    /// Whose.
    pub organization_id: Uuid,
    /// Of what.
    pub meter: String,
    /// How much more.
    pub quantity: u64,
    /// Where the quota stands.
    #[serde(flatten)]
    pub quota: Quota,
    /// When the count was read; it may be a second old.
    #[serde(with = "rfc3339")]
    pub as_of: OffsetDateTime,
}

impl Client {
    /// Says whether so much more of a meter may be used, to a second; see `quota.allowed`.
    ///
    /// Changes nothing: between a check and a use somebody else may use what was left. Where that
    /// matters, [`Client::check_and_record`].
    ///
    /// # Errors
    ///
    /// `NotFound` for an unknown organization or meter, and what every call may end in.
    pub async fn check_quota(
        &self,
        organization: impl Into<Option<Uuid>>,
        meter: &str,
        quantity: u64,
    ) -> Result<QuotaCheck, Error> {
        let quantity = quantity.to_string();
        let organization = organization.into().map(|id| id.to_string());
        let whose = organization.as_deref().map(|id| ("organization_id", id));
        let asked = [("meter", meter), ("quantity", &quantity)];
        let query: Vec<_> = asked.into_iter().chain(whose).collect();
        self.call(&Call::get(CHECK, &query)).await
    }
}
