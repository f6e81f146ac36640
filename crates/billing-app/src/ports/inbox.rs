//! Webhooks: stored first, acknowledged, then processed.

mod log;

use std::{collections::BTreeMap, time::Duration};

use async_trait::async_trait;
use billing_domain::{event::Event, id::WebhookId, identity::Source};
use time::OffsetDateTime;
use uuid::Uuid;

pub use self::log::{
    Deed, InboxFigures, InboxHealth, Matching, TryOutcome, WebhookAction, WebhookDetail,
    WebhookFilter, WebhookRow, WebhookStatus, WebhookTry,
};
use crate::Error;

/// A verified webhook that is to be kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewWebhook {
    /// Our id.
    pub id: WebhookId,
    /// Who sent it.
    pub source: Source,
    /// The sender's id of the event: kept once.
    pub event_id: String,
    /// The sender's name of the event type.
    pub kind: String,
    /// Events of one subject are processed one at a time.
    pub subject: String,
    /// What came along and is worth keeping; names in lower case, no secrets.
    pub headers: BTreeMap<String, String>,
    /// The raw body.
    pub body: Vec<u8>,
    /// When it came, by the wall clock.
    pub received_at: OffsetDateTime,
    /// There is nothing to do for its type: it is kept, and done with.
    pub ignored: bool,
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
    pub source: Source,
    /// The sender's name of the event type.
    pub kind: String,
    /// The raw body.
    pub body: Vec<u8>,
    /// How often it was tried before.
    pub attempts: i32,
}

/// When a try began and ended, by the wall clock.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Tried {
    /// When it began.
    pub began_at: OffsetDateTime,
    /// When it ended.
    pub ended_at: OffsetDateTime,
}

impl Tried {
    /// How long it took; nothing where the clock was set back meanwhile.
    pub fn duration(self) -> Duration {
        Duration::try_from(self.ended_at - self.began_at).unwrap_or_default()
    }
}

/// A try that failed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FailedTry {
    /// Of what.
    pub claim: Claim,
    /// When.
    pub tried: Tried,
    /// Why.
    pub error: String,
    /// When it is tried again; nothing when it is dead.
    pub again_at: Option<OffsetDateTime>,
    /// What to tell others, unless they were told of this webhook before.
    pub alert: Option<Event>,
}

/// The queue of webhooks.
#[async_trait]
pub trait Inbox: Send + Sync {
    /// Keeps one. Whether it is new; one of the same sender and event id is kept once. One that
    /// is ignored is not queued.
    async fn receive(&self, webhook: &NewWebhook) -> Result<bool, Error>;

    /// Claims up to `limit` webhooks that are due, the longest due first, never two of one
    /// subject, nor one whose subject is being processed. One that waits to be tried again stands
    /// in nobody's way. A claim that is neither done nor failed within `lease` is due again. What
    /// it costs does not depend on how many wait. At most 64 are claimed at once.
    async fn claim(
        &self,
        wall: OffsetDateTime,
        lease: Duration,
        limit: i64,
    ) -> Result<Vec<Claimed>, Error>;

    /// Records a failed try: to be tried again at an instant, or dead. Whether its alert was
    /// written: once, until a person puts the webhook back.
    /// A claim that has passed to somebody else changes nothing.
    async fn fail(&self, failed: &FailedTry) -> Result<bool, Error>;

    /// Puts a webhook back to be processed now, whatever became of it, and remembers who wanted it.
    /// False when it is not there.
    async fn retry(&self, id: WebhookId, action: &WebhookAction) -> Result<bool, Error>;

    /// Puts back those that match, the oldest first, at most `limit`; without an action it only
    /// says which. What was never tried yet, or is being processed, is left alone.
    async fn retry_all(
        &self,
        filter: &WebhookFilter,
        limit: i64,
        action: Option<&WebhookAction>,
    ) -> Result<Matching, Error>;

    /// Gives up one that waits or is dead, and remembers who wanted it. Where it stood before;
    /// nothing when it is not there. What is done with stays as it is.
    async fn discard(
        &self,
        id: WebhookId,
        action: &WebhookAction,
    ) -> Result<Option<WebhookStatus>, Error>;

    /// The newest ones that match, at most `limit`, before an id.
    async fn list(
        &self,
        filter: &WebhookFilter,
        before: Option<WebhookId>,
        limit: i64,
    ) -> Result<Vec<WebhookRow>, Error>;

    /// All that is known of one; tries and actions in their order.
    async fn find(&self, id: WebhookId) -> Result<Option<WebhookDetail>, Error> {
        Ok(self.find_all(&[id]).await?.pop())
    }

    /// The same of many, in the order of their ids.
    async fn find_all(&self, ids: &[WebhookId]) -> Result<Vec<WebhookDetail>, Error>;

    /// Those that came and were done with before an instant: the oldest, at most `limit`.
    async fn done_before(
        &self,
        instant: OffsetDateTime,
        limit: i64,
    ) -> Result<Vec<WebhookId>, Error>;

    /// Removes those of them that were done with before an instant, and all that is known of them.
    /// How many.
    async fn remove(&self, ids: &[WebhookId], before: OffsetDateTime) -> Result<usize, Error>;

    /// How many stand where.
    async fn health(&self) -> Result<InboxHealth, Error>;

    /// What became of those that came in since an instant.
    async fn figures(&self, since: OffsetDateTime) -> Result<InboxFigures, Error>;
}
