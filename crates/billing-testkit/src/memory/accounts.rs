//! Accounts, with the rows that they produced.

use std::collections::{BTreeMap, BTreeSet};

use billing_app::ports::{Correction, CreditSummary};
use billing_domain::{
    catalogue::Meter,
    credits::{
        CreditAccount, CreditCommand, CreditDecision, CreditOutcome, Draw, DrawRef, Entry, Origin,
        Verdict,
    },
    event::{Event, What},
    id::OrganizationId,
    usage::{
        Counted, Counter, CounterKey, CounterWindow, Decision, RawUse, Tallies, UsageAccount,
        UsageCommand, UsageDecision, UsageOutcome,
    },
};
use time::{Date, OffsetDateTime};

/// The credit ledger of an organization.
#[derive(Clone)]
pub(super) struct CreditBook {
    pub(super) account: CreditAccount,
    pub(super) entries: Vec<Entry>,
    pub(super) told: Vec<(OffsetDateTime, What)>,
    pub(super) decisions: Vec<CreditDecision>,
}

impl CreditBook {
    pub(super) fn new(organization: OrganizationId) -> Self {
        Self {
            account: CreditAccount::new(organization),
            entries: Vec::new(),
            told: Vec::new(),
            decisions: Vec::new(),
        }
    }

    pub(super) fn apply(&mut self, command: &CreditCommand, now: OffsetDateTime) -> CreditOutcome {
        if let CreditCommand::Refund(refund) = command {
            self.know_draw(refund.draw);
        }
        let mut before = self.account.clone();
        before.apply(&CreditCommand::BookDue, now);
        before.take_pending();
        let outcome = self.account.apply(command, now);
        self.record(&before);
        outcome
    }

    /// What was decided becomes rows.
    fn record(&mut self, before: &CreditAccount) {
        let pending = self.account.take_pending();
        for decided in pending.decided {
            let row = |entry: &&Entry| matches!(decided.verdict, Verdict::Allowed { seq } if seq == entry.seq);
            self.decisions.push(CreditDecision {
                organization_id: self.account.organization_id,
                entry: pending.entries.iter().find(row).cloned(),
                before: before.clone(),
                decided,
            });
        }
        self.entries.extend(pending.entries);
        self.told.extend(pending.told);
    }

    fn know_draw(&mut self, wanted: DrawRef) {
        let returned = |draw: i64| {
            let refunds = self.entries.iter().filter(
                |entry| matches!(entry.origin, Origin::Refund { draw: of, .. } if of == draw),
            );
            refunds.map(|entry| entry.amount).sum()
        };
        let uses = self.entries.iter().filter_map(|entry| Draw::of(entry, returned(entry.seq)));
        if let Some(draw) = uses.into_iter().find(|draw| draw.is(wanted)) {
            self.account.know_draw(draw);
        }
    }

    pub(super) fn summary(&self) -> CreditSummary {
        let account = &self.account;
        let left = account.grants().iter().filter(|grant| grant.remaining > 0);
        let mut grants: Vec<_> = left.cloned().collect();
        grants.sort_by_key(|grant| account.settings.order.key(grant));
        CreditSummary {
            balance: account.balance(),
            overdrawn: account.overdrawn,
            held: account.held,
            settings: account.settings,
            next_due_at: account.next_due_at(),
            grants,
        }
    }
}

/// The usage ledger of an organization.
#[derive(Clone)]
pub(super) struct UsageBook {
    pub(super) account: UsageAccount,
    pub(super) counted: Vec<Counted>,
    pub(super) counters: BTreeMap<CounterKey, Counter>,
    pub(super) values: BTreeSet<(CounterKey, String)>,
    pub(super) decided: Vec<Decision>,
    /// Up to which number events are rolled up into days.
    pub(super) rolled: i64,
    /// Raw events that were put away.
    pub(super) away: Vec<Counted>,
    /// What the events of a month come to, put away or not.
    pub(super) checkpoints: BTreeMap<Date, Tallies>,
}

impl UsageBook {
    pub(super) fn new(organization: OrganizationId) -> Self {
        Self {
            account: UsageAccount::new(organization),
            counted: Vec::new(),
            counters: BTreeMap::new(),
            values: BTreeSet::new(),
            decided: Vec::new(),
            rolled: 0,
            away: Vec::new(),
            checkpoints: BTreeMap::new(),
        }
    }

    /// What came of a command, and what others are to be told.
    pub(super) fn apply(
        &mut self,
        command: &UsageCommand,
        now: OffsetDateTime,
    ) -> (UsageOutcome, Vec<Event>) {
        let outcome = self.account.apply(command, now);
        let pending = self.account.take_pending();
        self.counted.extend(pending.counted);
        self.counters.extend(pending.counters);
        self.values.extend(pending.values);
        self.decided.extend(pending.decided);
        (outcome, pending.events)
    }

    pub(super) fn raw_uses(&self, after: i64) -> Vec<RawUse> {
        self.counted.iter().filter(|counted| counted.seq > after).map(Self::raw_use).collect()
    }

    pub(super) fn raw_use(counted: &Counted) -> RawUse {
        RawUse {
            seq: counted.seq,
            key: CounterKey::of(counted.usage.meter.clone(), &counted.usage.rule),
            applied: counted.applied,
            at: counted.usage.at,
            properties: counted.usage.properties.clone(),
        }
    }

    /// What was counted of a meter in the billing periods that began at these instants.
    pub(super) fn counted_in(&self, meter: &Meter, starts: &[OffsetDateTime]) -> Counter {
        let among = |key: &CounterKey| {
            *key.meter == *meter.key
                && key.window == CounterWindow::BillingPeriod
                && starts.contains(&key.start)
        };
        let counters = self.counters.iter().filter(|(key, _)| among(key)).map(|(_, it)| *it);
        let mut together = Counter::together(&meter.aggregation, counters);
        if meter.aggregation.property().is_some() {
            let values = self.values.iter().filter(|(key, _)| among(key)).map(|(_, value)| value);
            let distinct: BTreeSet<_> = values.collect();
            together.used = u64::try_from(distinct.len()).unwrap_or(u64::MAX);
        }
        together
    }

    pub(super) fn correct(&mut self, correction: &Correction) {
        for (key, counter) in &correction.counters {
            self.counters.insert(key.clone(), *counter);
            self.account.know_counter(key.clone(), *counter);
        }
        for (key, value) in &correction.missing_values {
            self.values.insert((key.clone(), value.clone()));
            self.account.know_value(key.clone(), value.clone());
        }
        for wrong in &correction.wrong_values {
            self.values.remove(wrong);
        }
    }

    /// What was checked, the newest first.
    pub(super) fn checked(&self) -> impl Iterator<Item = UsageDecision> {
        self.decided.iter().rev().filter_map(|Decision { usage, at, decided }| {
            Some(UsageDecision {
                decision: decided.decision,
                organization_id: self.account.organization_id,
                key: usage.key.clone(),
                allowed: decided.recorded,
                meter: usage.meter.to_string(),
                quantity: usage.quantity,
                quota: decided.quota?,
                plan_version_id: Some(usage.plan_version_id),
                at: *at,
            })
        })
    }
}
