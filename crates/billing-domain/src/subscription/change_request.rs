//! A change that somebody asked for: the record that is written before the gateway hears of it.

use core::{cmp::Ordering, fmt};

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

use super::{Actor, Status, Subscription};
use crate::{
    catalogue::Price,
    id::{ChangeId, InvoiceId, OrganizationId, PriceId, SubscriptionId},
};

/// When a change takes effect.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// At once.
    Now,
    /// When the running period is over.
    PeriodEnd,
}

/// What can be asked of a subscription, whoever bills it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ask {
    /// Another price, or another quantity.
    Change,
    /// An end.
    Cancel(When),
    /// A rest.
    Pause,
    /// To go on: after a pause, or in spite of what was planned.
    Resume,
}

/// A verb, as callers are told of it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Action {
    /// Another price, or another quantity.
    Change,
    /// An end.
    Cancel,
    /// A rest.
    Pause,
    /// To go on.
    Resume,
}

/// What is to become of a subscription; all that is needed to say it to the gateway again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wish {
    /// Another price or quantity.
    Change {
        /// At this price.
        price_id: PriceId,
        /// So many.
        quantity: u32,
        /// From when.
        when: When,
    },
    /// An end.
    Cancel {
        /// When.
        when: When,
    },
    /// A rest.
    Pause {
        /// Until when, if that is known.
        resumes_at: Option<OffsetDateTime>,
    },
    /// To go on.
    Resume(Resumption),
}

/// What is taken back so that a subscription goes on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Resumption {
    /// Its end with the period.
    Cancellation,
    /// The change that was planned for the end of the period.
    ScheduledChange,
    /// The pause.
    Pause,
}

/// What became of a request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Fate {
    /// Nobody knows yet whether it was heard of, or paid. Until that is known there is no other.
    Pending,
    /// It will come true by itself: a new price by who bills, the end of a pause by us.
    Scheduled {
        /// When.
        at: OffsetDateTime,
    },
    /// It has come true.
    Done,
    /// It will not come true.
    Failed {
        /// Why, in a few words.
        why: String,
    },
    /// It was taken back, or the subscription has ended before.
    Withdrawn,
}

/// A change that somebody asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ChangeRequest {
    /// Our id, from which the gateway's idempotency key is derived.
    pub id: ChangeId,
    /// Whose subscription.
    pub organization_id: OrganizationId,
    /// Which one.
    pub subscription_id: SubscriptionId,
    /// What is wanted.
    pub wish: Wish,
    /// What became of it.
    pub fate: Fate,
    /// Who asked.
    pub actor: Actor,
    /// Why, in a few words.
    pub reason: String,
    /// The instant for which it is computed, in whole seconds.
    pub proration_at: OffsetDateTime,
    /// The invoice of ours that is paid before it comes true, if one is.
    pub invoice_id: Option<InvoiceId>,
    /// When it was asked for.
    pub created_at: OffsetDateTime,
    /// When somebody must look after it, while it is open.
    pub look_at: OffsetDateTime,
}

/// Where a subscription stands, with what is planned for it.
#[derive(Clone, Copy, Debug)]
pub struct Standing<'a> {
    /// The subscription.
    pub subscription: &'a Subscription,
    /// Its requests that are pending or scheduled.
    pub open: &'a [ChangeRequest],
}

/// Why a subscription cannot be changed in a way, now.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NotNow {
    /// Another change is under way, or planned.
    #[error("another change of the subscription is under way or planned")]
    ChangePending {
        /// What can be asked instead.
        allowed: Vec<Action>,
    },
    /// It is not where that can be done.
    #[error("a subscription that is {from} cannot {verb}")]
    NotFromHere {
        /// Where it stands.
        from: &'static str,
        /// What was asked.
        verb: &'static str,
        /// What can be asked instead.
        allowed: Vec<Action>,
    },
}

impl When {
    /// Its name in tables and requests.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Now => "now",
            Self::PeriodEnd => "period_end",
        }
    }
}

impl Action {
    /// Its name in answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Change => "change",
            Self::Cancel => "cancel",
            Self::Pause => "pause",
            Self::Resume => "resume",
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Ask {
    /// The verb.
    pub const fn action(self) -> Action {
        match self {
            Self::Change => Action::Change,
            Self::Cancel(_) => Action::Cancel,
            Self::Pause => Action::Pause,
            Self::Resume => Action::Resume,
        }
    }
}

impl Wish {
    /// The verb.
    pub const fn action(&self) -> Action {
        match self {
            Self::Change { .. } => Action::Change,
            Self::Cancel { .. } => Action::Cancel,
            Self::Pause { .. } => Action::Pause,
            Self::Resume(_) => Action::Resume,
        }
    }
}

impl Fate {
    /// Its name in tables and answers.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Scheduled { .. } => "scheduled",
            Self::Done => "done",
            Self::Failed { .. } => "failed",
            Self::Withdrawn => "withdrawn",
        }
    }

    /// Whether something is still to come of it.
    pub const fn is_open(&self) -> bool {
        match self {
            Self::Pending | Self::Scheduled { .. } => true,
            Self::Done | Self::Failed { .. } | Self::Withdrawn => false,
        }
    }
}

