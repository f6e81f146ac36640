//! What commands name, and so must be known before they are decided.

use std::{collections::BTreeSet, sync::Arc};

use billing_domain::usage::{CounterKey, Effect, UsageCommand, UsageRule};
use diesel::QueryResult;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use time::{Duration, OffsetDateTime};
use tokio::try_join;
use uuid::Uuid;

use super::{
    known::{BonusRow, CounterRow, KeyRow, ValueRow},
    statements::{Bonuses, Counters, DecidedKeys, ExpiredBonuses, SeenValues},
};
use crate::{door::Order, partitions::known_keys};

/// How long a key stands for what was decided under it: longer than an event may be late, so that
/// none is counted anew.
const KEYS_KEPT: Duration = Duration::days(40);

/// All that was asked for.
pub(super) struct Read {
    pub(super) counters: Vec<CounterRow>,
    pub(super) values: Vec<ValueRow>,
    pub(super) bonuses: Vec<BonusRow>,
    pub(super) expired: Vec<BonusRow>,
    pub(super) keys: Vec<KeyRow>,
}

/// What commands name.
pub(super) struct Asked<'a> {
    pub(super) organizations: Vec<Uuid>,
    key_owners: Vec<Uuid>,
    keys: Vec<&'a str>,
    decided: [OffsetDateTime; 2],
    counters: BTreeSet<(Uuid, CounterKey)>,
    values: BTreeSet<(Uuid, CounterKey, &'a str)>,
    bonuses: Vec<Uuid>,
    earliest: OffsetDateTime,
}

impl<'a> Asked<'a> {
    pub(super) fn of(orders: &'a [Order<'_, UsageCommand>]) -> Self {
        let mut organizations: Vec<Uuid> =
            orders.iter().map(|order| order.organization.0).collect();
        organizations.sort_unstable();
        organizations.dedup();
        let dates = || orders.iter().map(|order| order.now);
        let mut asked = Self {
            organizations,
            key_owners: Vec::new(),
            keys: Vec::new(),
            decided: known_keys(KEYS_KEPT, dates()),
            counters: BTreeSet::new(),
            values: BTreeSet::new(),
            bonuses: Vec::new(),
            earliest: dates().min().unwrap_or(OffsetDateTime::UNIX_EPOCH),
        };
        for order in orders {
            asked.add(order);
        }
        asked
    }

    fn add(&mut self, order: &Order<'a, UsageCommand>) {
        match order.command {
            UsageCommand::Record(usage) => {
                if order.again || !usage.key_is_new {
                    self.key_owners.push(order.organization.0);
                    self.keys.push(usage.key.as_str());
                }
                self.add_counters(order, &usage.meter, &usage.rule);
                if let Effect::See(value) = &usage.effect {
                    let key = CounterKey::of(usage.meter.clone(), &usage.rule);
                    self.values.insert((order.organization.0, key, value));
                }
            }
            UsageCommand::Bonus(bonus) => self.bonuses.push(bonus.id.0),
            UsageCommand::Grace(grace) => {
                self.bonuses.push(grace.id.0);
                self.add_counters(order, &grace.meter, &grace.rule);
            }
        }
    }

    fn add_counters(
        &mut self,
        order: &Order<'_, UsageCommand>,
        meter: &Arc<str>,
        rule: &UsageRule,
    ) {
        let owner = order.organization.0;
        if rule.window.length().is_none() {
            self.counters.insert((owner, CounterKey::of(meter.clone(), rule)));
            return;
        }
        let buckets = CounterKey::all_of(meter, rule, order.now);
        self.counters.extend(buckets.into_iter().map(|key| (owner, key)));
    }

    pub(super) async fn read(&self, connection: &AsyncPgConnection) -> QueryResult<Read> {
        let organizations = self.organizations.as_slice();
        let (counted, seen) = (self.counters_asked(), self.values_asked());
        let values: Vec<&str> = self.values.iter().map(|(.., value)| *value).collect();
        let (counters, values, bonuses, expired, keys) = try_join!(
            biased;
            async { counted.statement(organizations).load(&mut { connection }).await },
            async {
                if values.is_empty() {
                    return Ok(Vec::new());
                }
                seen.values(organizations, &values).load(&mut { connection }).await
            },
            async {
                let bonuses = Bonuses { organizations, now: self.earliest };
                bonuses.load(&mut { connection }).await
            },
            async {
                if self.bonuses.is_empty() {
                    return Ok(Vec::new());
                }
                self.expired().load(&mut { connection }).await
            },
            async {
                // Prepared with no key at all, where there is no organization.
                if self.keys.is_empty() && !organizations.is_empty() {
                    return Ok(Vec::new());
                }
                self.decided().load(&mut { connection }).await
            },
        )?;
        Ok(Read { counters, values, bonuses, expired, keys })
    }

    /// Prepares every statement, also those that this one has no use for.
    pub(super) async fn prepare(&self, connection: &AsyncPgConnection) -> QueryResult<()> {
        let mut shared = connection;
        self.read(connection).await?;
        let values = CountersAsked::default();
        values.values(&[], &[]).load::<ValueRow>(&mut shared).await?;
        self.expired().load::<BonusRow>(&mut shared).await.map(drop)
    }

    fn expired(&self) -> ExpiredBonuses<'_> {
        let Self { organizations, bonuses, earliest, .. } = self;
        ExpiredBonuses { organizations, bonuses, now: *earliest }
    }

    fn decided(&self) -> DecidedKeys<'_> {
        let [since, until] = self.decided;
        DecidedKeys { owners: &self.key_owners, keys: &self.keys, since, until }
    }

    fn counters_asked(&self) -> CountersAsked<'_> {
        CountersAsked::of(self.counters.iter().map(|(owner, key)| (*owner, key)))
    }

    fn values_asked(&self) -> CountersAsked<'_> {
        CountersAsked::of(self.values.iter().map(|(owner, key, _)| (*owner, key)))
    }
}

/// Keys of counters, as the columns of the statement that reads them.
#[derive(Default)]
pub(crate) struct CountersAsked<'a> {
    owners: Vec<Uuid>,
    meters: Vec<&'a str>,
    windows: Vec<&'a str>,
    starts: Vec<OffsetDateTime>,
}

impl<'a> CountersAsked<'a> {
    /// Those of these organizations.
    pub(crate) fn of(keys: impl Iterator<Item = (Uuid, &'a CounterKey)>) -> Self {
        let mut asked = Self::default();
        for (owner, key) in keys {
            asked.owners.push(owner);
            asked.meters.push(&key.meter);
            asked.windows.push(key.window.name());
            asked.starts.push(key.start);
        }
        asked
    }

    /// Reads them.
    pub(crate) fn statement<'b>(&'b self, organizations: &'b [Uuid]) -> Counters<'b> {
        let Self { owners, meters, windows, starts } = self;
        Counters { organizations, owners, meters, windows, starts }
    }

    fn values<'b>(&'b self, organizations: &'b [Uuid], values: &'b [&'b str]) -> SeenValues<'b> {
        let Self { owners, meters, windows, starts } = self;
        SeenValues { organizations, owners, meters, windows, starts, values }
    }
}
