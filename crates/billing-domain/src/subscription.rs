//! Subscriptions: what an organization is on, and through which states it goes.
//!
//! Two inputs move a subscription. A **command** is ours: an illegal one is refused, a repeated one
//! changes nothing. An **observation** is what the gateway reports: it is adopted from any live
//! state, jumps included, and never moves backwards in the gateway's own order.

mod change_request;
mod duplicate;
mod engine;
mod fulfilment;
mod status;

use time::OffsetDateTime;

pub use self::{
    change_request::{
        Action, Ask, ChangeRequest, Fate, NotNow, Resumption, Standing, When, Wish, by_the_month,
    },
    duplicate::Duplicate,
    fulfilment::{Fulfilment, Terms},
    status::{InvalidTransition, Status, UnknownStatus, Verb},
};
use crate::{
    gateway::GatewayRef,
    id::{OrganizationId, PlanVersionId, PriceId, SubscriptionId},
    period::{Interval, Period},
};

/// What an organization is on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Subscription {
    /// Our id.
    pub id: SubscriptionId,
    /// Who is subscribed.
    pub organization_id: OrganizationId,
    /// One live subscription per organization and group.
    pub product_group: String,
    /// To what.
    pub plan_version_id: PlanVersionId,
    /// At what price.
    pub price_id: PriceId,
    /// How often it recurs.
    pub interval: Interval,
    /// How many of it, such as seats; at least 1.
    pub quantity: u32,
    /// Where it stands.
    pub status: Status,
    /// The period that is running, or was last.
    pub period: Period,
    /// Whether it ends with the period.
    pub cancel_at_period_end: bool,
    /// Who bills it.
    pub billed_by: BilledBy,
    /// When it began.
    pub created_at: OffsetDateTime,
    /// When the last observation was made: older ones are ignored.
    pub observed_at: OffsetDateTime,
}

/// Who computes the invoices and takes the money.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum BilledBy {
    /// The gateway; its invoices are the truth.
    Gateway(GatewayRef),
    /// Our engine. The gateway that takes the money is found by the method that is charged.
    Engine,
}

impl BilledBy {
    /// What the gateway calls the subscription, where one bills it.
    pub const fn reference(&self) -> Option<&GatewayRef> {
        match self {
            Self::Gateway(reference) => Some(reference),
            Self::Engine => None,
        }
    }

    /// Its name in answers.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Gateway(_) => "gateway",
            Self::Engine => "engine",
        }
    }
}

/// What a gateway says of a subscription at one instant.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Observation {
    /// To what it is.
    pub plan_version_id: PlanVersionId,
    /// At what price.
    pub price_id: PriceId,
    /// How often it recurs.
    pub interval: Interval,
    /// How many of it, such as seats; at least 1.
    pub quantity: u32,
    /// Where it stands.
    pub status: Status,
    /// The period that is running, or was last.
    pub period: Period,
    /// Whether it ends with the period.
    pub cancel_at_period_end: bool,
    /// When the gateway was asked.
    pub observed_at: OffsetDateTime,
}

/// One change of a subscription, as it is kept for ever.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Change {
    /// What changed, such as `status` or `period`; several joined by a comma.
    pub what: String,
    /// What it was.
    pub from: Snapshot,
    /// What it is.
    pub to: Snapshot,
    /// Who did it.
    pub actor: Actor,
    /// Why, in a few words.
    pub reason: String,
    /// When.
    pub at: OffsetDateTime,
}

/// The changeable parts of a subscription at one instant.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Snapshot {
    /// Where it stood.
    pub status: Status,
    /// What it was to.
    pub plan_version_id: PlanVersionId,
    /// At what price.
    pub price_id: PriceId,
    /// How many of it.
    pub quantity: u32,
    /// Which period was running.
    pub period: Period,
    /// Whether it was to end with the period.
    pub cancel_at_period_end: bool,
}

/// Who changed something.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Actor {
    /// The organization itself.
    Customer,
    /// An operator.
    Admin,
    /// The engine.
    System,
    /// The gateway.
    Gateway,
}

