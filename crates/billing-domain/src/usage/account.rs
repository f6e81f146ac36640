//! The account: what is known, and the one function that decides.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use time::OffsetDateTime;

use crate::{
    catalogue::Window,
    credits::IdempotencyKey,
    event::Event,
    id::{BonusId, DecisionId, OrganizationId},
    quota::Quota,
    usage::{
        Bonus, Counter, CounterKey, Decided, Effect, Recorded, UsageCommand, UsageOperation,
        UsageOutcome, UsageRule, Use,
    },
};

/// The largest count that is kept.
const MOST_USED: u64 = i64::MAX.unsigned_abs();

/// What is known of an organization's use, enough to decide the commands at hand.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UsageAccount {
    /// Whose it is.
    pub organization_id: OrganizationId,
    /// The number of the last raw event.
    pub last_seq: i64,
    counters: BTreeMap<CounterKey, Counter>,
    values: BTreeSet<(CounterKey, String)>,
    pub(super) bonuses: Vec<Bonus>,
    tracked: BTreeMap<IdempotencyKey, Decided>,
    checked: BTreeMap<IdempotencyKey, Decided>,
    pub(super) pending: UsagePending,
}

/// What commands changed and nobody has recorded yet.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct UsagePending {
    /// Raw events that were counted.
    pub counted: Vec<Counted>,
    /// Counters, as they are now.
    pub counters: BTreeMap<CounterKey, Counter>,
    /// Distinct values that were seen for the first time.
    pub values: Vec<(CounterKey, String)>,
    /// Bonuses that were given.
    pub given: Vec<Bonus>,
    /// Bonuses that were used or given back to, with what is left.
    pub bonuses: BTreeMap<BonusId, u64>,
    /// Uses decided anew.
    pub decided: Vec<Decision>,
    /// What others are to be told.
    pub events: Vec<Event>,
}

/// A raw event.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Counted {
    /// Its number.
    pub seq: i64,
    /// By how much it is counted; negative where it was taken away.
    pub applied: i64,
    /// What it is of.
    pub usage: Arc<Use>,
}

/// A use that was decided.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Decision {
    /// What was asked.
    pub usage: Arc<Use>,
    /// When it was decided.
    pub at: OffsetDateTime,
    /// What came of it.
    pub decided: Decided,
}

impl UsageAccount {
    /// An account on which nothing was counted.
    pub fn new(organization_id: OrganizationId) -> Self {
        Self {
            organization_id,
            last_seq: 0,
            counters: BTreeMap::new(),
            values: BTreeSet::new(),
            bonuses: Vec::new(),
            tracked: BTreeMap::new(),
            checked: BTreeMap::new(),
            pending: UsagePending::default(),
        }
    }

    /// Makes a count known. Those that commands will need must be; others count from zero.
    pub fn know_counter(&mut self, key: CounterKey, counter: Counter) {
        self.counters.insert(key, counter);
    }

    /// Makes known that a value was seen. Those that commands will need must be.
    pub fn know_value(&mut self, key: CounterKey, value: String) {
        self.values.insert((key, value));
    }

    /// Makes a bonus known: those that have not expired, and those of ids that will be given.
    pub fn know_bonus(&mut self, bonus: Bonus) {
        self.bonuses.push(bonus);
    }

    /// Makes known what came of a key before.
    pub fn know_decision(
        &mut self,
        operation: UsageOperation,
        key: IdempotencyKey,
        decided: Decided,
    ) {
        self.decided_under(operation).insert(key, decided);
    }

    /// Hands over what is to be recorded, and forgets it.
    pub fn take_pending(&mut self) -> UsagePending {
        core::mem::take(&mut self.pending)
    }

    /// What a quota would be decided on now.
    pub fn quota(&self, meter: &str, rule: &UsageRule, now: OffsetDateTime) -> Quota {
        self.quota_at(&CounterKey::of(meter.into(), rule), rule, now)
    }

    /// Decides one command.
    pub fn apply(&mut self, command: &UsageCommand, now: OffsetDateTime) -> UsageOutcome {
        match command {
            UsageCommand::Record(usage) => self.record(usage, now),
            UsageCommand::Bonus(bonus) => self.give(bonus),
            UsageCommand::Grace(grace) => self.grace(grace, now),
        }
    }

