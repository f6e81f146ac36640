//! What happened, handed on to subscribers.

use async_trait::async_trait;
use billing_app::{
    Error,
    ports::{
        EventSubscriber, Happened, Outbox, OutboxBatch, OutboxCursors, OutboxLag, OutboxPlace,
        ToldEvent,
    },
};
use billing_domain::{
    event::{Event, INSTALLATION},
    id::EventId,
};
use uuid::Uuid;

use super::{MemoryStore, ledgers::at_most, unit::Unit, world::World};
use crate::subject::named;

/// Before all: so many of the records' events, and so many of the ledger's.
const START: OutboxPlace = place(0, 0);

const fn place(events: i64, of_credits: u128) -> OutboxPlace {
    OutboxPlace {
        transaction: events,
        organization_id: INSTALLATION,
        event_id: EventId(Uuid::from_u128(of_credits)),
    }
}

fn told(event: &Event) -> Result<ToldEvent, Error> {
    let Event { id, organization_id, at, ref what } = *event;
    let (kind, data) = named(what)?;
    Ok(ToldEvent { id, organization_id, at, kind, data })
}

impl World {
    fn cursor(&self, subscriber: EventSubscriber) -> OutboxPlace {
        self.cursors.get(subscriber.name()).copied().unwrap_or(START)
    }

    /// What comes after a place, each with the place behind it.
    fn after(&self, from: OutboxPlace) -> impl Iterator<Item = (OutboxPlace, &Event)> {
        let of_credits = from.event_id.0.as_u128();
        let events =
            (from.transaction + 1..).zip(self.events.iter().skip(at_most(from.transaction)));
        let events = events.map(move |(n, event)| (place(n, of_credits), event));
        let all = i64::try_from(self.events.len()).unwrap_or(i64::MAX);
        let skipped = usize::try_from(of_credits).unwrap_or(usize::MAX);
        let credits = (of_credits + 1..).zip(self.told_of_credits.iter().skip(skipped));
        events.chain(credits.map(move |(n, event)| (place(all, n), event)))
    }
}

#[async_trait]
impl Outbox for MemoryStore {
    async fn next(&self, subscriber: EventSubscriber, limit: i64) -> Result<OutboxBatch, Error> {
        self.shared.read(|world| {
            let from = world.cursor(subscriber);
            let next: Vec<_> = world.after(from).take(at_most(limit)).collect();
            let to = next.last().map_or(from, |(place, _)| *place);
            let events = next.into_iter().map(|(_, event)| told(event));
            let events = events.collect::<Result<_, _>>()?;
            Ok(OutboxBatch { subscriber, from, to, events })
        })?
    }

    async fn happened(&self, wanted: &Happened) -> Result<Vec<ToldEvent>, Error> {
        self.shared.read(|world| {
            let all = world.after(START).map(|(_, event)| told(event));
            let mut all = all.collect::<Result<Vec<_>, _>>()?;
            all.retain(|event| {
                wanted.organization.is_none_or(|own| own == event.organization_id)
                    && wanted.kinds.contains(&event.kind.as_str())
                    && event.at >= wanted.since
                    && wanted.until.is_none_or(|until| event.at < until)
                    && wanted.dead_at.is_none_or(|endpoint| world.is_dead_at(endpoint, event))
            });
            all.sort_by_key(|event| event.at);
            all.truncate(at_most(wanted.limit));
            Ok(all)
        })?
    }

    async fn lag(&self, subscriber: EventSubscriber) -> Result<OutboxLag, Error> {
        self.shared.read(|world| {
            let mut waiting = world.after(world.cursor(subscriber)).map(|(_, event)| event.at);
            let first = waiting.next();
            let more = i64::try_from(waiting.count()).unwrap_or(i64::MAX);
            OutboxLag { waiting: first.map_or(0, |_| more + 1).min(10_000), oldest_at: first }
        })
    }
}

#[async_trait]
impl OutboxCursors for Unit {
    async fn handed_on(&mut self, batch: &OutboxBatch) -> Result<(), Error> {
        self.shared.reachable()?;
        if self.world.cursor(batch.subscriber) != batch.from {
            return Err(Error::Conflict("the cursor of the subscriber"));
        }
        self.world.cursors.insert(batch.subscriber.name(), batch.to);
        Ok(())
    }
}