impl Actor {
    /// Everybody who changes something.
    pub const ALL: [Self; 4] = [Self::Customer, Self::Admin, Self::System, Self::Gateway];

    /// Its name in tables and answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Customer => "customer",
            Self::Admin => "admin",
            Self::System => "system",
            Self::Gateway => "gateway",
        }
    }
}

impl Subscription {
    /// Whether it counts as the one subscription of its group.
    pub const fn is_live(&self) -> bool {
        self.status.is_live()
    }

    /// Whether it gives what the plan allows: when active or trialing, and for `grace_days` after
    /// a payment failed.
    pub fn gives_access(&self, now: OffsetDateTime, grace_days: i64) -> bool {
        match self.status {
            Status::Active | Status::Trialing { .. } => true,
            Status::PastDue { .. } => self.access_ends_at(grace_days).is_some_and(|end| now < end),
            Status::Incomplete
            | Status::Paused { .. }
            | Status::Cancelled { .. }
            | Status::Expired { .. } => false,
        }
    }

    /// When the access that it gives ends by itself, if it does.
    pub fn access_ends_at(&self, grace_days: i64) -> Option<OffsetDateTime> {
        match self.status {
            Status::PastDue { since } => Some(since + time::Duration::days(grace_days)),
            Status::Incomplete
            | Status::Trialing { .. }
            | Status::Active
            | Status::Paused { .. }
            | Status::Cancelled { .. }
            | Status::Expired { .. } => None,
        }
    }

    /// Does what is asked, or says why that is impossible. Nothing where it is so already.
    pub fn command(
        &mut self,
        verb: Verb,
        actor: Actor,
        now: OffsetDateTime,
    ) -> Result<Option<Change>, InvalidTransition> {
        let Some(status) = self.status.after(verb, now)? else { return Ok(None) };
        let before = self.snapshot();
        self.status = status;
        Ok(self.change_since(before, actor, verb.name(), now))
    }

    /// Adopts what the gateway says. Nothing where it says nothing new, or something older than
    /// what is known, or when the subscription has ended: an end is final. Save it in any case:
    /// `observed_at` moves even where nothing else does, and holds off the older reports.
    pub fn observe(&mut self, seen: &Observation, now: OffsetDateTime) -> Option<Change> {
        if !self.is_live() || seen.observed_at < self.observed_at {
            return None;
        }
        let before = self.snapshot();
        self.observed_at = seen.observed_at;
        self.status = self.status.adopting(seen.status);
        self.plan_version_id = seen.plan_version_id;
        self.price_id = seen.price_id;
        self.interval = seen.interval;
        self.quantity = seen.quantity;
        self.cancel_at_period_end = seen.cancel_at_period_end;
        if seen.period.start >= self.period.start {
            self.period = seen.period;
        }
        self.change_since(before, Actor::Gateway, "reported by the gateway", now)
    }

    /// The changeable parts, as they are.
    pub const fn snapshot(&self) -> Snapshot {
        Snapshot {
            status: self.status,
            plan_version_id: self.plan_version_id,
            price_id: self.price_id,
            quantity: self.quantity,
            period: self.period,
            cancel_at_period_end: self.cancel_at_period_end,
        }
    }

    fn change_since(
        &self,
        from: Snapshot,
        actor: Actor,
        reason: &str,
        at: OffsetDateTime,
    ) -> Option<Change> {
        let to = self.snapshot();
        let parts = [
            ("status", from.status != to.status),
            ("plan", from.plan_version_id != to.plan_version_id),
            ("price", from.price_id != to.price_id),
            ("quantity", from.quantity != to.quantity),
            ("period", from.period != to.period),
            ("cancel_at_period_end", from.cancel_at_period_end != to.cancel_at_period_end),
        ];
        let what: Vec<_> =
            parts.into_iter().filter(|(_, changed)| *changed).map(|(name, _)| name).collect();
        (!what.is_empty()).then(|| Change {
            what: what.join(","),
            from,
            to,
            actor,
            reason: reason.to_owned(),
            at,
        })
    }
}

#[cfg(test)]
mod tests;
