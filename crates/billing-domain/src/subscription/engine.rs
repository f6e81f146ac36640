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

    /// A period was paid, and runs: only where it can be active.
    pub fn renew(
        &mut self,
        period: Period,
        now: OffsetDateTime,
    ) -> Result<Option<Change>, InvalidTransition> {
        let status = self.status.after(Verb::Activate, now)?;
        let before = self.snapshot();
        self.status = status.unwrap_or(self.status);
        self.period = period;
        Ok(self.change_since(before, Actor::System, "the period was paid", now))
    }
}
