//! Counting what is used, and deciding on more of it.
//!
//! The same shape as the ledger: an account with what is known, a pure `apply`, and what is to be
//! recorded afterwards.

use std::collections::{BTreeMap, BTreeSet};

use time::OffsetDateTime;

use crate::{
    catalogue::{Amount, Overage, Window},
    credits::IdempotencyKey,
    id::{BonusId, DecisionId, OrganizationId, UsageEventId},
    period::Period,
    quota::{Quota, QuotaAnswer},
};

/// Use of a meter, to be counted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UsageCommand {
    /// The id that the raw event gets, and its decision.
    pub id: UsageEventId,
    /// Counted once per organization.
    pub key: IdempotencyKey,
    /// What is used.
    pub meter: String,
    /// How much of it, at least one.
    pub quantity: u64,
    /// When it was used.
    pub at: OffsetDateTime,
    /// Where it is counted, and against what.
    pub rule: UsageRule,
    /// Whether it is counted only if the quota allows it.
    pub operation: UsageOperation,
    /// What the caller wants to remember with it, as a JSON object.
    pub properties: Option<String>,
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
    /// The window in which the use lies.
    pub period: Period,
}

impl UsageRule {
    /// When the count starts anew.
    pub fn resets_at(&self) -> Option<OffsetDateTime> {
        (self.window != Window::Lifetime).then_some(self.period.end)
    }
}

/// More of a meter than the plan allows, given for a reason.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Bonus {
    /// Our id.
    pub id: BonusId,
    /// Of what.
    pub meter: String,
    /// How much was given.
    pub amount: u64,
    /// How much is left.
    pub remaining: u64,
    /// Why, in a few words.
    pub reason: String,
    /// Before when it must be used.
    pub expires_at: OffsetDateTime,
    /// When it was given.
    pub created_at: OffsetDateTime,
}

/// A meter's count in one window.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct CounterKey {
    /// What is counted.
    pub meter: String,
    /// In which kind of window.
    pub window: Window,
    /// The start of the window.
    pub start: OffsetDateTime,
}

/// What came of a usage command.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum UsageOutcome {
    /// It is counted.
    Recorded(Recorded),
    /// The quota denies it, and nothing is counted.
    Denied(Recorded),
    /// The key was used before, for something else. Nothing happened.
    KeyReused,
}

/// What a usage command was decided on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Recorded {
    /// The decision, which is also the raw event where it was counted.
    pub decision: DecisionId,
    /// What was known before it was decided.
    pub quota: Quota,
    /// How much was asked for.
    pub quantity: u64,
    /// Whether it was decided before, and this is the same answer again.
    pub replayed: bool,
}

impl Recorded {
    /// Where the quota stands after the use was counted.
    pub fn standing(&self) -> QuotaAnswer {
        let after = Quota {
            used: self.quota.used.saturating_add(self.quantity),
            bonus: self.quota.bonus.saturating_sub(self.quota.above_limit(self.quantity)),
            ..self.quota
        };
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

/// What is known of an organization's use, enough to decide the commands at hand.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UsageAccount {
    /// Whose it is.
    pub organization_id: OrganizationId,
    /// The number of the last raw event.
    pub last_seq: i64,
    counters: BTreeMap<CounterKey, u64>,
    bonuses: Vec<Bonus>,
    decided: BTreeMap<(UsageOperation, IdempotencyKey), (String, UsageOutcome)>,
    pending: UsagePending,
}

/// What commands changed and nobody has recorded yet.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct UsagePending {
    /// Raw events that were counted, with their number.
    pub counted: Vec<(i64, UsageCommand)>,
    /// Counters, with their new value.
    pub counters: BTreeMap<CounterKey, u64>,
    /// Bonuses of which something was used, with what is left.
    pub bonuses: BTreeMap<BonusId, u64>,
    /// Commands decided anew, with what came of them.
    pub decided: Vec<(UsageCommand, UsageOutcome)>,
}

impl UsageAccount {
    /// An account on which nothing was counted.
    pub fn new(organization_id: OrganizationId) -> Self {
        Self {
            organization_id,
            last_seq: 0,
            counters: BTreeMap::new(),
            bonuses: Vec::new(),
            decided: BTreeMap::new(),
            pending: UsagePending::default(),
        }
    }

    /// Makes a count known. Those that commands will need must be; others count from zero.
    pub fn know_counter(&mut self, key: CounterKey, used: u64) {
        self.counters.insert(key, used);
    }

    /// Makes a bonus known.
    pub fn know_bonus(&mut self, bonus: Bonus) {
        self.bonuses.push(bonus);
    }

