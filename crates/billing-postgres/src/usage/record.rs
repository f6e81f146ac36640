//! What commands counted is written down, in one flight.

use billing_app::Error;
use billing_domain::{
    id::OrganizationId,
    usage::{UsageCommand, UsageOutcome, UsagePending},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use time::OffsetDateTime;
use tokio::try_join;
use uuid::Uuid;

use super::{
    Accounts,
    statements::{InsertEvents, InsertKeys, PutCounters, UpdateAccounts, UpdateBonuses},
    stored,
};
use crate::{catalogue::most, error::failed};

/// Writes what is pending on the accounts.
pub(super) async fn write(
    connection: &mut AsyncPgConnection,
    accounts: &mut Accounts,
    now: OffsetDateTime,
) -> Result<(), Error> {
    let (mut organizations, mut seqs) = (Vec::new(), Vec::new());
    let mut columns = Columns::default();
    let pending: Vec<(OrganizationId, UsagePending)> =
        accounts.iter_mut().map(|(id, account)| (*id, account.take_pending())).collect();
    for (id, pending) in &pending {
        if !pending.counted.is_empty() {
            organizations.push(id.0);
            seqs.extend(accounts.get(id).map(|account| account.last_seq));
        }
        columns.add(*id, pending)?;
    }
    let shared: &AsyncPgConnection = connection;
    let (moved, ..) = try_join!(
        async {
            if organizations.is_empty() {
                return Ok(0);
            }
            let moved = UpdateAccounts { organizations: &organizations, seqs: &seqs };
            moved.execute(&mut { shared }).await
        },
        async {
            if columns.counters.used.is_empty() {
                return Ok(0);
            }
            columns.counters.statement().execute(&mut { shared }).await
        },
        async {
            if columns.bonuses.is_empty() {
                return Ok(0);
            }
            let statement = UpdateBonuses {
                organizations: &columns.bonus_owners,
                bonuses: &columns.bonuses,
                remaining: &columns.bonuses_left,
            };
            statement.execute(&mut { shared }).await
        },
        async {
            if columns.events.seqs.is_empty() {
                return Ok(0);
            }
            columns.events.statement(now).execute(&mut { shared }).await
        },
        async {
            if columns.keys.keys.is_empty() {
                return Ok(0);
            }
            columns.keys.statement(now).execute(&mut { shared }).await
        },
    )
    .map_err(failed)?;
    if moved != organizations.len() {
        return Err(anyhow::anyhow!("usage accounts were hidden or lost").into());
    }
    Ok(())
}

#[derive(Default)]
struct Columns<'a> {
    counters: CounterColumns<'a>,
    bonus_owners: Vec<Uuid>,
    bonuses: Vec<Uuid>,
    bonuses_left: Vec<i64>,
    events: EventColumns<'a>,
    keys: KeyColumns<'a>,
}

impl<'a> Columns<'a> {
    fn add(&mut self, id: OrganizationId, pending: &'a UsagePending) -> Result<(), Error> {
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

#[derive(Default)]
struct CounterColumns<'a> {
    owners: Vec<Uuid>,
    meters: Vec<&'a str>,
    windows: Vec<&'a str>,
    starts: Vec<OffsetDateTime>,
    used: Vec<i64>,
}

impl CounterColumns<'_> {
    fn statement(&self) -> PutCounters<'_> {
        let Self { owners, meters, windows, starts, used } = self;
        PutCounters { organizations: owners, meters, windows, starts, used }
    }
}

#[derive(Default)]
struct EventColumns<'a> {
    owners: Vec<Uuid>,
    seqs: Vec<i64>,
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

    fn statement(&self, now: OffsetDateTime) -> InsertEvents<'_> {
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
struct KeyColumns<'a> {
    keys: Vec<&'a str>,
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

    fn statement(&self, now: OffsetDateTime) -> InsertKeys<'_> {
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
