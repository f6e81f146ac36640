//! What was counted and decided, as the columns of the statements that write it.

use billing_app::Error;
use billing_domain::{
    id::OrganizationId,
    usage::{Bonus, Counted, Counter, CounterKey, Decision, UsagePending},
};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    statements::{
        InsertBonuses, InsertEvents, InsertKeys, InsertValues, PutCounters, UpdateBonuses,
    },
    stored,
};
use crate::{catalogue::most, outbox::EventColumns as OutboxColumns};

#[derive(Default)]
pub(super) struct Columns<'a> {
    pub(super) counters: CounterColumns<'a>,
    pub(super) values: ValueColumns<'a>,
    pub(super) given: GivenColumns<'a>,
    pub(super) bonuses: BonusColumns,
    pub(super) events: EventColumns<'a>,
    pub(super) keys: KeyColumns<'a>,
    pub(super) told: OutboxColumns,
}

impl<'a> Columns<'a> {
    pub(super) fn add(
        &mut self,
        id: OrganizationId,
        pending: &'a UsagePending,
    ) -> Result<(), Error> {
        for (key, counter) in &pending.counters {
            self.counters.push(id, key, counter)?;
        }
        for (key, value) in &pending.values {
            self.values.push(id, key, value);
        }
        for bonus in &pending.given {
            self.given.push(id, bonus)?;
        }
        for (bonus, left) in &pending.bonuses {
            self.bonuses.owners.push(id.0);
            self.bonuses.bonuses.push(bonus.0);
            self.bonuses.left.push(stored(*left)?);
        }
        for counted in &pending.counted {
            self.events.push(id, counted);
        }
        for decision in &pending.decided {
            self.keys.push(id, decision)?;
        }
        self.told.add(&pending.events)
    }
}

#[derive(Default)]
pub(super) struct BonusColumns {
    owners: Vec<Uuid>,
    pub(super) bonuses: Vec<Uuid>,
    left: Vec<i64>,
}

impl BonusColumns {
    pub(super) fn statement(&self) -> UpdateBonuses<'_> {
        let Self { owners, bonuses, left } = self;
        UpdateBonuses { organizations: owners, bonuses, remaining: left }
    }
}

#[derive(Default)]
pub(super) struct CounterColumns<'a> {
    owners: Vec<Uuid>,
    meters: Vec<&'a str>,
    windows: Vec<&'a str>,
    starts: Vec<OffsetDateTime>,
    pub(super) used: Vec<i64>,
    from_bonus: Vec<i64>,
    warned: Vec<i16>,
    latest: Vec<Option<OffsetDateTime>>,
}

impl<'a> CounterColumns<'a> {
    pub(super) fn push(
        &mut self,
        owner: OrganizationId,
        key: &'a CounterKey,
        counter: &Counter,
    ) -> Result<(), Error> {
        let Counter { used, from_bonus, warned, latest_at } = counter;
        self.owners.push(owner.0);
        self.meters.push(&key.meter);
        self.windows.push(key.window.name());
        self.starts.push(key.start);
        self.used.push(stored(*used)?);
        self.from_bonus.push(stored(*from_bonus)?);
        self.warned.push(i16::from(*warned));
        self.latest.push(*latest_at);
        Ok(())
    }

    pub(super) fn statement(&self) -> PutCounters<'_> {
        let Self { owners, meters, windows, starts, used, from_bonus, warned, latest } = self;
        let organizations = owners;
        PutCounters { organizations, meters, windows, starts, used, from_bonus, warned, latest }
    }
}

#[derive(Default)]
pub(super) struct ValueColumns<'a> {
    owners: Vec<Uuid>,
    pub(super) meters: Vec<&'a str>,
    pub(super) windows: Vec<&'a str>,
    pub(super) starts: Vec<OffsetDateTime>,
    pub(super) values: Vec<&'a str>,
}

impl<'a> ValueColumns<'a> {
    pub(super) fn push(&mut self, owner: OrganizationId, key: &'a CounterKey, value: &'a str) {
        self.owners.push(owner.0);
        self.meters.push(&key.meter);
        self.windows.push(key.window.name());
        self.starts.push(key.start);
        self.values.push(value);
    }

