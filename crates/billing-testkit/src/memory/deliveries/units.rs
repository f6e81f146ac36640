//! Endpoints, and what they are to be told, in units of work.

use async_trait::async_trait;
use billing_app::{
    Error,
    ports::{NewDelivery, WebhookEndpoints},
};
use billing_domain::{
    event::Event,
    id::{EndpointId, OrganizationId},
    webhook_endpoint::{EndpointStatus, WebhookEndpoint},
};

use super::KeptDelivery;
use crate::memory::unit::Unit;

#[async_trait]
impl WebhookEndpoints for Unit {
    async fn insert(&mut self, endpoint: &WebhookEndpoint) -> Result<(), Error> {
        self.shared.reachable()?;
        self.world.endpoints.insert(endpoint.id, endpoint.clone());
        Ok(())
    }

    async fn find(&mut self, id: EndpointId) -> Result<Option<WebhookEndpoint>, Error> {
        self.shared.reachable()?;
        Ok(self.world.endpoints.get(&id).cloned())
    }

    async fn save(&mut self, endpoint: &WebhookEndpoint, events: &[Event]) -> Result<(), Error> {
        self.shared.reachable()?;
        self.world.endpoints.insert(endpoint.id, endpoint.clone());
        self.world.events.extend_from_slice(events);
        Ok(())
    }

    async fn delete(&mut self, id: EndpointId) -> Result<bool, Error> {
        self.shared.reachable()?;
        self.world.deliveries.retain(|_, it| it.planned.endpoint_id != id);
        Ok(self.world.endpoints.remove(&id).is_some())
    }

    async fn told_of(
        &mut self,
        organizations: &[OrganizationId],
    ) -> Result<Vec<WebhookEndpoint>, Error> {
        self.shared.reachable()?;
        let told = self.world.endpoints.values().filter(|endpoint| {
            let disabled = matches!(endpoint.status, EndpointStatus::Disabled(_));
            !disabled && endpoint.organization_id.is_none_or(|id| organizations.contains(&id))
        });
        Ok(told.cloned().collect())
    }

    async fn plan(&mut self, deliveries: &[NewDelivery], again: bool) -> Result<(), Error> {
        self.shared.reachable()?;
        for new in deliveries {
            if !self.world.endpoints.contains_key(&new.endpoint_id) {
                return Err(anyhow::anyhow!("there is no endpoint {}", new.endpoint_id).into());
            }
            let place = |it: &NewDelivery| (it.endpoint_id, it.event.organization_id, it.event.id);
            let mut all = self.world.deliveries.values_mut();
            match all.find(|it| place(&it.planned) == place(new)) {
                Some(kept) if again => kept.put_back(new.due_at),
                Some(_) => {}
                None => {
                    self.world.deliveries.insert(new.id, KeptDelivery::new(new.clone()));
                }
            }
        }
        Ok(())
    }
}
