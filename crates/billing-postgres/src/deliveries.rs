//! Outgoing webhooks: `endpoints` keeps who is told and plans what, `queue` claims and records what
//! is sent, `log` shows it.

use async_trait::async_trait;
use billing_app::{
    Error,
    ports::{
        ClaimedDelivery, Deliveries, DeliveryAttempt, DeliveryFigures, DeliveryFilter,
        DeliveryRoom, DeliveryRow, EndedDelivery, Page, ToldEvent,
    },
};
use billing_domain::{
    id::{DeliveryId, EndpointId, OrganizationId},
    webhook_endpoint::WebhookEndpoint,
};
use time::OffsetDateTime;

use crate::Database;

mod endpoints;
mod log;
mod queue;

#[async_trait]
impl Deliveries for Database {
    async fn claim(
        &self,
        wall: OffsetDateTime,
        lease: std::time::Duration,
        room: DeliveryRoom,
    ) -> Result<Vec<ClaimedDelivery>, Error> {
        queue::claim(self, (wall, wall + lease), room).await
    }

    async fn record(&self, ended: &[EndedDelivery]) -> Result<(), Error> {
        queue::record(self, ended).await
    }

    async fn endpoints(
        &self,
        organization: Option<OrganizationId>,
        page: Page<EndpointId>,
    ) -> Result<Vec<WebhookEndpoint>, Error> {
        endpoints::list(self, organization, page).await
    }

    async fn endpoint(&self, id: EndpointId) -> Result<Option<WebhookEndpoint>, Error> {
        endpoints::one(self, id).await
    }

    async fn list(
        &self,
        endpoint: EndpointId,
        filter: &DeliveryFilter,
        page: Page<DeliveryId>,
    ) -> Result<Vec<DeliveryRow>, Error> {
        log::list(self, endpoint, filter, page).await
    }

    async fn find(
        &self,
        endpoint: EndpointId,
        id: DeliveryId,
    ) -> Result<Option<(DeliveryRow, ToldEvent, Vec<DeliveryAttempt>)>, Error> {
        log::find(self, endpoint, id).await
    }

    async fn resend(
        &self,
        endpoint: EndpointId,
        id: DeliveryId,
        wall: OffsetDateTime,
    ) -> Result<bool, Error> {
        queue::resend(self, (endpoint, id), wall).await
    }

    async fn figures(
        &self,
        since: OffsetDateTime,
        wall: OffsetDateTime,
    ) -> Result<DeliveryFigures, Error> {
        log::figures(self, since, wall).await
    }

    async fn forget(&self, before: OffsetDateTime, limit: i64) -> Result<usize, Error> {
        queue::forget(self, before, limit).await
    }
}
