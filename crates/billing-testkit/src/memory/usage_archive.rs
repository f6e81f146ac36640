//! Raw events of old months are put away.

use async_trait::async_trait;
use billing_app::{
    Error,
    ports::{ArchiveFolder, ArchivedMonth, Lines, NewFile, RawEvent, UsageArchive},
};
use billing_domain::{
    id::OrganizationId,
    period::Period,
    usage::{Counted, Tallies},
};
use time::{Date, OffsetDateTime};

use super::{MemoryStore, accounts::UsageBook, world::World};

/// How many events come at once.
const AT_ONCE: usize = 50;

fn month(counted: &Counted) -> Date {
    Period::calendar_month(counted.usage.at).start.date()
}

impl UsageBook {
    fn of_month(&self, of: Date) -> impl Iterator<Item = &Counted> {
        self.counted.iter().filter(move |counted| month(counted) == of)
    }

    /// What the events come to that were put away.
    pub(super) fn archived(&self) -> Tallies {
        let mut all = Tallies::default();
        for (month, tallies) in &self.checkpoints {
            if self.away.iter().any(|counted| self::month(counted) == *month) {
                for (key, tally) in &tallies.tallies {
                    all.put(key.clone(), *tally);
                }
                all.values.extend(tallies.values.iter().cloned());
            }
        }
        all
    }

    fn raw_event(&self, counted: &Counted) -> RawEvent {
        let recorded = self.decided.iter().find(|it| it.usage.id == counted.usage.id);
        RawEvent {
            organization_id: self.account.organization_id,
            id: counted.usage.id,
            raw: Self::raw_use(counted),
            key: counted.usage.key.as_str().to_owned(),
            recorded_at: recorded.map_or(counted.usage.at, |it| it.at),
        }
    }
}

/// What the events of a month are, and what their checkpoints say: how many, and their sum.
fn sums(world: &World, month: Date) -> [(u64, i128); 2] {
    let (mut events, mut kept) = ((0, 0), (0, 0));
    for book in world.usage.values() {
        for counted in book.of_month(month) {
            events = (events.0 + 1, events.1 + i128::from(counted.applied));
        }
        if let Some(tallies) = book.checkpoints.get(&month) {
            kept = (kept.0 + tallies.events(), kept.1 + tallies.total());
        }
    }
    [events, kept]
}

#[async_trait]
impl UsageArchive for MemoryStore {
    async fn months_until(&self, end: OffsetDateTime) -> Result<Vec<Date>, Error> {
        self.shared.read(|world| {
            let events = world.usage.values().flat_map(|book| &book.counted);
            let over = events.filter(|it| Period::calendar_month(it.usage.at).end <= end);
            let mut months: Vec<Date> = over.map(month).collect();
            months.sort_unstable();
            months.dedup();
            months
        })
    }

    async fn raw_events(
        &self,
        month: Date,
        after: Option<(OrganizationId, i64)>,
    ) -> Result<Vec<RawEvent>, Error> {
        self.shared.read(|world| {
            let all = world.usage.iter().flat_map(|(id, book)| {
                book.of_month(month).map(move |counted| ((*id, counted.seq), book, counted))
            });
            let rest = all.filter(|(place, ..)| after.is_none_or(|after| *place > after));
            rest.take(AT_ONCE).map(|(_, book, counted)| book.raw_event(counted)).collect()
        })
    }

    async fn checkpoint(
        &self,
        month: Date,
        organization: OrganizationId,
        tallies: &Tallies,
    ) -> Result<(), Error> {
        let keep = |world: &mut World| {
            if world.archived.contains(&month) {
                return Ok(());
            }
            if let Some(book) = world.usage.get_mut(&organization) {
                book.checkpoints.insert(month, tallies.clone());
            }
            Ok(())
        };
        self.shared.commit(keep).await
    }

    async fn put_away(&self, away: &ArchivedMonth, _: OffsetDateTime) -> Result<bool, Error> {
        let put_away = |world: &mut World| {
            let of_month = |counted: &Counted| month(counted) == away.month;
            if world.archived.contains(&away.month) {
                return Ok(false);
            }
            let behind = |book: &UsageBook| {
                book.of_month(away.month).any(|counted| counted.seq > book.rolled)
            };
            let written = (away.events, away.total);
            if sums(world, away.month) != [written; 2] || world.usage.values().any(behind) {
                return Err(Error::Conflict("the month"));
            }
            for book in world.usage.values_mut() {
                let (gone, here) = book.counted.drain(..).partition(of_month);
                book.counted = here;
                book.away.extend::<Vec<_>>(gone);
            }
            Ok(world.archived.insert(away.month))
        };
        self.shared.commit(put_away).await
    }
}

#[async_trait]
impl ArchiveFolder for MemoryStore {
    async fn begin(&self) -> Result<Box<dyn NewFile>, Error> {
        let writing = Writing { store: self.clone(), text: String::new() };
        self.shared.read(|_| Box::new(writing) as Box<dyn NewFile>)
    }

    async fn read(&self, name: &str, line: &mut Lines<'_>) -> Result<(), Error> {
        let text = self.shared.read(|world| world.files.get(name).cloned())?;
        let text = text.ok_or_else(|| anyhow::anyhow!("there is no file {name}"))?;
        for text in text.lines() {
            line(text)?;
        }
        Ok(())
    }
}

struct Writing {
    store: MemoryStore,
    text: String,
}

#[async_trait]
impl NewFile for Writing {
    async fn write(&mut self, text: &str) -> Result<(), Error> {
        self.text.push_str(text);
        Ok(())
    }

    async fn keep(self: Box<Self>, name: &str) -> Result<(), Error> {
        let Self { store, text } = *self;
        let keep = |world: &mut World| {
            world.files.insert(name.to_owned(), text);
            Ok(())
        };
        store.shared.write(keep).await
    }
}
