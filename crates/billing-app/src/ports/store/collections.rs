//! Collections, inside a unit of work.

use async_trait::async_trait;
use billing_domain::{
    collection::{Collection, MethodRecord},
    event::Event,
    gateway::GatewayRef,
    id::{InvoiceId, OrganizationId},
};
use time::OffsetDateTime;

use crate::Error;

/// How the money of invoices of ours is taken, one for each invoice. Who holds a checkout, a
/// collection, an invoice, a trial, a renewal and a subscription has found them in this order.
#[async_trait]
pub trait Collections: Send {
    /// Finds that of an invoice and holds it.
    async fn find(
        &mut self,
        organization: OrganizationId,
        invoice: InvoiceId,
    ) -> Result<Option<Collection>, Error>;
    /// Those of an organization that have not ended, the oldest first, held.
    async fn open(&mut self, organization: OrganizationId) -> Result<Vec<Collection>, Error>;
    /// What is known of a method over all invoices of an organization; attempts count after an
    /// instant. It is not held.
    async fn record_of(
        &mut self,
        organization: OrganizationId,
        method: &GatewayRef,
        since: OffsetDateTime,
    ) -> Result<MethodRecord, Error>;
    /// Records one, new or changed, with its attempts, together with what happened.
    async fn save(&mut self, collection: &Collection, events: &[Event]) -> Result<(), Error>;
}
