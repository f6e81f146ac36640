//! Holds: credits put aside before the work, and settled or given back after it.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use time::{OffsetDateTime, serde::rfc3339};
use uuid::Uuid;

use crate::{call::Call, client::Client, credits::Drawn, error::Error, retry::new_key};

const HOLDS: &str = "/api/billing/credits/holds";

/// Work that will cost credits.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[must_use = "it is sent by `Client::hold`"]
pub struct Hold {
    #[serde(skip_serializing_if = "Option::is_none")]
    organization_id: Option<Uuid>,
    event: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    quantity: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    amount: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ttl_seconds: Option<u64>,
    idempotency_key: Option<String>,
}

#[derive(Serialize)]
struct Settle {
    #[serde(skip_serializing_if = "Option::is_none")]
    organization_id: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    amount: Option<u64>,
}

#[derive(Serialize)]
struct Release {
    #[serde(skip_serializing_if = "Option::is_none")]
    organization_id: Option<Uuid>,
}

/// The credits are put aside.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[non_exhaustive]
pub struct HoldPlaced {
    /// To settle or release it by.
    pub hold_id: Uuid,
    /// The decision is kept under this id.
    pub decision_id: Uuid,
    /// The credit event.
    pub event: String,
    /// The credits put aside.
    pub amount: i64,
    /// When they are given back by themselves.
    #[serde(with = "rfc3339")]
    pub expires_at: OffsetDateTime,
    /// From which grants.
    pub grants: Vec<Drawn>,
    /// The key that was given or made.
    pub idempotency_key: String,
}

/// The credits of a hold were used.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[non_exhaustive]
pub struct Settled {
    /// Which hold.
    pub hold_id: Uuid,
    /// The decision is kept under this id.
    pub decision_id: Uuid,
    /// The credits used.
    pub settled: i64,
    /// The credits given back.
    pub returned: i64,
    /// The credits that are left.
    pub balance: i64,
    /// The row in the ledger.
    pub seq: i64,
}

/// The credits of a hold were given back.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
#[non_exhaustive]
pub struct Released {
    /// Which hold.
    pub hold_id: Uuid,
    /// The credits given back.
    pub returned: i64,
}

impl Hold {
    /// What so many of a credit event cost, for the organization of the API key.
    pub fn of(event: impl Into<String>, quantity: u64) -> Self {
        Self { quantity: Some(quantity), ..Self::on(event.into()) }
    }

    /// So many credits, whatever one of the event costs: the most that the work can come to.
    pub fn of_credits(event: impl Into<String>, amount: u64) -> Self {
        Self { amount: Some(amount), ..Self::on(event.into()) }
    }

    fn on(event: String) -> Self {
        Self {
            organization_id: None,
            event,
            quantity: None,
            amount: None,
            ttl_seconds: None,
            idempotency_key: None,
        }
    }

    /// Who uses them. A key for all organizations must name it.
    pub fn organization(self, id: Uuid) -> Self {
        Self { organization_id: Some(id), ..self }
    }

    /// When it gives the credits back by itself: in whole seconds, longer than the work takes.
    pub fn ttl(self, ttl: Duration) -> Self {
        Self { ttl_seconds: Some(ttl.as_secs()), ..self }
    }

    /// 1 to 255 printable ASCII characters that name the work.
    pub fn idempotency_key(self, key: impl Into<String>) -> Self {
        Self { idempotency_key: Some(key.into()), ..self }
    }
}

impl Client {
    /// Puts credits aside, all or nothing.
    ///
    /// # Errors
    ///
    /// `Denied` with what is missing where there are not enough; `NotFound` for an unknown
    /// organization or event; `Invalid` for an event that is switched off; and what every call may
    /// end in.
    pub async fn hold(&self, mut hold: Hold) -> Result<HoldPlaced, Error> {
        hold.idempotency_key.get_or_insert_with(new_key);
        self.call(&Call::post(HOLDS, &hold)?).await
    }

    /// Uses the credits of a hold: all of them, or so many (from 1), the rest being given back. A
    /// key for all organizations must name whose it is.
    ///
    /// # Errors
    ///
    /// `NotFound` for an unknown hold; `Conflict` for one that was settled for another amount,
    /// released, or timed out; `Invalid` for more than is held; and what every call may end in.
    pub async fn settle(
        &self,
        organization: impl Into<Option<Uuid>>,
        hold_id: Uuid,
        amount: impl Into<Option<u64>>,
    ) -> Result<Settled, Error> {
        let body = Settle { organization_id: organization.into(), amount: amount.into() };
        let call = Call::post(format!("{HOLDS}/{hold_id}/settle"), &body)?;
        self.call(&call.once(new_key())).await
    }

    /// Gives the credits of a hold back. A key for all organizations must name whose it is.
    ///
    /// # Errors
    ///
    /// `NotFound` for an unknown hold; `Conflict` for one that was settled or timed out; and what
    /// every call may end in.
    pub async fn release(
        &self,
        organization: impl Into<Option<Uuid>>,
        hold_id: Uuid,
    ) -> Result<Released, Error> {
        let body = Release { organization_id: organization.into() };
        let call = Call::post(format!("{HOLDS}/{hold_id}/release"), &body)?;
        self.call(&call.once(new_key())).await
    }
}
