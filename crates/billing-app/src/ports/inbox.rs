//! Webhooks: stored first, acknowledged, then processed.

use std::time::Duration;

use async_trait::async_trait;
use billing_domain::{gateway::Gateway, id::WebhookId};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::Error;

/// A verified webhook that is to be kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewWebhook {
    /// Our id.
    pub id: WebhookId,
    /// Who sent it.
    pub gateway: Gateway,
    /// The gateway's id of the event: kept once.
    pub event_id: String,
    /// The gateway's name of the event type.
    pub kind: String,
    /// Events of one subject are processed one at a time.
    pub subject: String,
    /// The raw body.
    pub body: Vec<u8>,
    /// When it came, by the wall clock.
    pub received_at: OffsetDateTime,
}

/// The right to process one webhook, until the lease ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Claim {
    /// Which webhook.
    pub id: WebhookId,
    /// Ours; another worker's claim has another one.
    pub fence: Uuid,
}

/// A webhook to process.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Claimed {
    /// The right to do so.
    pub claim: Claim,
    /// Who sent it.
    pub gateway: Gateway,
    /// The gateway's name of the event type.
    pub kind: String,
    /// The raw body.
    pub body: Vec<u8>,
    /// How often it was tried before.
    pub attempts: i32,
}

/// Where a webhook stands.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum WebhookStatus {
    /// Kept, not tried yet.
    Received,
    /// It had its effect.
    Processed,
    /// There is nothing to do for its type.
    Ignored,
    /// It failed and will be tried again.
    Retrying,
    /// It failed for good, and waits for a person.
    Dead,
}

impl WebhookStatus {
    /// Every status.
    pub const ALL: [Self; 5] =
        [Self::Received, Self::Processed, Self::Ignored, Self::Retrying, Self::Dead];

    /// Its name in tables and answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Processed => "processed",
            Self::Ignored => "ignored",
            Self::Retrying => "retrying",
            Self::Dead => "dead",
        }
    }
}

/// A webhook as an operator sees it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WebhookRow {
    /// Our id.
    pub id: WebhookId,
    /// Who sent it.
    pub gateway: Gateway,
    /// The gateway's id of the event.
    pub event_id: String,
    /// The gateway's name of the event type.
    pub kind: String,
    /// Where it stands.
    pub status: WebhookStatus,
    /// How often it was tried.
    pub attempts: i32,
    /// What the last try said, if it failed.
    pub error: Option<String>,
    /// When it came.
    pub received_at: OffsetDateTime,
    /// When it is tried again, if it is.
    pub next_attempt_at: Option<OffsetDateTime>,
}

/// How many webhooks stand where.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct InboxHealth {
    /// Waiting to be processed, first or again.
    pub pending: i64,
    /// Failed for good.
    pub dead: i64,
}

/// The queue of webhooks.
#[async_trait]
pub trait Inbox: Send + Sync {
    /// Keeps one. Whether it is new; one of the same gateway and event id is kept once.
    async fn receive(&self, webhook: &NewWebhook) -> Result<bool, Error>;

    /// Claims up to `limit` webhooks that are due, the oldest first and never two of one subject,
    /// nor one whose subject is being processed. A claim that is neither done nor failed within
    /// `lease` is due again.
    async fn claim(
        &self,
        wall: OffsetDateTime,
        lease: Duration,
        limit: i64,
    ) -> Result<Vec<Claimed>, Error>;

    /// Records a failed try: to be tried again at an instant, or dead.
    /// A claim that has passed to somebody else changes nothing.
    async fn fail(
        &self,
        claim: Claim,
        error: &str,
        again_at: Option<OffsetDateTime>,
    ) -> Result<(), Error>;

    /// Puts a webhook back to be processed now, whatever became of it. False when it is not there.
    async fn retry(&self, id: WebhookId, wall: OffsetDateTime) -> Result<bool, Error>;

    /// The newest ones, at most `limit`, before an id; of one status, or of all.
    async fn list(
        &self,
        status: Option<WebhookStatus>,
        before: Option<WebhookId>,
        limit: i64,
    ) -> Result<Vec<WebhookRow>, Error>;

    /// How many stand where.
    async fn health(&self) -> Result<InboxHealth, Error>;
}
