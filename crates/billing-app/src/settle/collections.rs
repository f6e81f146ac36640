//! How the charge of an invoice of ours ended, whoever brings the news: the answer, a webhook, or
//! asking.

use billing_domain::{
    catalogue::Catalogue,
    checkout::{Checkout, Purpose},
    collection::Collection,
    event::{Event, What},
    id::{CheckoutId, OrganizationId, PaymentId, SubscriptionId},
    invoice::Invoice,
    payment::{ChargeFailure, DeclineKind, Payment, PaymentStatus},
    subscription::Verb,
};

use super::{Unsettled, periods::open_trial};
use crate::{Billing, Error, issue_invoice::fault, ports::UnitOfWork};

/// A charge of an invoice of ours.
pub(super) struct InvoiceCharge {
    checkout: Checkout,
    collection: Option<Collection>,
}

impl InvoiceCharge {
    /// The subscription that the invoice is for.
    pub(super) fn subscription_id(&self) -> Option<SubscriptionId> {
        self.collection.as_ref().and_then(|it| it.subscription_id)
    }
}

impl Billing {
    /// The charge of an invoice that was made for a checkout, held.
    pub(super) async fn charged_invoice(
        &self,
        work: &mut dyn UnitOfWork,
        organization: OrganizationId,
        checkout: Option<CheckoutId>,
    ) -> Result<Option<InvoiceCharge>, Unsettled> {
        let Some(id) = checkout else { return Ok(None) };
        // Held before a checkout that it may pay, as by everybody.
        work.auto_top_ups().find(organization).await?;
        let Some(checkout) = work.checkouts().find(organization, id).await? else {
            return Ok(None);
        };
        let Purpose::Invoice { invoice_id, .. } = checkout.purpose else { return Ok(None) };
        let collection = work.collections().find(organization, invoice_id).await?;
        Ok(Some(InvoiceCharge { checkout, collection }))
    }

    /// Records how the charge ended, once; nothing while that is not known.
    pub(super) async fn settle_charge(
        &self,
        work: &mut dyn UnitOfWork,
        catalogue: &Catalogue,
        charge: InvoiceCharge,
        (payment, failed_as): (&Payment, Option<ChargeFailure>),
    ) -> Result<(), Unsettled> {
        match payment.status {
            status if status.captured() => {
                self.invoice_collected(work, catalogue, charge, payment).await?;
            }
            PaymentStatus::Failed => {
                let reason = failed_as.unwrap_or(ChargeFailure::Declined);
                let failed = (reason, Some(payment.id));
                self.attempt_failed(work, charge.checkout, failed).await?;
            }
            PaymentStatus::Pending
            | PaymentStatus::Unknown
            | PaymentStatus::Completed
            | PaymentStatus::PartiallyRefunded
            | PaymentStatus::Refunded
            | PaymentStatus::Disputed => {}
        }
        Ok(())
    }

    /// The invoice is paid, and its period runs.
    async fn invoice_collected(
        &self,
        work: &mut dyn UnitOfWork,
        catalogue: &Catalogue,
        charge: InvoiceCharge,
        payment: &Payment,
    ) -> Result<(), Error> {
        let InvoiceCharge { mut checkout, collection } = charge;
        if !checkout.complete(payment.reference.clone()) {
            return Ok(());
        }
        work.checkouts().save(&checkout, &[]).await?;
        let Some(mut collection) = collection else { return Ok(()) };
        let now = self.ports.clock.now();
        let mut invoice = self.collected_invoice(work, &collection).await?;
        let (due, paid) = (invoice.due(), payment.amount);
        let awaited = collection.succeed(checkout.id, now);
        if !awaited || due != paid {
            // A person has to give the money back, or what is too much of it.
            tracing::error!(payment = %payment.id, %due, %paid, "paid what was not due");
        }
        let paid = if awaited { invoice.pay(payment.id, now) } else { Ok(false) };
        let news = paid.inspect_err(|error| {
            tracing::error!(payment = %payment.id, %error, "paid for what is not to be paid");
        });
        if !news.unwrap_or(false) {
            return work.collections().save(&collection, &[]).await;
        }
        let recovered = collection.failed_at.map(|_| What::PaymentRecovered {
            invoice_id: invoice.id,
            subscription_id: collection.subscription_id,
            payment_id: payment.id,
            amount: payment.amount,
            attempts: Some(collection.attempts.len()),
        });
        let recovered = recovered.map(|what| self.what(invoice.organization_id, now, what));
        work.collections().save(&collection, recovered.as_slice()).await?;
        invoice.checkout_id = Some(checkout.id);
        let told = self.invoice_told(&invoice);
        work.invoices().save(&invoice, &[told]).await?;
        if self.change_paid(work, catalogue, &invoice).await? {
            return Ok(());
        }
        if let (Some(id), Some(period)) = (invoice.subscription_id, invoice.period) {
            let of = ((invoice.organization_id, id), period);
            self.period_paid(work, catalogue, of, (Some(payment.id), payment.amount)).await?;
        }
        Ok(())
    }