    /// Makes known what came of a key before: of which meter, and what.
    pub fn know_decision(
        &mut self,
        operation: UsageOperation,
        key: IdempotencyKey,
        meter: String,
        outcome: UsageOutcome,
    ) {
        self.decided.insert((operation, key), (meter, outcome));
    }

    /// Hands over what is to be recorded, and forgets it.
    pub fn take_pending(&mut self) -> UsagePending {
        core::mem::take(&mut self.pending)
    }

    /// What a quota would be decided on now.
    pub fn quota(&self, meter: &str, rule: &UsageRule, now: OffsetDateTime) -> Quota {
        Quota {
            limit: rule.limit,
            overage: rule.overage,
            used: self.counters.get(&counter(meter, rule)).copied().unwrap_or_default(),
            bonus: self
                .usable(meter, now)
                .map(|bonus| bonus.remaining)
                .fold(0, u64::saturating_add),
            resets_at: rule.resets_at(),
        }
    }

    /// Decides one command.
    pub fn apply(&mut self, command: &UsageCommand, now: OffsetDateTime) -> UsageOutcome {
        if let Some((meter, outcome)) = self.decided.get(&(command.operation, command.key.clone()))
        {
            return again(meter, outcome, command);
        }
        let facts = Recorded {
            decision: DecisionId(command.id.0),
            quota: self.quota(&command.meter, &command.rule, now),
            quantity: command.quantity,
            replayed: false,
        };
        let outcome =
            if command.operation == UsageOperation::CheckAndRecord && !facts.refusal().allowed {
                UsageOutcome::Denied(facts)
            } else {
                self.count(command, &facts.quota, now);
                UsageOutcome::Recorded(facts)
            };
        let key = (command.operation, command.key.clone());
        self.decided.insert(key, (command.meter.clone(), outcome.clone()));
        self.pending.decided.push((command.clone(), outcome.clone()));
        outcome
    }

    fn count(&mut self, command: &UsageCommand, quota: &Quota, now: OffsetDateTime) {
        let key = counter(&command.meter, &command.rule);
        let used = quota.used.saturating_add(command.quantity);
        self.counters.insert(key.clone(), used);
        self.pending.counters.insert(key, used);
        self.draw_bonuses(&command.meter, quota.above_limit(command.quantity), now);
        self.last_seq += 1;
        self.pending.counted.push((self.last_seq, command.clone()));
    }

    /// Takes from bonuses, the soonest to expire first, as far as they reach.
    fn draw_bonuses(&mut self, meter: &str, mut open: u64, now: OffsetDateTime) {
        self.bonuses.sort_by_key(|bonus| (bonus.expires_at, bonus.created_at, bonus.id));
        let usable = |bonus: &&mut Bonus| is_usable(bonus, meter, now);
        for bonus in self.bonuses.iter_mut().filter(usable) {
            if open == 0 {
                return;
            }
            let taken = open.min(bonus.remaining);
            bonus.remaining -= taken;
            open -= taken;
            self.pending.bonuses.insert(bonus.id, bonus.remaining);
        }
    }

    fn usable<'a>(
        &'a self,
        meter: &'a str,
        now: OffsetDateTime,
    ) -> impl Iterator<Item = &'a Bonus> {
        self.bonuses.iter().filter(move |bonus| is_usable(bonus, meter, now))
    }
}

/// The counters that commands will need, each once.
pub fn counters_needed(commands: &[UsageCommand]) -> BTreeSet<CounterKey> {
    commands.iter().map(|command| counter(&command.meter, &command.rule)).collect()
}

fn is_usable(bonus: &Bonus, meter: &str, now: OffsetDateTime) -> bool {
    bonus.meter == meter && bonus.remaining > 0 && now < bonus.expires_at
}

fn counter(meter: &str, rule: &UsageRule) -> CounterKey {
    CounterKey { meter: meter.to_owned(), window: rule.window, start: rule.period.start }
}

fn again(meter: &str, outcome: &UsageOutcome, command: &UsageCommand) -> UsageOutcome {
    let same = |facts: &Recorded| meter == command.meter && facts.quantity == command.quantity;
    match outcome.clone() {
        UsageOutcome::Recorded(facts) if same(&facts) => {
            UsageOutcome::Recorded(Recorded { replayed: true, ..facts })
        }
        UsageOutcome::Denied(facts) if same(&facts) => {
            UsageOutcome::Denied(Recorded { replayed: true, ..facts })
        }
        UsageOutcome::Recorded(_) | UsageOutcome::Denied(_) | UsageOutcome::KeyReused => {
            UsageOutcome::KeyReused
        }
    }
}

#[cfg(test)]
mod tests;
