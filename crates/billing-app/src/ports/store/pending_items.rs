//! What waits for the next invoice, inside a unit of work.

use async_trait::async_trait;
use billing_domain::{
    id::{InvoiceId, OrganizationId, SubscriptionId},
    invoice::PendingItem,
};

use crate::Error;

/// Lines that wait for the next invoice of a subscription. Who holds a subscription as well finds
/// that first.
#[async_trait]
pub trait PendingItems: Send {
    /// Those of a subscription that stand on no invoice yet, the oldest first, held.
    async fn waiting(
        &mut self,
        organization: OrganizationId,
        subscription: SubscriptionId,
    ) -> Result<Vec<PendingItem>, Error>;
    /// Those that stand on an invoice, the oldest first, held.
    async fn on_invoice(
        &mut self,
        organization: OrganizationId,
        invoice: InvoiceId,
    ) -> Result<Vec<PendingItem>, Error>;
    /// Records one, new or changed.
    async fn save(&mut self, item: &PendingItem) -> Result<(), Error>;
}
