//! Usage: counting it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use time::{OffsetDateTime, serde::rfc3339};
use uuid::Uuid;

use crate::{call::Call, client::Client, error::Error, quota::Quota, retry::new_key};

const RECORD: &str = "/api/billing/check-quota";
const TRACK: &str = "/api/billing/track-usage";
const BATCH: &str = "/api/billing/track-usage/batch";

/// Use of a meter.
#[derive(Clone, PartialEq, Debug)]
#[must_use = "it is sent by a method of the client"]
pub struct Usage {
    organization_id: Option<Uuid>,
    meter: String,
    quantity: u64,
    at: Option<OffsetDateTime>,
    idempotency_key: Option<String>,
    properties: Option<Map<String, Value>>,
    decrement: bool,
}

/// The single routes call the instant `timestamp`, the batch `at`.
#[derive(Serialize)]
struct Sent<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    organization_id: Option<Uuid>,
    meter: &'a str,
    quantity: u64,
    #[serde(with = "rfc3339::option", skip_serializing_if = "Option::is_none")]
    timestamp: Option<OffsetDateTime>,
    #[serde(with = "rfc3339::option", skip_serializing_if = "Option::is_none")]
    at: Option<OffsetDateTime>,
    idempotency_key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    properties: Option<&'a Map<String, Value>>,
    #[serde(skip_serializing_if = "is_false")]
    decrement: bool,
}

#[derive(Serialize)]
struct Batch<'a> {
    events: Vec<Sent<'a>>,
}

/// Use that was counted, and where the quota stands after it.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[non_exhaustive]
pub struct UsageRecord {
    /// The decision is kept under this id.
    pub decision_id: Uuid,
    /// Whose.
    pub organization_id: Uuid,
    /// Of what.
    pub meter: String,
    /// How much.
    pub quantity: u64,
    /// Where the quota stands.
    #[serde(flatten)]
    pub quota: Quota,
    /// The key that was given or made.
    pub idempotency_key: String,
}

/// What became of a batch.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[non_exhaustive]
pub struct BatchRecorded {
    /// How many events were counted now.
    pub accepted: u64,
    /// How many had been counted before.
    pub duplicates: u64,
    /// Those that are not counted.
    pub rejected: Vec<RejectedEvent>,
}

/// An event of a batch that is not counted.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[non_exhaustive]
pub struct RejectedEvent {
    /// Its place in the batch, from 0.
    pub index: usize,
    /// What a program reads.
    pub code: String,
    /// For people.
    pub message: String,
}

impl Usage {
    /// One unit of a meter, now, by the organization of the API key.
    pub fn new(meter: impl Into<String>) -> Self {
        Self {
            organization_id: None,
            meter: meter.into(),
            quantity: 1,
            at: None,
            idempotency_key: None,
            properties: None,
            decrement: false,
        }
    }

    /// Who uses. A key for all organizations must name it.
    pub fn organization(self, id: Uuid) -> Self {
        Self { organization_id: Some(id), ..self }
    }

    /// How much, from 1 to 2^53 − 1.
    pub fn quantity(self, quantity: u64) -> Self {
        Self { quantity, ..self }
    }

    /// When; at most 35 days ago.
    pub fn at(self, at: OffsetDateTime) -> Self {
        Self { at: Some(at), ..self }
    }

    /// 1 to 255 printable ASCII characters that name what happened, so that it counts once however
    /// often it is sent. Without one, a call and its retries count once.
    pub fn idempotency_key(self, key: impl Into<String>) -> Self {
        Self { idempotency_key: Some(key.into()), ..self }
    }

    /// What to remember with it; at most 8 KiB.
    pub fn properties(self, properties: Map<String, Value>) -> Self {
        Self { properties: Some(properties), ..self }
    }

    /// Something has stopped existing: counts down instead of up. For tracking alone, one or many.
    pub fn decrement(self) -> Self {
        Self { decrement: true, ..self }
    }

    fn sent(&self) -> Sent<'_> {
        Sent {
            organization_id: self.organization_id,
            meter: &self.meter,
            quantity: self.quantity,
            timestamp: self.at,
            at: None,
            idempotency_key: self.idempotency_key.clone().unwrap_or_else(new_key),
            properties: self.properties.as_ref(),
            decrement: self.decrement,
        }
    }
}

impl Sent<'_> {
    fn in_batch(self) -> Self {
        Self { at: self.timestamp, timestamp: None, ..self }
    }
}

impl Client {
    /// Counts use if the quota allows it, in one step.
    ///
    /// # Errors
    ///
    /// `Denied` with the upgrade where the quota does not allow it; `NotFound` for an unknown
    /// organization or meter; `Invalid` for use that is too old; and what every call may end in.
    pub async fn check_and_record(&self, usage: Usage) -> Result<UsageRecord, Error> {
        self.call(&Call::post(RECORD, &usage.sent())?).await
    }

    /// Counts use, whatever the quota says.
    ///
    /// # Errors
    ///
    /// `NotFound` for an unknown organization or meter; `Invalid` for use that is too old; and
    /// what every call may end in.
    pub async fn track_usage(&self, usage: Usage) -> Result<UsageRecord, Error> {
        self.call(&Call::post(TRACK, &usage.sent())?).await
    }

    /// Counts many uses, whatever the quotas say. Those that cannot be counted are named in the
    /// answer, and do not keep the others from being counted.
    ///
    /// # Errors
    ///
    /// What every call may end in; then nobody knows which are counted: send them again, with keys
    /// of your own.
    pub async fn track_usage_batch(&self, usages: &[Usage]) -> Result<BatchRecorded, Error> {
        let events = usages.iter().map(|usage| usage.sent().in_batch()).collect();
        self.call(&Call::post(BATCH, &Batch { events })?).await
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes it so")]
const fn is_false(it: &bool) -> bool {
    !*it
}
