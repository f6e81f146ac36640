//! Trials: a plan is used before the first payment, once for each organization and each person.

mod email;
mod extension;
mod figures;

use time::{Duration, OffsetDateTime};

pub use self::{
    email::{NotAnAddress, mailbox},
    extension::{CannotExtend, Extension, UnknownExtension},
    figures::{RECENT, TrialCounts},
};
use crate::{
    catalogue::Price,
    checkout::Charging,
    id::{CheckoutId, OrganizationId, PlanVersionId, SubscriptionId},
    period::{Anchor, Interval, Period},
};

/// So many days before the end it is reminded of, and at the end.
const REMINDERS: [u8; 4] = [7, 3, 1, 0];

/// How soon to look again at what could not be done now.
const SOON: Duration = Duration::MINUTE;

/// The figures by which trials go; all of them in days but one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TrialRules {
    /// How long a trial is, where the price says nothing else.
    pub days: u16,
    /// What a referral that converts adds.
    pub referral_days: u16,
    /// What an operator or a promotion adds.
    pub promotion_days: u16,
    /// How often a trial is extended at most.
    pub most_extensions: u16,
    /// How much is added to a trial in all.
    pub most_extra_days: u16,
}

impl Default for TrialRules {
    fn default() -> Self {
        Self {
            days: 14,
            referral_days: 7,
            promotion_days: 3,
            most_extensions: 2,
            most_extra_days: 14,
        }
    }
}

impl TrialRules {
    /// How long a trial at a price is, in days.
    pub fn length(&self, price: &Price) -> u16 {
        let own = u16::try_from(price.trial_days).ok().filter(|days| *days > 0);
        own.unwrap_or(self.days)
    }
}

/// The one trial of an organization.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Trial {
    /// Who tries.
    pub organization_id: OrganizationId,
    /// The subscription that it began.
    pub subscription_id: SubscriptionId,
    /// What was tried.
    pub plan_version_id: PlanVersionId,
    /// When it began.
    pub started_at: OffsetDateTime,
    /// When it ends, or has ended.
    pub ends_at: OffsetDateTime,
    /// How often it was extended.
    pub extensions: u16,
    /// By how many days in all.
    pub extra_days: u16,
    /// The last reminder of this end, by the days before it: it and the earlier ones are over.
    pub reminded: Option<u8>,
    /// Where it stands.
    pub state: TrialState,
    /// Before this there is nothing to do; nothing while it is charged, and once it is over.
    pub next_due_at: Option<OffsetDateTime>,
}

/// Where a trial stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TrialState {
    /// It is used, or its end waits to be booked.
    Running,
    /// It has ended, and the first payment is under way.
    Charging(Charging),
    /// The first payment was made.
    Converted {
        /// When the first paid period began: at its end.
        at: OffsetDateTime,
    },
    /// Nothing was paid.
    Expired {
        /// When.
        at: OffsetDateTime,
    },
    /// The subscription ended, or was to end, before it.
    Cancelled {
        /// When.
        at: OffsetDateTime,
    },
}

impl TrialState {
    /// Its name in tables and answers.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Charging(_) => "charging",
            Self::Converted { .. } => "converted",
            Self::Expired { .. } => "expired",
            Self::Cancelled { .. } => "cancelled",
        }
    }

    /// Whether its end is still to come, or to be booked.
    pub const fn is_open(&self) -> bool {
        match self {
            Self::Running | Self::Charging(_) => true,
            Self::Converted { .. } | Self::Expired { .. } | Self::Cancelled { .. } => false,
        }
    }
}

/// A reminder that is due.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Reminder {
    /// So many days before the end; 0 at the end.
    pub days: u8,
    /// When it was due.
    pub at: OffsetDateTime,
}

impl Trial {
    /// A trial that begins now.
    pub fn begun(
        organization_id: OrganizationId,
        (subscription_id, plan_version_id): (SubscriptionId, PlanVersionId),
        days: u16,
        now: OffsetDateTime,
    ) -> Self {
        let ends_at = now + Duration::days(i64::from(days));
        let mut trial = Self {
            organization_id,
            subscription_id,
            plan_version_id,
            started_at: now,
            ends_at,
            extensions: 0,
            extra_days: 0,
            reminded: overtaken(ends_at, now),
            state: TrialState::Running,
            next_due_at: None,
        };
        trial.schedule();
        trial
    }

