//! The one state machine that makes our records agree with what a gateway says.
//!
//! It is given facts, not events: the same facts in any order and any number of times end in the
//! same records. Webhooks bring them, and so can anything else that asks the gateway.

mod change_requests;
mod collections;
mod discounts;
mod duplicates;
mod grace;
mod grants;
mod invoices;
mod mirror;
mod observed;
mod periods;
mod top_ups;

use billing_domain::{
    catalogue::Catalogue,
    event::{Event, What},
    gateway::GatewayRef,
    id::{ChangeId, EventId, OrganizationId, PaymentId, SubscriptionId},
    payment::{Payment, PaymentStatus},
    subscription::{BilledBy, Observation, Status, Subscription},
};
use time::OffsetDateTime;

pub(crate) use self::grants::whole;
pub(crate) use self::observed::observed;
use self::{change_requests::until_when, collections::InvoiceCharge};
use crate::{
    Billing, Error,
    gateway_facts::GatewayFacts,
    ports::{Scope, SeenCheckout, SeenCheckoutStatus, SeenPayment, SeenSubscription, UnitOfWork},
};

/// Why facts could not be taken in. They may be taken in later, when we know more.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unsettled {
    /// Nobody here is known to the gateway by this name.
    #[error("no organization is known for {0}")]
    UnknownCustomer(String),
    /// The subscription is to something that is not in the catalogue.
    #[error("the price {0} is not in the catalogue")]
    UnknownPrice(String),
    /// The store could not do it.
    #[error(transparent)]
    Store(#[from] Error),
}

/// Where we asked for the facts ourselves, it is a fault of ours that they cannot be taken in.
impl From<Unsettled> for Error {
    fn from(unsettled: Unsettled) -> Self {
        match unsettled {
            Unsettled::Store(error) => error,
            Unsettled::UnknownCustomer(_) | Unsettled::UnknownPrice(_) => {
                Self::Internal(unsettled.into())
            }
        }
    }
}

impl Billing {
    /// Takes in facts that we asked for, in a unit of work of their own.
    pub(crate) async fn adopt(&self, facts: &GatewayFacts) -> Result<(), Error> {
        Ok(self.try_adopt(facts).await?)
    }

    /// The same, where it may be that they cannot be taken in.
    pub(crate) async fn try_adopt(&self, facts: &GatewayFacts) -> Result<(), Unsettled> {
        let catalogue = self.catalogue().await?;
        let mut work = self.ports.store.begin(Scope::Engine).await?;
        let organization = self.settle(&mut *work, &catalogue, facts).await?;
        let committed = work.commit().await;
        // Also where the outcome is unknown.
        self.organization_changed(organization);
        Ok(committed?)
    }

    /// Takes facts in, within a unit of work of the engine. Whose they are.
    pub(crate) async fn settle(
        &self,
        work: &mut dyn UnitOfWork,
        catalogue: &Catalogue,
        facts: &GatewayFacts,
    ) -> Result<OrganizationId, Unsettled> {
        let organization = self.whose(work, facts).await?;
        let mut subscription_id = None;
        if let Some(seen) = &facts.subscription {
            let settled = self
                .settle_subscription(work, catalogue, (organization, seen), facts.asked_at)
                .await?;
            // An older report tells of an invoice of then, not of the period that runs now.
            if let Some(subscription) = &settled
                && facts.asked_at >= subscription.observed_at
            {
                let paid = seen.latest_invoice.as_ref().is_some_and(|invoice| invoice.paid);
                self.grant_period(work, catalogue, (subscription, paid)).await?;
                self.end_period(work, subscription).await?;
            }
            subscription_id = settled.map(|subscription| subscription.id);
        }
        if let Some(seen) = &facts.checkout {
            self.settle_checkout(work, organization, seen).await?;
            self.settle_discount(work, organization, seen).await?;
            // Also where nothing was to be paid, and so there is no payment.
            if let Some(id) = seen.checkout_id.filter(|_| seen.paid) {
                self.grant_pack(work, organization, id).await?;
            }
        }
        let mut settled = Vec::new();
        for seen in &facts.payments {
            let whose = (organization, subscription_id);
            let (payment, before) = self.settle_payment(work, catalogue, whose, seen).await?;
            settled.push((payment, seen, before));
        }
        for seen in &facts.invoices {
            self.settle_invoice(work, catalogue, (organization, seen), facts).await?;
        }
        for (payment, seen, before) in &settled {
            self.follow_gateway(work, facts, (payment, seen, *before)).await?;
        }
        // Last, for whoever takes a number holds up all others who want one.
        for (payment, seen, _) in &settled {
            self.invoice_payment(work, catalogue, payment, seen).await?;
        }
        Ok(organization)
    }

