//! What one can ask of a usage account.

use std::sync::Arc;

use time::OffsetDateTime;

use crate::{
    catalogue::{Amount, Overage, Window},
    credits::IdempotencyKey,
    id::{BonusId, PlanVersionId, UsageEventId},
    period::Period,
    usage::Bonus,
};

/// Something that changes what is used, or how much may be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum UsageCommand {
    /// Count use of a meter.
    Record(Arc<Use>),
    /// Give a bonus; one of an id that is there already gives nothing.
    Bonus(Bonus),
    /// Let what exceeds a lower limit stay for a while.
    Grace(Grace),
}

impl From<Use> for UsageCommand {
    fn from(usage: Use) -> Self {
        Self::Record(Arc::new(usage))
    }
}

/// Use of a meter, to be counted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Use {
    /// The id that the raw event gets, and its decision.
    pub id: UsageEventId,
    /// Counted once per organization.
    pub key: IdempotencyKey,
    /// Whether the key was made for this use, so that nobody can have used it before.
    pub key_is_new: bool,
    /// What is used.
    pub meter: Arc<str>,
    /// What it does to the count.
    pub effect: Effect,
    /// How much of it, at least one.
    pub quantity: u64,
    /// When it was used.
    pub at: OffsetDateTime,
    /// Where it is counted, and against what.
    pub rule: UsageRule,
    /// The plan version that says so.
    pub plan_version_id: PlanVersionId,
    /// Whether it is counted only if the quota allows it.
    pub operation: UsageOperation,
    /// What the caller wants to remember with it, as a JSON object.
    pub properties: Option<String>,
}

/// What use does to the count of its meter.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Effect {
    /// The quantity is added.
    Add,
    /// Something has ceased to exist: the quantity is taken away, as far as the count reaches.
    Remove,
    /// The largest quantity is the count.
    Raise,
    /// The quantity of the latest use is the count.
    Set,
    /// One is added for each distinct value.
    See(String),
}

/// Whether use is only counted, or first checked. A key is unique within each.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum UsageOperation {
    /// It has happened, and is counted whatever the quota says.
    Track,
    /// It is counted only if the quota allows it.
    CheckAndRecord,
}

impl UsageOperation {
    /// Both of them.
    pub const ALL: [Self; 2] = [Self::Track, Self::CheckAndRecord];

    /// Its name in tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Track => "track",
            Self::CheckAndRecord => "check_and_record",
        }
    }
}

/// Where use is counted, and against what.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct UsageRule {
    /// What the plan allows.
    pub limit: Amount,
    /// What happens above it.
    pub overage: Overage,
    /// Which kind of window.
    pub window: Window,
    /// The window in which the use lies; of a rolling window, the bucket.
    pub period: Period,
}

impl UsageRule {
    /// When the count starts anew, where the calendar says so.
    pub fn resets_at(&self) -> Option<OffsetDateTime> {
        match self.window {
            Window::BillingPeriod | Window::CalendarMonth => Some(self.period.end),
            Window::Lifetime | Window::Rolling(_) => None,
        }
    }

    /// How much of a count is above the limit.
    pub(super) fn above(&self, used: u64) -> u64 {
        match self.limit {
            Amount::Unlimited => 0,
            Amount::AtMost(limit) => used.saturating_sub(limit),
        }
    }
}

/// Let what exceeds a lower limit stay for a while: nothing new fits, and what is freed may be
/// used again.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Grace {
    /// The id that the bonus gets; given once.
    pub id: BonusId,
    /// Of what.
    pub meter: Arc<str>,
    /// Where it is counted, and against which lower limit.
    pub rule: UsageRule,
    /// Until when.
    pub expires_at: OffsetDateTime,
}