    /// An attempt brought no money, which is news once.
    pub(crate) async fn attempt_failed(
        &self,
        work: &mut dyn UnitOfWork,
        mut checkout: Checkout,
        (reason, payment): (ChargeFailure, Option<PaymentId>),
    ) -> Result<(), Error> {
        let Purpose::Invoice { invoice_id, .. } = checkout.purpose else { return Ok(()) };
        if !checkout.expire() {
            return Ok(());
        }
        work.checkouts().save(&checkout, &[]).await?;
        let owner = checkout.organization_id;
        let Some(mut collection) = work.collections().find(owner, invoice_id).await? else {
            return Ok(());
        };
        let (rules, now) = (&self.settings.dunning, self.ports.clock.now());
        if collection.fail(checkout.id, reason, rules, now) {
            self.collection_failed(work, collection, (payment, true)).await?;
        }
        Ok(())
    }

    /// What follows when the money did not come: a trial has expired, unless it is tried again
    /// within minutes; what was paid before is past due.
    pub(crate) async fn collection_failed(
        &self,
        work: &mut dyn UnitOfWork,
        mut collection: Collection,
        (payment, news): (Option<PaymentId>, bool),
    ) -> Result<(), Error> {
        let (owner, now) = (collection.organization_id, self.ports.clock.now());
        let mut invoice = self.collected_invoice(work, &collection).await?;
        if self.change_unpaid(work, &mut collection, &mut invoice).await? {
            return Ok(());
        }
        let trial = match collection.subscription_id {
            Some(id) => open_trial(work, owner, id).await?,
            None => None,
        };
        let reason = collection.failure.unwrap_or(ChargeFailure::Declined);
        match trial {
            Some(_) if reason.kind() == DeclineKind::Technical && is_soon(&collection) => {}
            Some(trial) => {
                collection.void(now);
                let failed = news.then(|| self.failure_told(&collection, &invoice, payment));
                if invoice.void().map_err(fault)? {
                    let told = self.invoice_told(&invoice);
                    work.invoices().save(&invoice, &[told]).await?;
                }
                work.collections().save(&collection, failed.as_slice()).await?;
                return self.expire_trial(work, trial, reason).await;
            }
            None => self.past_due(work, &collection, &invoice).await?,
        }
        let failed = news.then(|| self.failure_told(&collection, &invoice, payment));
        work.collections().save(&collection, failed.as_slice()).await
    }

    /// The subscription whose running period is not paid is past due since the first failure.
    async fn past_due(
        &self,
        work: &mut dyn UnitOfWork,
        collection: &Collection,
        invoice: &Invoice,
    ) -> Result<(), Error> {
        let owner = collection.organization_id;
        let now = self.ports.clock.now();
        let (Some(id), Some(_)) = (collection.subscription_id, invoice.period) else {
            return Ok(());
        };
        let renewal = work.renewals().find(owner, id).await?;
        let subscription = work.subscriptions().find(owner, id).await?;
        let (Some(mut renewal), Some(mut subscription)) = (renewal, subscription) else {
            return Ok(());
        };
        let since = collection.failed_at.unwrap_or(now);
        self.move_subscription(work, &mut subscription, (Verb::FailPayment, since)).await?;
        renewal.follow(&subscription, self.settings.grace_days, now);
        work.renewals().save(&renewal).await
    }

    fn failure_told(
        &self,
        collection: &Collection,
        invoice: &Invoice,
        payment_id: Option<PaymentId>,
    ) -> Event {
        let reason = collection.failure.unwrap_or(ChargeFailure::Declined);
        let failed = What::PaymentFailed {
            invoice_id: invoice.id,
            subscription_id: collection.subscription_id,
            payment_id,
            amount: invoice.due(),
            reason,
            kind: reason.kind(),
            attempts: Some(collection.attempts.len()),
            next_try_at: collection.retry_at,
        };
        self.what(collection.organization_id, self.ports.clock.now(), failed)
    }
}

/// Whether it is tried again within the hours in which a trial may wait for that.
fn is_soon(collection: &Collection) -> bool {
    let since = collection.failed_at;
    let until = collection.retry_at;
    since.zip(until).is_some_and(|(since, until)| until - since < time::Duration::DAY)
}
