//! Renewals: when the next period of a subscription that our engine bills begins.

use time::{Duration, OffsetDateTime};

use crate::{
    id::{OrganizationId, SubscriptionId},
    period::{Anchor, Period},
    subscription::{Status, Subscription},
};

/// How soon to look again at what could not be done now.
const SOON: Duration = Duration::MINUTE;
/// How soon to look again at what is neither paid nor ended.
const RESTING: Duration = Duration::DAY;

/// What our engine has to do for a subscription that it bills.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Renewal {
    /// Who pays.
    pub organization_id: OrganizationId,
    /// Which subscription.
    pub subscription_id: SubscriptionId,
    /// From where its periods are counted.
    pub anchor: OffsetDateTime,
    /// Before this there is nothing to do; nothing once it has ended.
    pub next_due_at: Option<OffsetDateTime>,
}

/// What is to be done now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RenewalStep {
    /// Nothing.
    Rest,
    /// The period is over: this one begins, and is invoiced.
    Bill(Period),
    /// It ends, as somebody wished.
    Cancel,
    /// The days of grace are over.
    Expire,
}

impl Renewal {
    /// What is to be done for the subscription now.
    pub fn step(
        &self,
        subscription: &Subscription,
        grace_days: i64,
        now: OffsetDateTime,
    ) -> RenewalStep {
        if self.next_due_at.is_none_or(|at| now < at) {
            return RenewalStep::Rest;
        }
        let end = subscription.period.end;
        match subscription.status {
            Status::Active if now < end => RenewalStep::Rest,
            Status::Active if subscription.cancel_at_period_end => RenewalStep::Cancel,
            Status::Active => {
                RenewalStep::Bill(Anchor(self.anchor).period_from(subscription.interval, end))
            }
            Status::PastDue { since } if since + Duration::days(grace_days) <= now => {
                RenewalStep::Expire
            }
            Status::PastDue { .. }
            | Status::Incomplete
            | Status::Trialing { .. }
            | Status::Paused { .. }
            | Status::Cancelled { .. }
            | Status::Expired { .. } => RenewalStep::Rest,
        }
    }

    /// What is due cannot be done now, or waits for a payment: look again soon.
    pub fn put_off(&mut self, now: OffsetDateTime) {
        self.next_due_at = Some(now + SOON);
    }

    /// What comes next is as the subscription stands.
    pub fn follow(&mut self, subscription: &Subscription, grace_days: i64, now: OffsetDateTime) {
        self.next_due_at = match subscription.status {
            Status::Active => Some(subscription.period.end),
            Status::PastDue { since } => Some(since + Duration::days(grace_days)),
            // It may be paid again one day, and then is not for nothing.
            Status::Incomplete | Status::Trialing { .. } | Status::Paused { .. } => {
                Some(now + RESTING)
            }
            Status::Cancelled { .. } | Status::Expired { .. } => None,
        };
    }
}

#[cfg(test)]
mod tests;
