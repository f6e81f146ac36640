//! Credits that are put aside while a handler works.

use std::sync::{Arc, OnceLock};

use tokio::runtime::Handle;
use uuid::Uuid;

use crate::{client::Client, hold::HoldPlaced};

/// Credits that are put aside for the handler.
#[derive(Clone, Debug)]
pub struct Held {
    placed: HoldPlaced,
    charge: Arc<OnceLock<u64>>,
}

/// A hold that must be ended: dropped, it is released.
#[derive(Debug)]
pub(crate) struct OpenHold {
    client: Client,
    organization: Uuid,
    held: Held,
    open: bool,
}

impl Held {
    pub(crate) fn new(placed: HoldPlaced) -> Self {
        Self { placed, charge: Arc::default() }
    }

    /// What billing said.
    pub fn placed(&self) -> &HoldPlaced {
        &self.placed
    }

    /// Says how many credits the work has really come to: so many are used, and the rest is given
    /// back. Without it, all are used; more than all is not possible. The first call counts.
    pub fn charge(&self, credits: u64) {
        self.charge.get_or_init(|| credits);
    }
}

impl OpenHold {
    pub(crate) fn new(client: Client, organization: Uuid, held: Held) -> Self {
        Self { client, organization, held, open: true }
    }

    /// Settles it after success, else releases it; to the end, even if nobody waits any more.
    pub(crate) async fn end(mut self, succeeded: bool) {
        self.open = false;
        let (client, organization, held) =
            (self.client.clone(), self.organization, self.held.clone());
        let ending = tokio::spawn(async move {
            match held.charge.get().copied() {
                Some(0) => release(&client, organization, &held.placed).await,
                charge if succeeded => settle(&client, organization, &held.placed, charge).await,
                _ => release(&client, organization, &held.placed).await,
            }
        });
        // It only fails when the runtime stops; then the hold expires.
        drop(ending.await);
    }
}

impl Drop for OpenHold {
    fn drop(&mut self) {
        if !self.open {
            return;
        }
        let (client, organization) = (self.client.clone(), self.organization);
        let placed = self.held.placed.clone();
        // Without a runtime, the hold expires.
        if let Ok(runtime) = Handle::try_current() {
            drop(runtime.spawn(async move { release(&client, organization, &placed).await }));
        }
    }
}

async fn settle(client: &Client, organization: Uuid, placed: &HoldPlaced, charge: Option<u64>) {
    let HoldPlaced { hold_id, amount, .. } = placed;
    let all = u64::try_from(*amount).unwrap_or_default();
    let charge = charge.filter(|charge| {
        if *charge > all {
            tracing::warn!(%hold_id, charge, all, "the work came to more than is held");
        }
        *charge < all
    });
    if let Err(error) = client.settle(organization, *hold_id, charge).await {
        tracing::error!(%hold_id, ?charge, %error, "the work is not paid: no settling");
    }
}

async fn release(client: &Client, organization: Uuid, placed: &HoldPlaced) {
    let HoldPlaced { hold_id, expires_at, .. } = placed;
    if let Err(error) = client.release(organization, *hold_id).await {
        tracing::warn!(%hold_id, %expires_at, %error, "credits are held until the hold expires");
    }
}
