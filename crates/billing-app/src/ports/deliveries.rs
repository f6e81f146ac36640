//! Outgoing webhooks: planned as events are handed on, then claimed, sent, and tried again.

use std::time::Duration;

use async_trait::async_trait;
use billing_domain::{
    event::Event,
    id::{DeliveryId, EndpointId, EventId, OrganizationId},
    webhook_endpoint::WebhookEndpoint,
};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    Error,
    ports::{Page, ToldEvent, Tried},
};

/// Endpoints, and what they are to be told, changed in units of work.
#[async_trait]
pub trait WebhookEndpoints: Send {
    /// Records a new one.
    async fn insert(&mut self, endpoint: &WebhookEndpoint) -> Result<(), Error>;
    /// One of them.
    async fn find(&mut self, id: EndpointId) -> Result<Option<WebhookEndpoint>, Error>;
    /// Records one that was found, with what happened to it.
    async fn save(&mut self, endpoint: &WebhookEndpoint, events: &[Event]) -> Result<(), Error>;
    /// Removes one, with all that it was told. False when it is not there.
    async fn delete(&mut self, id: EndpointId) -> Result<bool, Error>;
    /// Those that are told of some of these organizations, or of all; disabled ones are left out.
    async fn told_of(
        &mut self,
        organizations: &[OrganizationId],
    ) -> Result<Vec<WebhookEndpoint>, Error>;
    /// Plans deliveries, each event once for each endpoint. Where it was planned before, it stays as
    /// it is; `again` puts it back to be sent now, unless somebody sends it.
    async fn plan(&mut self, deliveries: &[NewDelivery], again: bool) -> Result<(), Error>;
}

/// An event that an endpoint is to be told.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewDelivery {
    /// Our id.
    pub id: DeliveryId,
    /// Who is told.
    pub endpoint_id: EndpointId,
    /// What.
    pub event: ToldEvent,
    /// From when on, by the wall clock.
    pub due_at: OffsetDateTime,
}

/// How many deliveries may be claimed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DeliveryRoom {
    /// At most so many.
    pub all: i64,
    /// Of these, to endpoints that only fail at the moment.
    pub failing: i64,
    /// So many may be under way to one endpoint, whoever sends them; one, if it only fails.
    pub each: i64,
}

/// The right to send one delivery, until the lease ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DeliveryClaim {
    /// Which one.
    pub id: DeliveryId,
    /// Ours; another worker's claim has another one.
    pub fence: Uuid,
}

/// A delivery to send.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClaimedDelivery {
    /// The right to do so.
    pub claim: DeliveryClaim,
    /// To whom.
    pub endpoint: WebhookEndpoint,
    /// What.
    pub event: ToldEvent,
    /// How often it was tried before.
    pub attempts: i32,
}

/// A try that came to an end.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EndedDelivery {
    /// Of what.
    pub claim: DeliveryClaim,
    /// When.
    pub tried: Tried,
    /// The status of the answer, if there was one.
    pub status_code: Option<u16>,
    /// How the answer begins, for operators.
    pub answer: Option<String>,
    /// What it came to.
    pub end: DeliveryEnd,
}

/// What a try came to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum DeliveryEnd {
    /// It was accepted.
    Delivered,
    /// It was not.
    Failed {
        /// Why.
        error: String,
        /// When it is tried again; nothing when it is dead.
        again_at: Option<OffsetDateTime>,
        /// Until when its endpoint wants to be sent nothing.
        hold_until: Option<OffsetDateTime>,
    },
}

/// Where a delivery stands.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum DeliveryStatus {
    /// Planned, or put back, and not tried since.
    Pending,
    /// Accepted.
    Delivered,
    /// It failed and will be tried again.
    Retrying,
    /// It failed for good: a person can put it back.
    Dead,
}

impl DeliveryStatus {
    /// Every status.
    pub const ALL: [Self; 4] = [Self::Pending, Self::Delivered, Self::Retrying, Self::Dead];

    /// Its name in tables and answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::Retrying => "retrying",
            Self::Dead => "dead",
        }
    }

    /// The status of a name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name() == name)
    }
}

/// A delivery, as people see it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DeliveryRow {
    /// Our id.
    pub id: DeliveryId,
    /// Which event.
    pub event_id: EventId,
    /// Of what type.
    pub kind: String,
    /// Where it stands.
    pub status: DeliveryStatus,
    /// How often it was tried since it was planned, or put back.
    pub attempts: i32,
    /// What the last try said, if it failed.
    pub error: Option<String>,
    /// When it was planned.
    pub created_at: OffsetDateTime,
    /// When it is tried next, if it is.
    pub next_attempt_at: Option<OffsetDateTime>,
}

/// A try, as people see it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DeliveryAttempt {
    /// When it ended.
    pub ended_at: OffsetDateTime,
    /// `delivered`, `failed`, or `lapsed` where its server died or was too slow.
    pub outcome: &'static str,
    /// The status of the answer, if there was one.
    pub status_code: Option<i32>,
    /// Why it failed.
    pub error: Option<String>,
    /// How the answer begins.
    pub answer: Option<String>,
    /// How long it took, where somebody saw its end.
    pub duration: Option<Duration>,
}

