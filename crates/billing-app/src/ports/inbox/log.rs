//! Webhooks as operators see them.

use std::{collections::BTreeMap, time::Duration};

use billing_domain::{id::WebhookId, identity::Source};
use time::OffsetDateTime;
use uuid::Uuid;

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
    /// A person gave it up.
    Discarded,
}

impl WebhookStatus {
    /// Every status.
    pub const ALL: [Self; 6] = [
        Self::Received,
        Self::Processed,
        Self::Ignored,
        Self::Retrying,
        Self::Dead,
        Self::Discarded,
    ];

    /// Its name in tables and answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Processed => "processed",
            Self::Ignored => "ignored",
            Self::Retrying => "retrying",
            Self::Dead => "dead",
            Self::Discarded => "discarded",
        }
    }

    /// The status of a name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name() == name)
    }
}

/// Which webhooks: what is not said matches all.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct WebhookFilter {
    /// From whom.
    pub source: Option<Source>,
    /// Of this type, by the sender's name.
    pub kind: Option<String>,
    /// Where they stand.
    pub status: Option<WebhookStatus>,
    /// Came then or later.
    pub since: Option<OffsetDateTime>,
    /// Came before then.
    pub until: Option<OffsetDateTime>,
}

impl From<WebhookStatus> for WebhookFilter {
    fn from(status: WebhookStatus) -> Self {
        Self { status: Some(status), ..Self::default() }
    }
}

/// A webhook as an operator sees it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WebhookRow {
    /// Our id.
    pub id: WebhookId,
    /// Who sent it.
    pub source: Source,
    /// The sender's id of the event.
    pub event_id: String,
    /// The sender's name of the event type.
    pub kind: String,
    /// Where it stands.
    pub status: WebhookStatus,
    /// How often it was tried since it came, or was put back.
    pub attempts: i32,
    /// What the last try said, if it failed.
    pub error: Option<String>,
    /// When it came.
    pub received_at: OffsetDateTime,
    /// When it is tried again, if it is.
    pub next_attempt_at: Option<OffsetDateTime>,
}

/// All that is known of a webhook.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WebhookDetail {
    /// What lists show of it.
    pub row: WebhookRow,
    /// Events of one subject are processed one at a time.
    pub subject: String,
    /// What came along.
    pub headers: BTreeMap<String, String>,
    /// The raw body.
    pub body: Vec<u8>,
    /// When it was done with, if it is.
    pub done_at: Option<OffsetDateTime>,
    /// Every try that came to an end.
    pub tries: Vec<WebhookTry>,
    /// What people did about it.
    pub actions: Vec<(Deed, WebhookAction)>,
}

/// A try of a webhook that came to an end.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WebhookTry {
    /// When.
    pub ended_at: OffsetDateTime,
    /// How.
    pub outcome: TryOutcome,
    /// Why, where it failed.
    pub error: Option<String>,
    /// How long it took, where somebody saw its end.
    pub duration: Option<Duration>,
}

/// How a try ended.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum TryOutcome {
    /// It had its effect.
    Processed,
    /// There was nothing to do.
    Ignored,
    /// It failed.
    Failed,
    /// Its worker died, or was too slow.
    Lapsed,
}

impl TryOutcome {
    /// Every outcome.
    pub const ALL: [Self; 4] = [Self::Processed, Self::Ignored, Self::Failed, Self::Lapsed];

    /// Its name in tables and answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Processed => "processed",
            Self::Ignored => "ignored",
            Self::Failed => "failed",
            Self::Lapsed => "lapsed",
        }
    }
}

/// What a person can do about a webhook.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Deed {
    /// Have it processed again.
    Retry,
    /// Give it up.
    Discard,
}

impl Deed {
    /// Each of them.
    pub const ALL: [Self; 2] = [Self::Retry, Self::Discard];

    /// Its name in tables and answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Retry => "retry",
            Self::Discard => "discard",
        }
    }
}

/// Who did something about webhooks, when and why.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WebhookAction {
    /// The same for all webhooks that it was done about at once.
    pub id: Uuid,
    /// When, by the wall clock.
    pub at: OffsetDateTime,
    /// Who.
    pub actor: String,
    /// Why.
    pub reason: String,
}

/// Webhooks that match a filter.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Matching {
    /// How many match.
    pub count: i64,
    /// The oldest of them.
    pub rows: Vec<WebhookRow>,
}

/// How many webhooks stand where, each counted up to 10 000.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct InboxHealth {
    /// Waiting to be processed, first or again.
    pub pending: i64,
    /// Failed for good.
    pub dead: i64,
}

/// What became of the webhooks of a while.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct InboxFigures {
    /// How many came in.
    pub received: i64,
    /// Of these, had their effect.
    pub processed: i64,
    /// There was nothing to do for their type.
    pub ignored: i64,
    /// Failed, and will be tried again.
    pub retrying: i64,
    /// Failed for good.
    pub dead: i64,
    /// Were given up by a person.
    pub discarded: i64,
    /// From coming in to having had the effect: for half of them no longer than that.
    pub median_to_effect: Option<Duration>,
    /// The same for 99 in 100.
    pub p99_to_effect: Option<Duration>,
}
