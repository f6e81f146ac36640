//! Renewals: when the next period of a subscription that our engine bills is to be paid.

use time::{Duration, OffsetDateTime};

use crate::{
    checkout::Charging,
    id::{CheckoutId, OrganizationId, SubscriptionId},
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
    /// The payment that is under way: nothing else is charged until its end is known.
    pub charging: Option<Charging>,
    /// Before this there is nothing to do; nothing once it has ended.
    pub next_due_at: Option<OffsetDateTime>,
}

/// What is to be done now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RenewalStep {
    /// Nothing.
    Rest,
    /// This period is to be paid.
    Charge(Period),
    /// It is asked how the payment went that is under way.
    Ask(CheckoutId),
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
        if let Some(charging) = self.charging {
            return RenewalStep::Ask(charging.checkout);
        }
        let end = subscription.period.end;
        match subscription.status {
            Status::Active if now < end => RenewalStep::Rest,
            Status::Active if subscription.cancel_at_period_end => RenewalStep::Cancel,
            Status::Active => {
                RenewalStep::Charge(Anchor(self.anchor).period_at(subscription.interval, end))
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

    /// The payment of a period is recorded, and goes to the gateway now.
    pub fn charge(&mut self, checkout: CheckoutId, now: OffsetDateTime) {
        let charging = Charging { checkout, since: now };
        self.charging = Some(charging);
        self.next_due_at = Some(charging.ask_at(now));
    }

    /// It is asked now how the payment went; whoever looks next waits.
    pub fn ask(&mut self, now: OffsetDateTime) {
        self.next_due_at = self.charging.map(|charging| charging.ask_at(now));
    }

    /// What is due cannot be done now: look again soon. What is under way is asked for in time.
    pub fn put_off(&mut self, now: OffsetDateTime) {
        if self.charging.is_none() {
            self.next_due_at = Some(now + SOON);
        }
    }

    /// Nothing is under way; what comes next is as the subscription stands.
    pub fn follow(&mut self, subscription: &Subscription, grace_days: i64, now: OffsetDateTime) {
        self.charging = None;
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