/// Which deliveries of an endpoint.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct DeliveryFilter {
    /// Where they stand; all, where empty.
    pub status: Option<DeliveryStatus>,
    /// Of which type; all, where empty.
    pub kind: Option<String>,
    /// Of events that happened then or later.
    pub since: Option<OffsetDateTime>,
    /// Of events that happened before then.
    pub until: Option<OffsetDateTime>,
}

/// How deliveries do.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct DeliveryFigures {
    /// Planned since then.
    pub planned: i64,
    /// Of these, accepted.
    pub delivered: i64,
    /// Failed, and will be tried again.
    pub retrying: i64,
    /// Failed for good.
    pub dead: i64,
    /// From being planned to being accepted: for half of them no longer than that.
    pub median_to_accepted: Option<Duration>,
    /// The same for 99 in 100.
    pub p99_to_accepted: Option<Duration>,
    /// How many are due now, whenever they were planned; up to 10 000.
    pub due: i64,
    /// Since when the first of these is due.
    pub oldest_due_at: Option<OffsetDateTime>,
    /// Endpoints that only fail at the moment.
    pub failing_endpoints: i64,
}

/// The queue of deliveries, and what people see of endpoints.
#[async_trait]
pub trait Deliveries: Send + Sync {
    /// Claims deliveries that are due, the longest due first. An endpoint that is slow or down takes
    /// no more than its share, and no place of those that do well. A claim that is not recorded
    /// within `lease` is due again.
    async fn claim(
        &self,
        wall: OffsetDateTime,
        lease: Duration,
        room: DeliveryRoom,
    ) -> Result<Vec<ClaimedDelivery>, Error>;

    /// Records tries that came to an end, and how their endpoints do. A claim that has passed to
    /// somebody else changes nothing.
    async fn record(&self, ended: &[EndedDelivery]) -> Result<(), Error>;

    /// Endpoints, the newest first; of one organization, or all there are.
    async fn endpoints(
        &self,
        organization: Option<OrganizationId>,
        page: Page<EndpointId>,
    ) -> Result<Vec<WebhookEndpoint>, Error>;

    /// One of them.
    async fn endpoint(&self, id: EndpointId) -> Result<Option<WebhookEndpoint>, Error>;

    /// What an endpoint is told, the newest first.
    async fn list(
        &self,
        endpoint: EndpointId,
        filter: &DeliveryFilter,
        page: Page<DeliveryId>,
    ) -> Result<Vec<DeliveryRow>, Error>;

    /// One delivery of an endpoint, with the event and every try, the first one first.
    async fn find(
        &self,
        endpoint: EndpointId,
        id: DeliveryId,
    ) -> Result<Option<(DeliveryRow, ToldEvent, Vec<DeliveryAttempt>)>, Error>;

    /// Puts one delivery back to be sent now, whatever became of it. False when it is not there.
    async fn resend(
        &self,
        endpoint: EndpointId,
        id: DeliveryId,
        wall: OffsetDateTime,
    ) -> Result<bool, Error>;

    /// How deliveries do that were planned since an instant, and how many wait.
    async fn figures(
        &self,
        since: OffsetDateTime,
        wall: OffsetDateTime,
    ) -> Result<DeliveryFigures, Error>;

    /// Forgets deliveries that came to an end and were planned before an instant, at most so many.
    /// How many were forgotten.
    async fn forget(&self, before: OffsetDateTime, limit: i64) -> Result<usize, Error>;
}

/// What is sent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OutgoingWebhook {
    /// Where to.
    pub url: String,
    /// The same at every try: the receiver counts it once.
    pub id: String,
    /// When, by the wall clock: it is signed along.
    pub at: OffsetDateTime,
    /// Each of them signs.
    pub secrets: Vec<[u8; 32]>,
    /// The raw body.
    pub body: Vec<u8>,
}

/// What the receiver answered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WebhookAnswer {
    /// The status.
    pub status: u16,
    /// When it wants to be asked again, if it says.
    pub retry_after: Option<Duration>,
    /// How it begins.
    pub text: String,
}

/// Why something was not sent, or not answered.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NotSent {
    /// The address is none that webhooks are sent to.
    #[error("{0}")]
    Forbidden(String),
    /// It could not be reached, or did not answer in time.
    #[error("{0}")]
    Failed(String),
}

/// The way out.
#[async_trait]
pub trait WebhookSender: Send + Sync {
    /// Whether webhooks may be sent to an address. One that cannot be looked up now is allowed: it
    /// is looked at again whenever something is sent.
    async fn check(&self, url: &str) -> Result<(), NotSent>;

    /// Sends one, signed as Standard Webhooks says. Never to an address of this machine or of a
    /// private network, and never anywhere else than it was told.
    async fn send(&self, webhook: &OutgoingWebhook) -> Result<WebhookAnswer, NotSent>;
}