    fn record(&mut self, usage: &Arc<Use>, now: OffsetDateTime) -> UsageOutcome {
        let key = CounterKey::of(usage.meter.clone(), &usage.rule);
        let quota = self.quota_at(&key, &usage.rule, now);
        if let Some(decided) = self.decided_under(usage.operation).get(&usage.key) {
            let same = decided.is_of(usage);
            return if same { decided.again(quota) } else { UsageOutcome::KeyReused };
        }
        let facts = Recorded::checked(DecisionId(usage.id.0), quota, usage.quantity);
        let outcome = match usage.operation {
            UsageOperation::CheckAndRecord if !facts.refusal().allowed => {
                UsageOutcome::Denied(facts)
            }
            UsageOperation::CheckAndRecord | UsageOperation::Track
                if self.overflows(&key, usage) =>
            {
                return UsageOutcome::TooLarge;
            }
            UsageOperation::CheckAndRecord => {
                self.count(usage, &key, quota.used, now);
                UsageOutcome::Recorded(facts)
            }
            UsageOperation::Track => {
                let used = self.count(usage, &key, quota.used, now);
                let bonus = self.bonus(&usage.meter, now);
                UsageOutcome::Recorded(Recorded { used, bonus, ..facts })
            }
        };
        let recorded = matches!(outcome, UsageOutcome::Recorded(_));
        let decided = Decided::new(usage, recorded, quota);
        self.decided_under(usage.operation).insert(usage.key.clone(), decided.clone());
        self.pending.decided.push(Decision { usage: usage.clone(), at: now, decided });
        outcome
    }

    fn overflows(&self, key: &CounterKey, usage: &Use) -> bool {
        let total = match usage.effect {
            Effect::Add => self.counter(key).used.checked_add(usage.quantity),
            Effect::Remove | Effect::Raise | Effect::Set | Effect::See(_) => Some(usage.quantity),
        };
        total.is_none_or(|total| total > MOST_USED)
    }

    /// Counts a use; what the window holds after it.
    fn count(
        &mut self,
        usage: &Arc<Use>,
        key: &CounterKey,
        before: u64,
        now: OffsetDateTime,
    ) -> u64 {
        let rule = &usage.rule;
        let is_new = match &usage.effect {
            Effect::See(value) => self.see(key, value),
            Effect::Add | Effect::Remove | Effect::Raise | Effect::Set => false,
        };
        let mut counter = self.counter(key);
        let old = counter.used;
        let applied = counter.count(&usage.effect, usage.quantity, usage.at, is_new);
        // A late use may lie in a bucket that a rolling window has left behind.
        let lies_within = rule.covered(now).contains(key.start);
        let moved = before.saturating_sub(old).saturating_add(counter.used);
        let after = if lies_within { moved } else { before };
        if after > before {
            let open = rule.above(after) - rule.above(before);
            counter.from_bonus += self.draw(&usage.meter, open, now);
            self.warn(usage, &mut counter, after, now);
        } else {
            let freed = counter.from_bonus.saturating_sub(rule.above(after)).min(before - after);
            counter.from_bonus -= freed;
            self.give_back(&usage.meter, freed, now);
        }
        self.put(key.clone(), counter);
        self.last_seq += 1;
        let seq = self.last_seq;
        self.pending.counted.push(Counted { seq, applied, usage: usage.clone() });
        after
    }

    fn see(&mut self, key: &CounterKey, value: &str) -> bool {
        let seen = (key.clone(), value.to_owned());
        let is_new = self.values.insert(seen.clone());
        if is_new {
            self.pending.values.push(seen);
        }
        is_new
    }

    fn quota_at(&self, key: &CounterKey, rule: &UsageRule, now: OffsetDateTime) -> Quota {
        let (used, resets_at) = self.used(key, rule, now);
        let bonus = self.bonus(&key.meter, now);
        Quota { limit: rule.limit, overage: rule.overage, used, bonus, resets_at }
    }

    /// What was used in the window as it stands now, and when that will be less.
    pub(super) fn used(
        &self,
        key: &CounterKey,
        rule: &UsageRule,
        now: OffsetDateTime,
    ) -> (u64, Option<OffsetDateTime>) {
        match rule.window {
            Window::BillingPeriod | Window::CalendarMonth | Window::Lifetime => {
                (self.counter(key).used, rule.resets_at())
            }
            Window::Rolling(rolling) => {
                let filled = || self.buckets(key, rule, now).filter(|(_, it)| it.used > 0);
                let used = filled().map(|(_, it)| it.used).fold(0, u64::saturating_add);
                let oldest = filled().next().map(|(start, _)| start + rolling.duration());
                (used, oldest)
            }
        }
    }

    /// The counters that the window is made of, the oldest first.
    pub(super) fn buckets(
        &self,
        key: &CounterKey,
        rule: &UsageRule,
        now: OffsetDateTime,
    ) -> impl Iterator<Item = (OffsetDateTime, &Counter)> {
        let covered = rule.covered(now);
        let from = |start| CounterKey { start, ..key.clone() };
        let within = self.counters.range(from(covered.start)..from(covered.end));
        within.map(|(key, counter)| (key.start, counter))
    }

    pub(super) fn counter(&self, key: &CounterKey) -> Counter {
        self.counters.get(key).copied().unwrap_or_default()
    }

    pub(super) fn put(&mut self, key: CounterKey, counter: Counter) {
        self.counters.insert(key.clone(), counter);
        self.pending.counters.insert(key, counter);
    }

    fn decided_under(
        &mut self,
        operation: UsageOperation,
    ) -> &mut BTreeMap<IdempotencyKey, Decided> {
        match operation {
            UsageOperation::Track => &mut self.tracked,
            UsageOperation::CheckAndRecord => &mut self.checked,
        }
    }
}
