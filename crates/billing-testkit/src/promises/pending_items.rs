//! What waits for the next invoice.

use billing_domain::{
    currency::Currency,
    id::{InvoiceId, OrganizationId, SubscriptionId},
    invoice::{Invoice, InvoiceStatus, Issuer, LineKind, PendingItem},
    money::Money,
    period::Period,
    subscription::{ChangeRequest, Subscription},
};
use time::{Duration, OffsetDateTime};

use super::Promise;
use crate::{
    NOON, Subject,
    builders::{a_change_request, a_fresh_id, an_active_subscription, an_invoice},
};

const LATER: OffsetDateTime = NOON.saturating_add(Duration::days(3));

fn an_item(of: &Subscription) -> PendingItem {
    PendingItem {
        id: a_fresh_id(),
        organization_id: of.organization_id,
        subscription_id: of.id,
        kind: LineKind::Proration,
        description: "Unused time on Growth".to_owned(),
        quantity: 3,
        unit_amount: None,
        amount: Money::new(-1_450, Currency::EUR),
        period: None,
        price_id: None,
        invoice_id: None,
        created_at: NOON,
    }
}

impl Subject {
    async fn with_subscription(&self) -> anyhow::Result<Subscription> {
        let organization_id = self.registered().await?;
        let subscription = Subscription { organization_id, ..an_active_subscription() };
        self.save_subscription(&subscription).await?;
        Ok(subscription)
    }

    async fn with_invoice(&self, organization: OrganizationId) -> anyhow::Result<InvoiceId> {
        let invoice = Invoice { organization_id: organization, id: a_fresh_id(), ..an_invoice() };
        let mut work = self.engine().await?;
        work.invoices().save(&invoice, &[]).await?;
        work.commit().await?;
        Ok(invoice.id)
    }

    async fn save_item(&self, item: &PendingItem) -> Promise {
        let mut work = self.engine().await?;
        work.pending_items().save(item).await?;
        Ok(work.commit().await?)
    }

    async fn waiting(
        &self,
        owner: OrganizationId,
        of: SubscriptionId,
    ) -> anyhow::Result<Vec<PendingItem>> {
        Ok(self.engine().await?.pending_items().waiting(owner, of).await?)
    }
}

/// Every field comes back; what is saved again is changed, not doubled; the oldest comes first.
pub async fn pending_items_come_back_as_they_were(subject: &Subject) -> Promise {
    let subscription = subject.with_subscription().await?;
    let (owner, id) = (subscription.organization_id, subscription.id);
    assert_eq!(subject.waiting(owner, id).await?, []);
    let plain = an_item(&subscription);
    let rich = PendingItem {
        kind: LineKind::Recurring,
        unit_amount: Some(Money::new(900, Currency::EUR)),
        amount: Money::new(2_700, Currency::EUR),
        period: Some(Period { start: NOON, end: LATER }),
        price_id: Some(subscription.price_id),
        created_at: NOON - Duration::SECOND,
        ..an_item(&subscription)
    };
    subject.save_item(&plain).await?;
    assert_eq!(subject.waiting(owner, id).await?, core::slice::from_ref(&plain));
    subject.save_item(&rich).await?;
    subject.save_item(&rich).await?;
    assert_eq!(subject.waiting(owner, id).await?, [rich, plain]);
    let other = subject.with_subscription().await?;
    assert_eq!(subject.waiting(other.organization_id, other.id).await?, []);
    assert_eq!(subject.waiting(other.organization_id, id).await?, [], "it is another's");
    let mut foreign = subject.on_behalf_of(other.organization_id).await?;
    assert_eq!(foreign.pending_items().waiting(owner, id).await?, []);
    Ok(())
}

/// What stands on an invoice waits no more, until it is taken off again.
pub async fn a_pending_item_stands_on_one_invoice(subject: &Subject) -> Promise {
    let subscription = subject.with_subscription().await?;
    let (owner, id) = (subscription.organization_id, subscription.id);
    let [first, second] = [subject.with_invoice(owner).await?, subject.with_invoice(owner).await?];
    let waits = an_item(&subscription);
    let stands = PendingItem { invoice_id: Some(first), ..waits.clone() };
    for (item, waiting, on_first) in [
        (&waits, vec![waits.clone()], vec![]),
        (&stands, vec![], vec![stands.clone()]),
        (&waits, vec![waits.clone()], vec![]),
    ] {
        subject.save_item(item).await?;
        assert_eq!(subject.waiting(owner, id).await?, waiting);
        let mut work = subject.engine().await?;
        assert_eq!(work.pending_items().on_invoice(owner, first).await?, on_first);
        assert_eq!(work.pending_items().on_invoice(owner, second).await?, []);
    }
    Ok(())
}

/// The invoice of a period is found by its start, as long as it counts.
pub async fn an_invoice_of_ours_is_found_by_its_period(subject: &Subject) -> Promise {
    let subscription = subject.with_subscription().await?;
    let (owner, id) = (subscription.organization_id, subscription.id);
    let period = Some(Period { start: NOON, end: LATER });
    let of_gateway =
        Invoice { organization_id: owner, subscription_id: Some(id), period, ..an_invoice() };
    let ours = Invoice {
        id: a_fresh_id(),
        issuer: Issuer::Us,
        number: Some("2026-000001".to_owned()),
        ..of_gateway.clone()
    };
    let void = Invoice { status: InvoiceStatus::Void, ..ours.clone() };
    let found = async |start| -> anyhow::Result<Option<Invoice>> {
        let mut work = subject.engine().await?;
        Ok(work.invoices().of_period(owner, id, start).await?)
    };
    for (saved, expected) in [(&of_gateway, None), (&ours, Some(&ours)), (&void, None)] {
        let mut work = subject.engine().await?;
        work.invoices().save(saved, &[]).await?;
        work.commit().await?;
        assert_eq!(found(NOON).await?.as_ref(), expected);
        assert_eq!(found(LATER).await?, None);
    }
    Ok(())
}

/// A request says which invoice is paid for it.
pub async fn a_request_keeps_its_invoice(subject: &Subject) -> Promise {
    let subscription = subject.with_subscription().await?;
    let owner = subscription.organization_id;
    let invoice_id = Some(subject.with_invoice(owner).await?);
    let request = ChangeRequest { invoice_id, ..a_change_request(&subscription) };
    let mut work = subject.engine().await?;
    work.change_requests().save(&request, &[]).await?;
    work.commit().await?;
    let found = subject.engine().await?.change_requests().find(owner, request.id).await?;
    assert_eq!(found, Some(request));
    Ok(())
}
