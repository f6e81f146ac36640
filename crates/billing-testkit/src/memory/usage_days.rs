//! Use by day: each time counted from all raw events up to a number.

use core::ops::RangeInclusive;
use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use billing_app::{
    Error,
    ports::{DayOfAll, MeterDay, Page, RolledUp, UsageDays},
};
use billing_domain::{
    catalogue::{Aggregation, Catalogue},
    id::{DecisionId, OrganizationId},
    usage::{Counted, DayOfUse, Effect},
};
use time::{Date, OffsetDateTime, UtcOffset};

use super::{MemoryStore, accounts::UsageBook, ledgers::at_most, world::World};

type Days = BTreeMap<(String, Date), DayOfUse>;

impl UsageBook {
    /// The day on which something was used.
    fn day(counted: &Counted) -> Date {
        counted.usage.at.to_offset(UtcOffset::UTC).date()
    }

    fn days(&self, catalogue: &Catalogue) -> Days {
        let mut events: BTreeMap<_, Vec<&Counted>> = BTreeMap::new();
        for counted in self.away.iter().chain(&self.counted).filter(|it| it.seq <= self.rolled) {
            let of = (counted.usage.meter.to_string(), Self::day(counted));
            events.entry(of).or_default().push(counted);
        }
        let days = events.into_iter().map(|((meter, day), events)| {
            let aggregation = catalogue.meter(&meter).map(|meter| &meter.aggregation);
            let used = used(aggregation.unwrap_or(&Aggregation::Sum), &events);
            let events = u64::try_from(events.len()).unwrap_or_default();
            ((meter, day), DayOfUse { day, used, events })
        });
        days.collect()
    }

    /// When the first event was recorded that is not rolled up.
    fn rolled_until(&self) -> Option<OffsetDateTime> {
        let next = self.counted.iter().find(|counted| counted.seq > self.rolled)?;
        let id = DecisionId(next.usage.id.0);
        self.decided.iter().find(|it| it.decided.decision == id).map(|it| it.at)
    }
}

fn used(aggregation: &Aggregation, events: &[&Counted]) -> i64 {
    match aggregation {
        Aggregation::Count | Aggregation::Sum => events.iter().map(|it| it.applied).sum(),
        Aggregation::Max => events.iter().map(|it| it.applied).max().unwrap_or_default(),
        Aggregation::Latest => {
            let latest = events.iter().max_by_key(|it| (it.usage.at, it.seq));
            latest.map(|it| it.applied).unwrap_or_default()
        }
        Aggregation::Unique(_) => {
            let value = |it: &&Counted| match &it.usage.effect {
                Effect::See(value) => value.clone(),
                Effect::Add | Effect::Remove | Effect::Raise | Effect::Set => String::new(),
            };
            let values: BTreeSet<_> = events.iter().map(value).collect();
            i64::try_from(values.len()).unwrap_or_default()
        }
    }
}

/// Days of one organization on which it used something, by meter and day.
fn chosen<'a>(
    days: Days,
    meter: Option<&'a str>,
    wanted: &'a RangeInclusive<Date>,
) -> impl Iterator<Item = MeterDay<DayOfUse>> + 'a {
    let wanted = move |((of, day), _): &((String, Date), DayOfUse)| {
        meter.is_none_or(|meter| meter == of) && wanted.contains(day)
    };
    days.into_iter().filter(wanted).map(|((meter, _), of_use)| MeterDay { meter, of_use })
}

fn days_of_all(
    world: &World,
    meter: Option<&str>,
    wanted: &RangeInclusive<Date>,
) -> Vec<MeterDay<DayOfAll>> {
    let catalogue = world.catalogue.read();
    let mut all: BTreeMap<(String, Date), DayOfAll> = BTreeMap::new();
    for book in world.usage.values() {
        for MeterDay { meter, of_use } in chosen(book.days(&catalogue), meter, wanted) {
            let largest =
                catalogue.meter(&meter).is_some_and(|it| it.aggregation == Aggregation::Max);
            let nothing = DayOfUse { used: 0, events: 0, ..of_use };
            let kept = all.entry((meter, of_use.day));
            let kept = kept.or_insert(DayOfAll { of_use: nothing, organizations: 0 });
            let sum = &mut kept.of_use;
            sum.used = if largest { sum.used.max(of_use.used) } else { sum.used + of_use.used };
            sum.events += of_use.events;
            kept.organizations += 1;
        }
    }
    all.into_iter().map(|((meter, _), of_use)| MeterDay { meter, of_use }).collect()
}

#[async_trait]
impl UsageDays for MemoryStore {
    async fn behind(&self, page: Page<OrganizationId>) -> Result<Vec<OrganizationId>, Error> {
        self.shared.read(|world| {
            let behind = world.usage.iter().filter(|(_, book)| book.rolled < book.account.last_seq);
            let ids = behind.map(|(id, _)| *id);
            let rest = ids.filter(|id| page.after.is_none_or(|after| *id > after));
            rest.take(at_most(page.limit)).collect()
        })
    }

    async fn roll_up(&self, organization: OrganizationId) -> Result<bool, Error> {
        let roll_up = |world: &mut World| {
            if let Some(book) = world.usage.get_mut(&organization) {
                book.rolled = book.account.last_seq;
            }
            Ok(false)
        };
        self.shared.commit(roll_up).await
    }

    /// Nothing is remembered that could be forgotten.
    async fn forget_values(&self, _: Date) -> Result<(), Error> {
        self.shared.read(|_| ())
    }

    async fn first_day(&self, organization: OrganizationId) -> Result<Option<Date>, Error> {
        self.shared.read(|world| {
            let days = world.usage.get(&organization)?.days(&world.catalogue.read());
            days.into_keys().map(|(_, day)| day).min()
        })
    }

    async fn days(
        &self,
        organization: OrganizationId,
        meter: Option<&str>,
        days: RangeInclusive<Date>,
    ) -> Result<RolledUp<MeterDay<DayOfUse>>, Error> {
        self.shared.read(|world| {
            let book = world.usage.get(&organization);
            let all = book.map(|book| book.days(&world.catalogue.read())).unwrap_or_default();
            let until = book.and_then(UsageBook::rolled_until);
            RolledUp { until, days: chosen(all, meter, &days).collect() }
        })
    }

    async fn days_of_all(
        &self,
        meter: Option<&str>,
        days: RangeInclusive<Date>,
    ) -> Result<RolledUp<MeterDay<DayOfAll>>, Error> {
        self.shared.read(|world| {
            let until = world.usage.values().filter_map(UsageBook::rolled_until).min();
            RolledUp { until, days: days_of_all(world, meter, &days) }
        })
    }

    async fn users(
        &self,
        meter: Option<&str>,
        days: RangeInclusive<Date>,
        page: Page<OrganizationId>,
    ) -> Result<Vec<OrganizationId>, Error> {
        self.shared.read(|world| {
            let catalogue = world.catalogue.read();
            let rest = world.usage.iter();
            let rest = rest.filter(|(id, _)| page.after.is_none_or(|after| **id > after));
            let uses = rest
                .filter(|(_, book)| chosen(book.days(&catalogue), meter, &days).next().is_some());
            uses.map(|(id, _)| *id).take(at_most(page.limit)).collect()
        })
    }
}