    /// The reminder that is due, once for each end. Of several that became due at once only the
    /// last is given: what the others would have said is not so any more.
    pub fn remind(&mut self, now: OffsetDateTime) -> Option<Reminder> {
        if self.state != TrialState::Running {
            return None;
        }
        let days = overtaken(self.ends_at, now)?;
        if self.reminded.is_some_and(|last| last <= days) {
            return None;
        }
        self.reminded = Some(days);
        self.schedule();
        Some(Reminder { days, at: reminder_at(self.ends_at, days) })
    }

    /// Whether its end is to be booked.
    pub fn has_ended(&self, now: OffsetDateTime) -> bool {
        self.state == TrialState::Running && self.ends_at <= now
    }

    /// The first period that is paid: it begins at the end.
    pub fn first_period(&self, interval: Interval) -> Period {
        Anchor(self.ends_at).period(interval, 0)
    }

    /// Puts off the end. By how many days.
    pub fn extend(
        &mut self,
        by: Extension,
        rules: &TrialRules,
        now: OffsetDateTime,
    ) -> Result<u16, CannotExtend> {
        if self.state != TrialState::Running || self.ends_at <= now {
            return Err(CannotExtend::Over { at: self.ends_at });
        }
        let days = by.days(rules);
        let extensions_left = rules.most_extensions.saturating_sub(self.extensions);
        let days_left = rules.most_extra_days.saturating_sub(self.extra_days);
        if extensions_left == 0 || days > days_left {
            return Err(CannotExtend::Limit { asked: days, extensions_left, days_left });
        }
        self.extensions = self.extensions.saturating_add(1);
        self.extra_days = self.extra_days.saturating_add(days);
        self.ends_at += Duration::days(i64::from(days));
        // Another end, with reminders of its own, as far as they are still to come.
        self.reminded = overtaken(self.ends_at, now);
        self.schedule();
        Ok(days)
    }

    /// The first period is invoiced: from now on its collection goes on with it.
    pub fn charge(&mut self, checkout: CheckoutId, now: OffsetDateTime) {
        self.state = TrialState::Charging(Charging { checkout, since: now });
        self.next_due_at = None;
    }

    /// What is due cannot be done now: look again soon. What is under way is asked for in time.
    pub fn put_off(&mut self, now: OffsetDateTime) {
        if self.state == TrialState::Running {
            self.next_due_at = Some(now + SOON);
        }
    }

    /// The first payment was made. Whether that is news.
    pub fn convert(&mut self) -> bool {
        self.end(TrialState::Converted { at: self.ends_at })
    }

    /// Nothing was paid. Whether that is news.
    pub fn expire(&mut self) -> bool {
        self.end(TrialState::Expired { at: self.ends_at })
    }

    /// The subscription has ended, or is not on trial any more. Whether that is news.
    pub fn cancel(&mut self, at: OffsetDateTime) -> bool {
        self.end(TrialState::Cancelled { at })
    }

    fn end(&mut self, state: TrialState) -> bool {
        let open = self.state.is_open();
        if open {
            self.state = state;
            self.next_due_at = None;
        }
        open
    }

    /// Says when the next reminder is due. The end itself stays due until it is booked.
    fn schedule(&mut self) {
        let ahead = |days: &u8| self.reminded.is_none_or(|last| *days < last);
        let days = REMINDERS.into_iter().find(ahead).unwrap_or_default();
        self.next_due_at = Some(reminder_at(self.ends_at, days));
    }
}

fn reminder_at(ends_at: OffsetDateTime, days: u8) -> OffsetDateTime {
    ends_at - Duration::days(i64::from(days))
}

/// The last reminder of an end whose time has come.
fn overtaken(ends_at: OffsetDateTime, now: OffsetDateTime) -> Option<u8> {
    REMINDERS.into_iter().filter(|days| reminder_at(ends_at, *days) <= now).min()
}

#[cfg(test)]
mod tests;
