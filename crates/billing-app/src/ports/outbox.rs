//! What happened, handed on to those who subscribe to it: each event once to each of them.
//!
//! A subscriber takes the next events, turns them into rows of its own (deliveries, emails), and
//! moves its cursor behind them in the same unit of work. What these rows ask for is done
//! afterwards, with claims and retries of their own.

use async_trait::async_trait;
use billing_domain::id::{EndpointId, EventId, OrganizationId};
use serde_json::Value;
use time::OffsetDateTime;

use crate::Error;

/// Who is handed on what happened. Each has a cursor of its own, and keeps no other waiting.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum EventSubscriber {
    /// Outgoing webhooks.
    Webhooks,
    /// Emails.
    Emails,
}

impl EventSubscriber {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Webhooks, Self::Emails];

    /// Its name in tables and figures.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Webhooks => "webhooks",
            Self::Emails => "emails",
        }
    }
}

/// An event, as it is handed on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ToldEvent {
    /// Unique for ever; whoever is told twice counts it once.
    pub id: EventId,
    /// Whose it is; [`INSTALLATION`](billing_domain::event::INSTALLATION) where it is nobody's.
    pub organization_id: OrganizationId,
    /// When it happened, by the business clock.
    pub at: OffsetDateTime,
    /// The public name of its type.
    pub kind: String,
    /// What it says.
    pub data: Value,
}

/// A place between two events. Only the store knows what it means.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct OutboxPlace {
    /// The transaction that wrote the event before it.
    pub transaction: i64,
    /// Whose that event is.
    pub organization_id: OrganizationId,
    /// That event.
    pub event_id: EventId,
}

/// Events that a subscriber has not been handed yet, in the order of their commits.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OutboxBatch {
    /// Whose.
    pub subscriber: EventSubscriber,
    /// Where its cursor stood.
    pub from: OutboxPlace,
    /// Where it stands once these are handed on.
    pub to: OutboxPlace,
    /// The next ones.
    pub events: Vec<ToldEvent>,
}

/// Which events an endpoint is to be told again.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Happened {
    /// Whose; everybody's, where there is none.
    pub organization: Option<OrganizationId>,
    /// Of these types.
    pub kinds: Vec<&'static str>,
    /// Those that happened then or later, by the business clock.
    pub since: OffsetDateTime,
    /// Those that happened before then.
    pub until: Option<OffsetDateTime>,
    /// Those alone whose delivery to this endpoint is dead.
    pub dead_at: Option<EndpointId>,
    /// At most so many.
    pub limit: i64,
}

/// How far a subscriber is behind.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct OutboxLag {
    /// How many events it has not been handed, counted up to 10 000.
    pub waiting: i64,
    /// When the first of them happened, by the business clock.
    pub oldest_at: Option<OffsetDateTime>,
}

/// What happened, in the order in which it was committed.
#[async_trait]
pub trait Outbox: Send + Sync {
    /// The events after the cursor of a subscriber, at most `limit`. None is ever missed: one is
    /// seen only when no other can still be committed before it, so it may be seen a moment after
    /// its commit. Until a batch is handed on, the next answer begins with the same events.
    async fn next(&self, subscriber: EventSubscriber, limit: i64) -> Result<OutboxBatch, Error>;

    /// What happened in a while and an endpoint is told, the oldest first.
    async fn happened(&self, wanted: &Happened) -> Result<Vec<ToldEvent>, Error>;

    /// How far a subscriber is behind.
    async fn lag(&self, subscriber: EventSubscriber) -> Result<OutboxLag, Error>;
}

/// Cursors of subscribers, moved in the commit in which they turn events into rows of their own.
#[async_trait]
pub trait OutboxCursors: Send {
    /// Moves the cursor behind a batch. `Conflict` when it does not stand where the batch begins
    /// any more, because another process has handed these events on: the whole unit must be
    /// dropped. Whoever comes second waits for the end of the first one's unit.
    async fn handed_on(&mut self, batch: &OutboxBatch) -> Result<(), Error>;
}
