//! What our engine does with a subscription that it bills.

use time::OffsetDateTime;

use super::{Actor, Change, InvalidTransition, Status, Subscription, Verb};
use crate::period::Period;

impl Subscription {
    /// Puts off the end of a trial; only where it is on trial.
    pub fn extend_trial(
        &mut self,
        ends_at: OffsetDateTime,
        (actor, reason): (Actor, &str),
        now: OffsetDateTime,
    ) -> Result<Option<Change>, InvalidTransition> {
        let Status::Trialing { .. } = self.status else {
            return Err(InvalidTransition { from: self.status.name(), verb: "extend its trial" });
        };
        let before = self.snapshot();
        self.status = Status::Trialing { ends_at };
        self.period.end = ends_at;
        Ok(self.change_since(before, actor, reason, now))
    }

    /// The next period begins, and is to be paid: only where it is active.
    pub fn begin_period(
        &mut self,
        period: Period,
        now: OffsetDateTime,
    ) -> Result<Option<Change>, InvalidTransition> {
        if self.status != Status::Active {
            return Err(InvalidTransition { from: self.status.name(), verb: "begin a period" });
        }
        let before = self.snapshot();
        self.period = period;
        Ok(self.change_since(before, Actor::System, "the period begins", now))
    }

    /// A period was paid, and runs, unless a later one does: only where it can be active.
    pub fn renew(
        &mut self,
        period: Period,
        now: OffsetDateTime,
    ) -> Result<Option<Change>, InvalidTransition> {
        let status = self.status.after(Verb::Activate, now)?;
        let before = self.snapshot();
        self.status = status.unwrap_or(self.status);
        if period.start >= self.period.start {
            self.period = period;
        }
        Ok(self.change_since(before, Actor::System, "the period was paid", now))
    }
}