    async fn whose(
        &self,
        work: &mut dyn UnitOfWork,
        facts: &GatewayFacts,
    ) -> Result<OrganizationId, Unsettled> {
        let of_payment = || facts.payments.iter().find_map(|payment| payment.checkout_id);
        let checkout =
            facts.checkout.as_ref().and_then(|seen| seen.checkout_id).or_else(of_payment);
        if let Some(id) = checkout
            && let Some(owner) = work.checkouts().owner(id).await?
        {
            return Ok(owner);
        }
        let named = facts.customer();
        if let Some(customer) = named
            && let Some(owner) = work.organizations().by_customer(customer).await?
        {
            return Ok(owner);
        }
        let name =
            named.map_or_else(|| "a payment without a customer".to_owned(), GatewayRef::to_string);
        Err(Unsettled::UnknownCustomer(name))
    }

    /// The subscription as it stands after the report; nothing for one that is a duplicate.
    async fn settle_subscription(
        &self,
        work: &mut dyn UnitOfWork,
        catalogue: &Catalogue,
        (organization, seen): (OrganizationId, &SeenSubscription),
        asked_at: OffsetDateTime,
    ) -> Result<Option<Subscription>, Unsettled> {
        let now = self.ports.clock.now();
        let (mut observation, group) = observed(catalogue, seen, asked_at)?;
        let known = work.subscriptions().by_reference(&seen.reference).await?;
        let Some(mut subscription) = known else {
            let subscription = self.adopted(organization, group, seen, observation);
            if self.is_duplicate(work, &subscription).await? {
                return Ok(None);
            }
            let created = self.what(
                organization,
                now,
                What::SubscriptionCreated {
                    subscription_id: subscription.id,
                    status: subscription.status.name(),
                },
            );
            work.subscriptions().save(&subscription, None, &[created]).await?;
            return Ok(Some(subscription));
        };
        let before = subscription.clone();
        let open = work.change_requests().open(organization, subscription.id).await?;
        until_when(&mut observation, &open);
        let mut change = subscription.observe(&observation, now);
        if asked_at >= subscription.observed_at {
            let planned = seen.planned_change;
            let done =
                self.settle_requests(work, catalogue, (&subscription, planned), open).await?;
            if let (Some(change), Some(done)) = (&mut change, done) {
                (change.actor, change.reason) = (done.actor, done.reason);
            }
        }
        let told =
            change.as_ref().map(|it| self.told(&subscription, before.status, (&it.what, now)));
        if subscription != before {
            // Also when nothing but the instant of the observation is new: older reports that
            // are still under way must not be believed later.
            let change = change.as_ref().map(|it| (ChangeId(self.ports.ids.next()), it));
            work.subscriptions().save(&subscription, change, told.as_slice()).await?;
            if change.is_some() {
                self.give_graces(work, catalogue, (&before, &subscription)).await?;
            }
        }
        Ok(Some(subscription))
    }

    /// What others are told of a subscription of which something changed.
    pub(crate) fn told(
        &self,
        now_is: &Subscription,
        before: Status,
        (what, at): (&str, OffsetDateTime),
    ) -> Event {
        let subscription_id = now_is.id;
        let what = match now_is.status {
            Status::Cancelled { .. } => What::SubscriptionCancelled { subscription_id },
            Status::Incomplete
            | Status::Trialing { .. }
            | Status::Active
            | Status::PastDue { .. }
            | Status::Paused { .. }
            | Status::Expired { .. } => What::SubscriptionUpdated {
                subscription_id,
                from: before.name(),
                status: now_is.status.name(),
                changed: what.to_owned(),
            },
        };
        self.what(now_is.organization_id, at, what)
    }

