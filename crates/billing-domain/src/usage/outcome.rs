//! What comes of usage commands.

use std::sync::Arc;

use crate::{
    id::DecisionId,
    quota::{Quota, QuotaAnswer},
    usage::{Effect, UsageOperation, Use},
};

/// What came of a usage command.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum UsageOutcome {
    /// It is counted.
    Recorded(Recorded),
    /// The quota denies it, and nothing is counted.
    Denied(Recorded),
    /// The key was used before, for something else. Nothing happened.
    KeyReused,
    /// The total would be too large to be counted. Nothing happened.
    TooLarge,
    /// A bonus is there now, unless there was nothing to bear.
    Given {
        /// Whether it was there before.
        already: bool,
    },
}

/// What a usage command was decided on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Recorded {
    /// The decision, which is also the raw event where it was counted.
    pub decision: DecisionId,
    /// What was known before it was decided; of a repeated track, what is known now.
    pub quota: Quota,
    /// What is used after it.
    pub used: u64,
    /// What bonuses have left after it.
    pub bonus: u64,
    /// How much was asked for.
    pub quantity: u64,
    /// Whether it was decided before, and this is the same answer again.
    pub replayed: bool,
}

impl Recorded {
    /// What a checked use of so much was decided on: counted, it is above by what it adds.
    pub fn checked(decision: DecisionId, quota: Quota, quantity: u64) -> Self {
        Self {
            decision,
            quota,
            used: quota.used.saturating_add(quantity),
            bonus: quota.bonus.saturating_sub(quota.above_limit(quantity)),
            quantity,
            replayed: false,
        }
    }

    /// Where the quota stands after the use was counted.
    pub fn standing(&self) -> QuotaAnswer {
        let after = Quota { used: self.used, bonus: self.bonus, ..self.quota };
        QuotaAnswer {
            reason: self.quota.check(self.quantity).reason,
            allowed: true,
            ..after.check(0)
        }
    }

    /// Why it was denied.
    pub fn refusal(&self) -> QuotaAnswer {
        self.quota.check(self.quantity)
    }
}

/// What is remembered under a key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Decided {
    /// The decision.
    pub decision: DecisionId,
    /// Of what.
    pub meter: Arc<str>,
    /// How much was asked for; negative where it was taken away.
    pub quantity: i64,
    /// Whether it was counted.
    pub recorded: bool,
    /// What it was decided on; nothing where use was only tracked.
    pub quota: Option<Quota>,
}

impl Decided {
    /// Whether this is the same request.
    pub(super) fn is_of(&self, usage: &Use) -> bool {
        self.meter == usage.meter && self.quantity == asked(usage)
    }

    pub(super) fn new(usage: &Use, recorded: bool, quota: Quota) -> Self {
        let quota = match usage.operation {
            UsageOperation::Track => None,
            UsageOperation::CheckAndRecord => Some(quota),
        };
        Self {
            decision: DecisionId(usage.id.0),
            meter: usage.meter.clone(),
            quantity: asked(usage),
            recorded,
            quota,
        }
    }

    /// The same answer again, where the quota may have moved on to `now`.
    pub(super) fn again(&self, now: Quota) -> UsageOutcome {
        let quantity = self.quantity.unsigned_abs();
        let facts = match self.quota {
            Some(quota) => Recorded::checked(self.decision, quota, quantity),
            None => Recorded {
                decision: self.decision,
                quota: now,
                used: now.used,
                bonus: now.bonus,
                quantity,
                replayed: true,
            },
        };
        let facts = Recorded { replayed: true, ..facts };
        if self.recorded { UsageOutcome::Recorded(facts) } else { UsageOutcome::Denied(facts) }
    }
}

fn asked(usage: &Use) -> i64 {
    let quantity = i64::try_from(usage.quantity).unwrap_or(i64::MAX);
    match usage.effect {
        Effect::Remove => -quantity,
        Effect::Add | Effect::Raise | Effect::Set | Effect::See(_) => quantity,
    }
}