impl Standing<'_> {
    /// What can be asked now.
    pub fn allowed(&self) -> Vec<Action> {
        if self.is_pending() {
            return Vec::new();
        }
        if self.planned().is_some() {
            return vec![Action::Cancel, Action::Resume];
        }
        self.by_status()
    }

    /// Refuses what cannot be asked now.
    pub fn check(&self, ask: Ask) -> Result<(), NotNow> {
        let allowed = self.allowed();
        let planned = self.planned().is_some();
        // What is planned stands in the way of a second plan, but not of an end at once.
        let in_the_way = planned && ask == Ask::Cancel(When::PeriodEnd);
        let on_pause = ask == Ask::Cancel(When::PeriodEnd) && self.is_paused();
        if allowed.contains(&ask.action()) && !in_the_way && !on_pause {
            return Ok(());
        }
        let otherwise = self.by_status().contains(&ask.action());
        if self.is_pending() || (planned && otherwise) {
            return Err(NotNow::ChangePending { allowed });
        }
        let (from, verb) = (self.subscription.status.name(), ask.action().name());
        Err(NotNow::NotFromHere { from, verb, allowed })
    }

    /// What going on takes back; nothing where nothing stands in its way.
    pub fn resumption(&self) -> Option<Resumption> {
        if self.is_paused() { Some(Resumption::Pause) } else { self.planned() }
    }

    /// Whether it is unknown if the gateway heard of a change.
    pub fn is_pending(&self) -> bool {
        self.open.iter().any(|request| request.fate == Fate::Pending)
    }

    fn is_paused(&self) -> bool {
        matches!(self.subscription.status, Status::Paused { .. })
    }

    /// The change that is planned for the end of the period, whoever carries it out then.
    pub fn planned_change(&self) -> Option<&ChangeRequest> {
        self.open.iter().find(|request| {
            matches!((&request.wish, &request.fate), (Wish::Change { .. }, Fate::Scheduled { .. }))
        })
    }

    /// What is planned for the end of the period.
    fn planned(&self) -> Option<Resumption> {
        if !self.subscription.is_live() {
            None
        } else if self.planned_change().is_some() {
            Some(Resumption::ScheduledChange)
        } else {
            self.subscription.cancel_at_period_end.then_some(Resumption::Cancellation)
        }
    }

    fn by_status(&self) -> Vec<Action> {
        match self.subscription.status {
            Status::Trialing { .. } | Status::Active => {
                vec![Action::Change, Action::Cancel, Action::Pause]
            }
            Status::PastDue { .. } => vec![Action::Cancel],
            Status::Paused { .. } => vec![Action::Cancel, Action::Resume],
            Status::Incomplete | Status::Cancelled { .. } | Status::Expired { .. } => Vec::new(),
        }
    }
}

impl ChangeRequest {
    /// Adopts what the gateway says: the subscription as it was observed, and the change that the
    /// gateway has planned. Whether that is news. The report must not be older than what is known.
    pub fn observe(&mut self, seen: &Subscription, planned: Option<ChangeId>) -> bool {
        let fate = match self.fate {
            Fate::Pending => self.once_sent(seen, planned),
            Fate::Scheduled { .. } => self.once_scheduled(seen, planned),
            Fate::Done | Fate::Failed { .. } | Fate::Withdrawn => None,
        };
        match fate {
            Some(fate) => {
                let news = fate != self.fate;
                self.fate = fate;
                news
            }
            None => false,
        }
    }

    /// When a pause ends by this request.
    pub const fn resumes_at(&self) -> Option<OffsetDateTime> {
        match (&self.wish, &self.fate) {
            (Wish::Pause { resumes_at }, Fate::Pending) => *resumes_at,
            (Wish::Resume(Resumption::Pause), Fate::Scheduled { at }) => Some(*at),
            (
                Wish::Change { .. } | Wish::Cancel { .. } | Wish::Pause { .. } | Wish::Resume(_),
                Fate::Pending
                | Fate::Scheduled { .. }
                | Fate::Done
                | Fate::Failed { .. }
                | Fate::Withdrawn,
            ) => None,
        }
    }

    fn once_sent(&self, seen: &Subscription, planned: Option<ChangeId>) -> Option<Fate> {
        let paused = matches!(seen.status, Status::Paused { .. });
        let live = seen.is_live();
        let done = match self.wish {
            Wish::Change { when: When::PeriodEnd, .. } if live && planned == Some(self.id) => {
                return Some(Fate::Scheduled { at: seen.period.end });
            }
            Wish::Change { price_id, quantity, .. } => {
                live && (seen.price_id, seen.quantity) == (price_id, quantity)
            }
            Wish::Cancel { when: When::Now } => !live,
            Wish::Cancel { when: When::PeriodEnd } => !live || seen.cancel_at_period_end,
            Wish::Pause { .. } => paused,
            Wish::Resume(Resumption::Cancellation) => live && !seen.cancel_at_period_end,
            Wish::Resume(Resumption::ScheduledChange) => live && planned.is_none(),
            Wish::Resume(Resumption::Pause) => live && !paused,
        };
        if done { Some(Fate::Done) } else { (!live).then_some(Fate::Withdrawn) }
    }

    fn once_scheduled(&self, seen: &Subscription, planned: Option<ChangeId>) -> Option<Fate> {
        let over = match self.wish {
            Wish::Change { price_id, quantity, .. } => {
                if seen.is_live() && (seen.price_id, seen.quantity) == (price_id, quantity) {
                    return Some(Fate::Done);
                }
                planned != Some(self.id)
            }
            Wish::Resume(_) => !matches!(seen.status, Status::Paused { .. }),
            Wish::Cancel { .. } | Wish::Pause { .. } => true,
        };
        (over || !seen.is_live()).then_some(Fate::Withdrawn)
    }
}

/// How dear a price and quantity are beside others, whatever the intervals: by the month.
pub fn by_the_month(one: (&Price, u32), other: (&Price, u32)) -> Ordering {
    let weigh = |(price, quantity): (&Price, u32), months: i32| {
        i128::from(price.amount.minor()) * i128::from(quantity) * i128::from(months)
    };
    weigh(one, other.0.interval.months()).cmp(&weigh(other, one.0.interval.months()))
}

#[cfg(test)]
mod tests;
