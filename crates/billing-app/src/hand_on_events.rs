//! What happened becomes deliveries to those who want to be told: deliveries and cursor in one commit.

use billing_domain::id::DeliveryId;

use crate::{
    Billing, Error,
    ports::{EventSubscriber, NewDelivery, OutboxBatch, Scope},
};

/// How many events become deliveries in one commit.
const AT_ONCE: i64 = 500;

impl Billing {
    /// Plans deliveries of the next events. How many events there were: where it is none, there are
    /// no more now. Another process may be faster: then nothing was done here, and nothing is
    /// missed.
    pub async fn hand_on_events(&self) -> Result<usize, Error> {
        let batch = self.ports.outbox.next(EventSubscriber::Webhooks, AT_ONCE).await?;
        if batch.events.is_empty() {
            return Ok(0);
        }
        match self.plan_deliveries(&batch).await {
            Err(Error::Conflict(_)) => Ok(0),
            planned => planned.map(|()| batch.events.len()),
        }
    }

    async fn plan_deliveries(&self, batch: &OutboxBatch) -> Result<(), Error> {
        let mut work = self.ports.store.begin(Scope::Engine).await?;
        // First of all, so that whoever comes second waits before he has done anything.
        work.outbox().handed_on(batch).await?;
        let mut organizations: Vec<_> = batch.events.iter().map(|it| it.organization_id).collect();
        organizations.sort();
        organizations.dedup();
        let endpoints = work.webhook_endpoints().told_of(&organizations).await?;
        let due_at = self.ports.clock.wall();
        let mut deliveries = Vec::new();
        for event in &batch.events {
            let told = endpoints.iter().filter(|it| it.wants(event.organization_id, &event.kind));
            deliveries.extend(told.map(|endpoint| NewDelivery {
                id: DeliveryId(self.ports.ids.next()),
                endpoint_id: endpoint.id,
                event: event.clone(),
                due_at,
            }));
        }
        if !deliveries.is_empty() {
            work.webhook_endpoints().plan(&deliveries, false).await?;
        }
        work.commit().await
    }
}