    fn adopted(
        &self,
        organization: OrganizationId,
        product_group: String,
        seen: &SeenSubscription,
        observation: Observation,
    ) -> Subscription {
        Subscription {
            id: SubscriptionId(self.ports.ids.next()),
            organization_id: organization,
            product_group,
            plan_version_id: observation.plan_version_id,
            price_id: observation.price_id,
            interval: observation.interval,
            quantity: observation.quantity,
            status: observation.status,
            period: observation.period,
            cancel_at_period_end: observation.cancel_at_period_end,
            billed_by: BilledBy::Gateway(seen.reference.clone()),
            created_at: seen.created_at,
            observed_at: observation.observed_at,
        }
    }

    async fn settle_checkout(
        &self,
        work: &mut dyn UnitOfWork,
        organization: OrganizationId,
        seen: &SeenCheckout,
    ) -> Result<(), Unsettled> {
        let Some(id) = seen.checkout_id else { return Ok(()) };
        let Some(mut checkout) = work.checkouts().find(organization, id).await? else {
            return Ok(());
        };
        let news = match seen.status {
            SeenCheckoutStatus::Open => None,
            SeenCheckoutStatus::Complete => checkout
                .complete(seen.session.clone())
                .then_some(What::CheckoutCompleted { checkout_id: id }),
            SeenCheckoutStatus::Expired => {
                checkout.expire().then_some(What::CheckoutExpired { checkout_id: id })
            }
        };
        if let Some(what) = news {
            let event = self.what(organization, self.ports.clock.now(), what);
            work.checkouts().save(&checkout, &[event]).await?;
        }
        Ok(())
    }

    /// The payment as it stands, and how it stood before if it was known.
    async fn settle_payment(
        &self,
        work: &mut dyn UnitOfWork,
        catalogue: &Catalogue,
        (organization, subscription_id): (OrganizationId, Option<SubscriptionId>),
        seen: &SeenPayment,
    ) -> Result<(Payment, Option<PaymentStatus>), Unsettled> {
        let charge = self.charged_invoice(work, organization, seen.checkout_id).await?;
        let of_invoice = charge.as_ref().and_then(InvoiceCharge::subscription_id);
        let subscription_id = subscription_id.or(of_invoice);
        let reported = Payment {
            id: PaymentId(self.ports.ids.next()),
            organization_id: organization,
            reference: seen.reference.clone(),
            status: seen.status,
            amount: seen.amount,
            tax: seen.tax,
            refunded: seen.refunded,
            description: seen.description.clone(),
            checkout_id: seen.checkout_id,
            subscription_id,
            document_url: seen.document_url.clone(),
            failure: seen.failure.clone(),
            created_at: seen.created_at,
        };
        let known = work.payments().by_reference(&seen.reference).await?;
        let before = known.as_ref().map(|known| known.status);
        let (payment, news) = match known {
            Some(mut known) => {
                let news = known.observe(&reported);
                (known, news)
            }
            None => (reported, true),
        };
        if news {
            let event = self.what(
                organization,
                self.ports.clock.now(),
                What::PaymentUpdated {
                    payment_id: payment.id,
                    status: payment.status,
                    amount: payment.amount,
                },
            );
            work.payments().save(&payment, &[event]).await?;
        }
        if let Some(charge) = charge {
            self.settle_charge(work, catalogue, charge, (&payment, seen.failed_as)).await?;
            return Ok((payment, before));
        }
        self.settle_top_up(work, &payment, seen.failed_as).await?;
        if let Some(checkout) = payment.checkout_id.filter(|_| payment.status.captured()) {
            self.grant_pack(work, organization, checkout).await?;
            self.revoke_pack(work, &payment, checkout).await?;
        }
        Ok((payment, before))
    }

    pub(crate) fn what(
        &self,
        organization_id: OrganizationId,
        at: OffsetDateTime,
        what: What,
    ) -> Event {
        Event { id: EventId(self.ports.ids.next()), organization_id, at, what }
    }
}
