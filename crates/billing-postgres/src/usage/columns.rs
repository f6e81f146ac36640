//! What was counted and decided, as the columns of the statements that write it.

use billing_app::Error;
use billing_domain::{
    id::OrganizationId,
    usage::{UsageCommand, UsageOutcome, UsagePending},
};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    statements::{InsertEvents, InsertKeys, PutCounters, UpdateBonuses},
    stored,
};
use crate::catalogue::most;

#[derive(Default)]
pub(super) struct Columns<'a> {
    pub(super) counters: CounterColumns<'a>,
    pub(super) bonus_owners: Vec<Uuid>,
    pub(super) bonuses: Vec<Uuid>,
    pub(super) bonuses_left: Vec<i64>,
    pub(super) events: EventColumns<'a>,
    pub(super) keys: KeyColumns<'a>,
}

impl<'a> Columns<'a> {
    pub(super) fn add(
        &mut self,
        id: OrganizationId,
        pending: &'a UsagePending,
    ) -> Result<(), Error> {
        for (key, used) in &pending.counters {
            self.counters.owners.push(id.0);
            self.counters.meters.push(&key.meter);
            self.counters.windows.push(key.window.name());
            self.counters.starts.push(key.start);
            self.counters.used.push(stored(*used)?);
        }
        for (bonus, left) in &pending.bonuses {
            self.bonus_owners.push(id.0);
            self.bonuses.push(bonus.0);
            self.bonuses_left.push(stored(*left)?);
        }
        for (seq, command) in &pending.counted {
            self.events.push(id, *seq, command)?;
        }
        for (command, outcome) in &pending.decided {
            self.keys.push(id, command, outcome)?;
        }
        Ok(())
    }
}

impl Columns<'_> {
    pub(super) fn used_bonuses(&self) -> UpdateBonuses<'_> {
        UpdateBonuses {
            organizations: &self.bonus_owners,
            bonuses: &self.bonuses,
            remaining: &self.bonuses_left,
        }
    }
}

#[derive(Default)]
pub(super) struct CounterColumns<'a> {
    owners: Vec<Uuid>,
    meters: Vec<&'a str>,
    windows: Vec<&'a str>,
    starts: Vec<OffsetDateTime>,
    pub(super) used: Vec<i64>,
}

impl CounterColumns<'_> {
    pub(super) fn statement(&self) -> PutCounters<'_> {
        let Self { owners, meters, windows, starts, used } = self;
        PutCounters { organizations: owners, meters, windows, starts, used }
    }
}

#[derive(Default)]
pub(super) struct EventColumns<'a> {
    owners: Vec<Uuid>,
    pub(super) seqs: Vec<i64>,
    dates: Vec<OffsetDateTime>,
    ids: Vec<Uuid>,
    meters: Vec<&'a str>,
    quantities: Vec<i64>,
    windows: Vec<&'a str>,
    starts: Vec<OffsetDateTime>,
    keys: Vec<&'a str>,
    properties: Vec<Option<serde_json::Value>>,
}

impl<'a> EventColumns<'a> {
    fn push(
        &mut self,
        owner: OrganizationId,
        seq: i64,
        command: &'a UsageCommand,
    ) -> Result<(), Error> {
        let UsageCommand { id, key, meter, quantity, at, rule, operation: _, properties } = command;
        let properties = properties.as_deref().map(serde_json::from_str).transpose();
        self.owners.push(owner.0);
        self.seqs.push(seq);
        self.dates.push(*at);
        self.ids.push(id.0);
        self.meters.push(meter);
        self.quantities.push(stored(*quantity)?);
        self.windows.push(rule.window.name());
        self.starts.push(rule.period.start);
        self.keys.push(key.as_str());
        self.properties.push(properties.map_err(|_| Error::invalid("properties", "must be JSON"))?);
        Ok(())
    }

    pub(super) fn statement(&self, now: OffsetDateTime) -> InsertEvents<'_> {
        InsertEvents {
            organizations: &self.owners,
            seqs: &self.seqs,
            dates: &self.dates,
            ids: &self.ids,
            meters: &self.meters,
            quantities: &self.quantities,
            windows: &self.windows,
            starts: &self.starts,
            keys: &self.keys,
            properties: &self.properties,
            now,
        }
    }
}

#[derive(Default)]
pub(super) struct KeyColumns<'a> {
    pub(super) keys: Vec<&'a str>,
    owners: Vec<Uuid>,
    operations: Vec<&'a str>,
    ids: Vec<Uuid>,
    meters: Vec<&'a str>,
    quantities: Vec<i64>,
    recorded: Vec<bool>,
    most: Vec<Option<i64>>,
    overage: Vec<&'a str>,
    used: Vec<i64>,
    bonus: Vec<i64>,
    resets_at: Vec<Option<OffsetDateTime>>,
}

impl<'a> KeyColumns<'a> {
    fn push(
        &mut self,
        owner: OrganizationId,
        command: &'a UsageCommand,
        outcome: &UsageOutcome,
    ) -> Result<(), Error> {
        let (facts, recorded) = match outcome {
            UsageOutcome::Recorded(facts) => (facts, true),
            UsageOutcome::Denied(facts) => (facts, false),
            UsageOutcome::KeyReused => return Ok(()),
        };
        self.keys.push(command.key.as_str());
        self.owners.push(owner.0);
        self.operations.push(command.operation.name());
        self.ids.push(facts.decision.0);
        self.meters.push(&command.meter);
        self.quantities.push(stored(facts.quantity)?);
        self.recorded.push(recorded);
        self.most.push(most(facts.quota.limit)?);
        self.overage.push(facts.quota.overage.name());
        self.used.push(stored(facts.quota.used)?);
        self.bonus.push(stored(facts.quota.bonus)?);
        self.resets_at.push(facts.quota.resets_at);
        Ok(())
    }

    pub(super) fn statement(&self, now: OffsetDateTime) -> InsertKeys<'_> {
        InsertKeys {
            keys: &self.keys,
            organizations: &self.owners,
            operations: &self.operations,
            ids: &self.ids,
            meters: &self.meters,
            quantities: &self.quantities,
            recorded: &self.recorded,
            most: &self.most,
            overage: &self.overage,
            used: &self.used,
            bonus: &self.bonus,
            resets_at: &self.resets_at,
            now,
        }
    }
}
