//! What waits for the next invoice.

use async_trait::async_trait;
use billing_app::{Error, ports::PendingItems};
use billing_domain::{
    id::{InvoiceId, OrganizationId, SubscriptionId},
    invoice::PendingItem,
};

use super::unit::Unit;

#[async_trait]
impl PendingItems for Unit {
    async fn waiting(
        &mut self,
        organization: OrganizationId,
        subscription: SubscriptionId,
    ) -> Result<Vec<PendingItem>, Error> {
        self.shared.reachable()?;
        Ok(self.items(organization, |one| {
            one.subscription_id == subscription && one.invoice_id.is_none()
        }))
    }

    async fn on_invoice(
        &mut self,
        organization: OrganizationId,
        invoice: InvoiceId,
    ) -> Result<Vec<PendingItem>, Error> {
        self.shared.reachable()?;
        Ok(self.items(organization, |one| one.invoice_id == Some(invoice)))
    }

    async fn save(&mut self, item: &PendingItem) -> Result<(), Error> {
        let before = self.world.pending_items.get(&item.id).map(|one| one.organization_id);
        self.may_replace(item.organization_id, before)?;
        self.world.pending_items.insert(item.id, item.clone());
        Ok(())
    }
}

impl Unit {
    fn items(
        &self,
        organization: OrganizationId,
        wanted: impl Fn(&PendingItem) -> bool,
    ) -> Vec<PendingItem> {
        let all = self.world.pending_items.values();
        let own = all.filter(|one| one.organization_id == organization && self.sees(organization));
        let mut own: Vec<_> = own.filter(|one| wanted(one)).cloned().collect();
        own.sort_by_key(|one| (one.created_at, one.id));
        own
    }
}
