//! Credits: what there is, and using them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use time::{OffsetDateTime, serde::rfc3339};
use uuid::Uuid;

use crate::{call::Call, client::Client, error::Error, retry::new_key};

const CONSUME: &str = "/api/billing/credits/consume";

/// Something that costs credits.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[must_use = "it is sent by `Client::consume`"]
pub struct Consume {
    #[serde(skip_serializing_if = "Option::is_none")]
    organization_id: Option<Uuid>,
    event: String,
    quantity: u64,
    idempotency_key: Option<String>,
}

/// The credits were used.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[non_exhaustive]
pub struct Consumption {
    /// The decision is kept under this id.
    pub decision_id: Uuid,
    /// The credit event.
    pub event: String,
    /// How many of it.
    pub quantity: u64,
    /// In credits.
    pub cost: i64,
    /// The credits that are left.
    pub balance: i64,
    /// The row in the ledger.
    pub seq: i64,
    /// From which grants.
    pub grants: Vec<Drawn>,
    /// The key that was given or made.
    pub idempotency_key: String,
}

/// Credits taken from one grant.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[non_exhaustive]
pub struct Drawn {
    /// Which grant.
    pub grant_id: Uuid,
    /// How many credits.
    pub amount: i64,
}

/// The credits of an organization.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[non_exhaustive]
pub struct Credits {
    /// Whose.
    pub organization_id: Uuid,
    /// What is left, less what is overdrawn.
    pub balance: i64,
    /// What was used beyond what there was.
    pub overdrawn: i64,
    /// What may be used: the balance without what is held, and the overdraft.
    pub available: i64,
    /// What is left of each kind: `purchased`, `subscription`, `promotional`, `adjustment`.
    pub by_kind: BTreeMap<String, i64>,
    /// Grants with something left, in the order in which they are used.
    pub grants: Vec<CreditGrant>,
}

/// Credits given at once.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[non_exhaustive]
pub struct CreditGrant {
    /// Which grant.
    pub id: Uuid,
    /// `purchased`, `subscription`, `promotional` or `adjustment`.
    pub kind: String,
    /// What was given.
    pub amount: i64,
    /// What is left of it.
    pub remaining: i64,
    /// From when it may be used.
    #[serde(with = "rfc3339")]
    pub starts_at: OffsetDateTime,
    /// Nothing for those that never expire.
    #[serde(default, with = "rfc3339::option")]
    pub expires_at: Option<OffsetDateTime>,
    /// When it was given.
    #[serde(with = "rfc3339")]
    pub granted_at: OffsetDateTime,
    /// Whether it may be used already.
    pub started: bool,
    /// What it was given for.
    pub source: Source,
}

/// What credits were given for.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[non_exhaustive]
pub struct Source {
    /// `payment`, `period` or `operator`.
    pub kind: String,
    /// Which of them.
    pub id: String,
}

impl Consume {
    /// One of a credit event, by the organization of the API key.
    pub fn new(event: impl Into<String>) -> Self {
        let event = event.into();
        Self { organization_id: None, event, quantity: 1, idempotency_key: None }
    }

    /// Who uses them. A key for all organizations must name it.
    pub fn organization(self, id: Uuid) -> Self {
        Self { organization_id: Some(id), ..self }
    }

    /// How many, from 1 to 2^53 − 1.
    pub fn quantity(self, quantity: u64) -> Self {
        Self { quantity, ..self }
    }

    /// 1 to 255 printable ASCII characters that name what is paid for, so that it is paid once
    /// however often it is asked. Without one, a call and its retries are paid once.
    pub fn idempotency_key(self, key: impl Into<String>) -> Self {
        Self { idempotency_key: Some(key.into()), ..self }
    }
}

impl Client {
    /// Uses credits, all or nothing. The answer is durable before it is given.
    ///
    /// # Errors
    ///
    /// `Denied` with what is missing where there are not enough; `NotFound` for an unknown
    /// organization or event; `Invalid` for an event that is switched off; and what every call may
    /// end in.
    pub async fn consume(&self, mut consume: Consume) -> Result<Consumption, Error> {
        consume.idempotency_key.get_or_insert_with(new_key);
        self.call(&Call::post(CONSUME, &consume)?).await
    }

    /// Says how many credits an organization has.
    ///
    /// # Errors
    ///
    /// `NotFound` for an unknown organization, and what every call may end in.
    pub async fn credits(&self, organization: Uuid) -> Result<Credits, Error> {
        self.call(&Call::get(format!("/api/billing/credits/{organization}"), &[])).await
    }
}
