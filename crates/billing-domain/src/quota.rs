//! May this much more be used? Base before bonus.

use serde::Serialize;
use time::OffsetDateTime;

use crate::catalogue::{Amount, Overage};

/// What a quota is decided on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Quota {
    /// What the plan allows; nothing where the plan does not know the meter.
    pub limit: Amount,
    /// What happens above it.
    pub overage: Overage,
    /// What has been used in the window, bonuses included.
    pub used: u64,
    /// What bonuses have left.
    pub bonus: u64,
    /// When the window ends; nothing for one that never resets.
    pub resets_at: Option<OffsetDateTime>,
}

/// The answer to "may this much more be used?".
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct QuotaAnswer {
    /// Whether it may.
    pub allowed: bool,
    /// What the plan allows; nothing when unlimited.
    pub limit: Option<u64>,
    /// What has been used in the window.
    pub used: u64,
    /// What the limit has left; nothing when unlimited.
    pub remaining: Option<u64>,
    /// What bonuses have left.
    pub bonus_remaining: u64,
    /// Limit and bonuses together; nothing when unlimited.
    pub total_remaining: Option<u64>,
    /// Whether the plan sets no limit.
    pub unlimited: bool,
    /// When the window ends; nothing for one that never resets.
    #[serde(with = "time::serde::rfc3339::option")]
    pub resets_at: Option<OffsetDateTime>,
    /// What happens above the limit.
    pub policy: Overage,
    /// Why.
    pub reason: QuotaReason,
}

/// Why a quota allows or denies.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum QuotaReason {
    /// The plan sets no limit.
    Unlimited,
    /// The limit has enough left.
    WithinLimit,
    /// The limit alone has not enough left, but with bonuses it fits.
    WithinBonus,
    /// It is more than is left, and the plan allows that.
    OverageAllowed,
    /// It is more than is left.
    LimitReached,
}

impl Quota {
    /// Decides on so much more. Changes nothing.
    pub fn check(&self, requested: u64) -> QuotaAnswer {
        let (limit, remaining) = match self.limit {
            Amount::Unlimited => (None, None),
            Amount::AtMost(limit) => (Some(limit), Some(limit.saturating_sub(self.used))),
        };
        let total = remaining.map(|left| left.saturating_add(self.bonus));
        let reason = match (remaining, total) {
            (Some(left), _) if requested <= left => QuotaReason::WithinLimit,
            (_, Some(total)) if requested <= total => QuotaReason::WithinBonus,
            (Some(_), _) | (_, Some(_)) if self.overage == Overage::Allow => {
                QuotaReason::OverageAllowed
            }
            (Some(_), _) | (_, Some(_)) => QuotaReason::LimitReached,
            (None, None) => QuotaReason::Unlimited,
        };
        QuotaAnswer {
            allowed: reason != QuotaReason::LimitReached,
            limit,
            used: self.used,
            remaining,
            bonus_remaining: self.bonus,
            total_remaining: total,
            unlimited: limit.is_none(),
            resets_at: self.resets_at,
            policy: self.overage,
            reason,
        }
    }

    /// How much of so much more is above the limit, and is for the bonuses to bear.
    pub fn above_limit(&self, requested: u64) -> u64 {
        match self.limit {
            Amount::Unlimited => 0,
            Amount::AtMost(limit) => requested.saturating_sub(limit.saturating_sub(self.used)),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn quota(limit: u64, used: u64, bonus: u64) -> Quota {
        let (limit, overage) = (Amount::AtMost(limit), Overage::Block);
        Quota { limit, overage, used, bonus, resets_at: None }
    }

    #[test]
    fn base_comes_before_bonus() {
        let reason = |quota: Quota, requested| quota.check(requested).reason;
        assert_eq!(reason(quota(10, 7, 5), 3), QuotaReason::WithinLimit);
        assert_eq!(reason(quota(10, 7, 5), 4), QuotaReason::WithinBonus);
        assert_eq!(reason(quota(10, 7, 5), 8), QuotaReason::WithinBonus);
        assert_eq!(reason(quota(10, 7, 5), 9), QuotaReason::LimitReached);
        assert_eq!(reason(quota(10, 25, 0), 0), QuotaReason::WithinLimit);
        assert_eq!(reason(quota(10, 25, 0), 1), QuotaReason::LimitReached);
        assert_eq!(quota(10, 7, 5).above_limit(8), 5);
    }

    #[test]
    fn overage_and_no_limit_always_allow() {
        let paid = Quota { overage: Overage::Allow, ..quota(10, 10, 0) };
        assert_eq!(paid.check(1).reason, QuotaReason::OverageAllowed);
        let free = Quota { limit: Amount::Unlimited, ..quota(0, 10, 0) };
        let answer = free.check(u64::MAX);
        assert_eq!(
            (answer.reason, answer.limit, answer.total_remaining),
            (QuotaReason::Unlimited, None, None)
        );
    }

    proptest! {
        #[test]
        fn exactly_what_is_left_is_allowed(limit in 0_u64..1000, used in 0_u64..1000, bonus in 0_u64..1000, requested in 0_u64..3000) {
            let quota = quota(limit, used, bonus);
            let left = limit.saturating_sub(used) + bonus;
            prop_assert_eq!(quota.check(requested).allowed, requested <= left);
            prop_assert_eq!(quota.check(requested).total_remaining, Some(left));
            prop_assert!(quota.above_limit(requested) <= requested);
        }
    }
}
