//! A wish comes true for a subscription that our engine bills.

use time::OffsetDateTime;

use super::{
    Actor, Change, InvalidTransition, Resumption, Snapshot, Status, Subscription, Verb, When, Wish,
};
use crate::{
    id::{PlanVersionId, PriceId},
    period::{Interval, Period},
};

/// To what one is subscribed, and how many of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Terms {
    /// To what.
    pub plan_version_id: PlanVersionId,
    /// At what price.
    pub price_id: PriceId,
    /// How often it recurs.
    pub interval: Interval,
    /// How many of it; at least 1.
    pub quantity: u32,
}

/// What comes with a wish that comes true.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Fulfilment {
    /// The terms that are wanted; only where others are.
    pub terms: Option<Terms>,
    /// The period that begins with it; nothing where the running one goes on.
    pub period: Option<Period>,
}

impl Subscription {
    /// Makes a wish come true, or says why that is impossible. What is wished for the end of the
    /// period changes nothing before, but for an end, which is remembered. A trial that is paused is
    /// over: its period ends then, since nothing was paid for the rest.
    pub fn fulfil(
        &mut self,
        wish: &Wish,
        with: Fulfilment,
        (actor, reason): (Actor, &str),
        now: OffsetDateTime,
    ) -> Result<Option<Change>, InvalidTransition> {
        let before = self.snapshot();
        match *wish {
            Wish::Change { when: When::Now, .. } => {
                if let Some(terms) = with.terms {
                    self.set(terms);
                }
            }
            Wish::Change { when: When::PeriodEnd, .. }
            | Wish::Resume(Resumption::ScheduledChange) => {}
            Wish::Cancel { when: When::Now } => self.go(Verb::Cancel, now)?,
            Wish::Cancel { when: When::PeriodEnd } => self.cancel_at_period_end = true,
            Wish::Pause { resumes_at } => {
                if let Status::Trialing { .. } = self.status {
                    self.period.end = now.clamp(self.period.start, self.period.end);
                }
                self.go(Verb::Pause { resumes_at }, now)?;
            }
            Wish::Resume(Resumption::Cancellation) => self.cancel_at_period_end = false,
            Wish::Resume(Resumption::Pause) => self.go(Verb::Resume, now)?,
        }
        if let Some(period) = with.period {
            self.period = period;
        }
        Ok(self.decided(before, (actor, reason), now))
    }

    /// Takes the terms that were planned for the period that begins.
    pub fn take_planned(
        &mut self,
        terms: Terms,
        by: (Actor, &str),
        now: OffsetDateTime,
    ) -> Option<Change> {
        let before = self.snapshot();
        self.set(terms);
        self.decided(before, by, now)
    }

    const fn set(&mut self, terms: Terms) {
        let Terms { plan_version_id, price_id, interval, quantity } = terms;
        self.plan_version_id = plan_version_id;
        self.price_id = price_id;
        self.interval = interval;
        self.quantity = quantity;
    }

    fn go(&mut self, verb: Verb, now: OffsetDateTime) -> Result<(), InvalidTransition> {
        if let Some(status) = self.status.after(verb, now)? {
            self.status = status;
        }
        Ok(())
    }

    /// What our engine decides it knows at once: what follows from a change is told apart by when.
    fn decided(
        &mut self,
        before: Snapshot,
        (actor, reason): (Actor, &str),
        now: OffsetDateTime,
    ) -> Option<Change> {
        let change = self.change_since(before, actor, reason, now);
        if change.is_some() {
            self.observed_at = now;
        }
        change
    }
}

#[cfg(test)]
mod tests;
