//! Two subscriptions were paid for where one is enough: the first that is heard of lives.

use billing_domain::{
    id::RefundId,
    subscription::{Duplicate, Subscription},
};

use super::Unsettled;
use crate::{Billing, ports::UnitOfWork};

impl Billing {
    /// Whether a subscription that is new to us is one too many. It is then written down, to be
    /// ended and paid back, and is never adopted, whatever becomes of the first one.
    pub(super) async fn is_duplicate(
        &self,
        work: &mut dyn UnitOfWork,
        new: &Subscription,
    ) -> Result<bool, Unsettled> {
        let organization = new.organization_id;
        let Some(reference) = new.billed_by.reference() else { return Ok(false) };
        if work.duplicates().find(organization, reference).await?.is_some() {
            return Ok(true);
        }
        if !new.is_live() {
            return Ok(false);
        }
        let live = work.subscriptions().live(organization, &new.product_group).await?;
        if live.is_none() {
            return Ok(false);
        }
        let now = self.ports.clock.now();
        let duplicate = Duplicate {
            reference: reference.clone(),
            organization_id: organization,
            refund_id: RefundId(self.ports.ids.next()),
            refund: None,
            settled: false,
            created_at: now,
            look_at: now,
        };
        work.duplicates().save(&duplicate, &[]).await?;
        tracing::error!(%organization, subscription = %reference, "paid for twice; one is given back");
        Ok(true)
    }
}