    pub(super) fn statement(&self) -> InsertValues<'_> {
        let Self { owners, meters, windows, starts, values } = self;
        InsertValues { organizations: owners, meters, windows, starts, values }
    }
}

#[derive(Default)]
pub(super) struct GivenColumns<'a> {
    owners: Vec<Uuid>,
    pub(super) bonuses: Vec<Uuid>,
    meters: Vec<&'a str>,
    amounts: Vec<i64>,
    remaining: Vec<i64>,
    reasons: Vec<&'a str>,
    expires: Vec<OffsetDateTime>,
    created: Vec<OffsetDateTime>,
}

impl<'a> GivenColumns<'a> {
    fn push(&mut self, owner: OrganizationId, bonus: &'a Bonus) -> Result<(), Error> {
        let Bonus { id, meter, amount, remaining, reason, expires_at, created_at } = bonus;
        self.owners.push(owner.0);
        self.bonuses.push(id.0);
        self.meters.push(meter);
        self.amounts.push(stored(*amount)?);
        self.remaining.push(stored(*remaining)?);
        self.reasons.push(reason);
        self.expires.push(*expires_at);
        self.created.push(*created_at);
        Ok(())
    }

    pub(super) fn statement(&self) -> InsertBonuses<'_> {
        let Self { owners, bonuses, meters, amounts, remaining, reasons, expires, created } = self;
        let organizations = owners;
        InsertBonuses {
            organizations,
            bonuses,
            meters,
            amounts,
            remaining,
            reasons,
            expires,
            created,
        }
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
    properties: Vec<Option<&'a str>>,
}

impl<'a> EventColumns<'a> {
    fn push(&mut self, owner: OrganizationId, counted: &'a Counted) {
        let Counted { seq, applied, usage } = counted;
        let key = CounterKey::of(usage.meter.clone(), &usage.rule);
        self.owners.push(owner.0);
        self.seqs.push(*seq);
        self.dates.push(usage.at);
        self.ids.push(usage.id.0);
        self.meters.push(&usage.meter);
        self.quantities.push(*applied);
        self.windows.push(key.window.name());
        self.starts.push(key.start);
        self.keys.push(usage.key.as_str());
        self.properties.push(usage.properties.as_deref());
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
    dates: Vec<OffsetDateTime>,
    ids: Vec<Uuid>,
    meters: Vec<&'a str>,
    quantities: Vec<i64>,
    recorded: Vec<bool>,
    most: Vec<Option<i64>>,
    overage: Vec<Option<&'a str>>,
    used: Vec<Option<i64>>,
    bonus: Vec<Option<i64>>,
    resets_at: Vec<Option<OffsetDateTime>>,
    versions: Vec<Option<Uuid>>,
}

impl<'a> KeyColumns<'a> {
    fn push(&mut self, owner: OrganizationId, decision: &'a Decision) -> Result<(), Error> {
        let Decision { usage, at, decided } = decision;
        let quota = decided.quota;
        self.keys.push(usage.key.as_str());
        self.owners.push(owner.0);
        self.operations.push(usage.operation.name());
        self.dates.push(*at);
        self.ids.push(decided.decision.0);
        self.meters.push(&usage.meter);
        self.quantities.push(decided.quantity);
        self.recorded.push(decided.recorded);
        self.most.push(quota.map(|it| most(it.limit)).transpose()?.flatten());
        self.overage.push(quota.map(|it| it.overage.name()));
        self.used.push(quota.map(|it| stored(it.used)).transpose()?);
        self.bonus.push(quota.map(|it| stored(it.bonus)).transpose()?);
        self.resets_at.push(quota.and_then(|it| it.resets_at));
        self.versions.push(quota.map(|_| usage.plan_version_id.0));
        Ok(())
    }

    pub(super) fn statement(&self) -> InsertKeys<'_> {
        InsertKeys {
            keys: &self.keys,
            organizations: &self.owners,
            operations: &self.operations,
            dates: &self.dates,
            ids: &self.ids,
            meters: &self.meters,
            quantities: &self.quantities,
            recorded: &self.recorded,
            most: &self.most,
            overage: &self.overage,
            used: &self.used,
            bonus: &self.bonus,
            resets_at: &self.resets_at,
            versions: &self.versions,
        }
    }
}
