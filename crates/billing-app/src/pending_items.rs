//! What waits for the next invoice of a subscription, and stands on it then.

use billing_domain::{
    id::{InvoiceId, OrganizationId, PendingItemId, SubscriptionId},
    invoice::{Line, Parts, PendingItem},
};

use crate::{Billing, Error, ports::UnitOfWork};

/// A subscription, and whose.
type Which = (OrganizationId, SubscriptionId);

/// What an invoice takes in of what has waited.
#[derive(Debug)]
#[must_use = "what is taken in waits until it stands on the invoice"]
pub(crate) struct TakenIn {
    of: Which,
    items: Vec<PendingItem>,
    left: Option<Line>,
}

impl Billing {
    /// Adds to an invoice what has waited for it: last of all, for it takes the invoice to nothing
    /// at most. What is left is a line that waits for the next one.
    pub(crate) async fn take_in_waiting(
        &self,
        work: &mut dyn UnitOfWork,
        of: Which,
        parts: &mut Parts,
    ) -> Result<TakenIn, Error> {
        let items = work.pending_items().waiting(of.0, of.1).await?;
        let left = parts.take_in(&items, of.1)?;
        Ok(TakenIn { of, items, left })
    }

    /// Records on which invoice it stands now.
    pub(crate) async fn stand_on(
        &self,
        work: &mut dyn UnitOfWork,
        taken: TakenIn,
        invoice: InvoiceId,
    ) -> Result<(), Error> {
        for mut item in taken.items {
            item.invoice_id = Some(invoice);
            work.pending_items().save(&item).await?;
        }
        self.let_wait(work, taken.of, taken.left).await
    }

    /// Lines wait from now on.
    pub(crate) async fn let_wait(
        &self,
        work: &mut dyn UnitOfWork,
        of: Which,
        lines: impl IntoIterator<Item = Line> + Send,
    ) -> Result<(), Error> {
        let now = self.ports.clock.now();
        let lines: Vec<_> = lines.into_iter().collect();
        for line in lines {
            let id = PendingItemId(self.ports.ids.next());
            work.pending_items().save(&PendingItem::new(id, of, line, now)).await?;
        }
        Ok(())
    }

    /// What stands on an invoice that nobody pays waits again.
    pub(crate) async fn take_off(
        &self,
        work: &mut dyn UnitOfWork,
        (owner, invoice): (OrganizationId, InvoiceId),
    ) -> Result<(), Error> {
        for mut item in work.pending_items().on_invoice(owner, invoice).await? {
            item.invoice_id = None;
            work.pending_items().save(&item).await?;
        }
        Ok(())
    }
}
