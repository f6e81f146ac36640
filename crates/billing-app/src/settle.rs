//! The one state machine that makes our records agree with what a gateway says.
//!
//! It is given facts, not events: the same facts in any order and any number of times end in the
//! same records. Webhooks bring them, and so can anything else that asks the gateway.

use billing_domain::{
    catalogue::Catalogue,
    checkout::Purpose,
    credits::{CreditCommand, GrantKind, NewGrant, Source},
    event::{Event, What},
    gateway::GatewayRef,
    id::{ChangeId, CheckoutId, EventId, GrantId, OrganizationId, PaymentId, SubscriptionId},
    payment::Payment,
    subscription::{BilledBy, Observation, Status, Subscription},
};
use time::OffsetDateTime;

use crate::{
    Billing, Error,
    gateway_facts::GatewayFacts,
    ports::{SeenCheckout, SeenCheckoutStatus, SeenPayment, SeenSubscription, UnitOfWork},
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
    /// The group has another live subscription.
    #[error("the organization has another live subscription in the group `{0}`")]
    SecondSubscription(String),
    /// The store could not do it.
    #[error(transparent)]
    Store(#[from] Error),
}

impl Billing {
    /// Takes facts in, within a unit of work of the engine.
    pub(crate) async fn settle(
        &self,
        work: &mut dyn UnitOfWork,
        catalogue: &Catalogue,
        facts: &GatewayFacts,
    ) -> Result<(), Unsettled> {
        let organization = self.whose(work, facts).await?;
        let mut subscription_id = None;
        if let Some(seen) = &facts.subscription {
            let subscription = self
                .settle_subscription(work, catalogue, (organization, seen), facts.asked_at)
                .await?;
            self.grant_period(work, catalogue, &subscription, seen).await?;
            subscription_id = Some(subscription.id);
        }
        if let Some(seen) = &facts.checkout {
            self.settle_checkout(work, organization, seen).await?;
        }
        for seen in &facts.payments {
            self.settle_payment(work, organization, seen, subscription_id).await?;
        }
        Ok(())
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

    async fn settle_subscription(
        &self,
        work: &mut dyn UnitOfWork,
        catalogue: &Catalogue,
        (organization, seen): (OrganizationId, &SeenSubscription),
        asked_at: OffsetDateTime,
    ) -> Result<Subscription, Unsettled> {
        let now = self.ports.clock.now();
        let (observation, group) = observed(catalogue, seen, asked_at)?;
        let known = work.subscriptions().by_reference(&seen.reference).await?;
        let Some(mut subscription) = known else {
            let subscription = self.adopted(organization, group, seen, observation);
            if subscription.is_live()
                && let Some(other) =
                    work.subscriptions().live(organization, &subscription.product_group).await?
            {
                return Err(Unsettled::SecondSubscription(other.product_group));
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
            return Ok(subscription);
        };
        let before = subscription.clone();
        let change = subscription.observe(&observation, now);
        let told = change.as_ref().map(|_| self.told(&subscription, before.status, now));
        if subscription != before {
            // Also when nothing but the instant of the observation is new: older reports that
            // are still under way must not be believed later.
            let change = change.as_ref().map(|it| (ChangeId(self.ports.ids.next()), it));
            work.subscriptions().save(&subscription, change, told.as_slice()).await?;
        }
        Ok(subscription)
    }

    fn told(&self, now_is: &Subscription, before: Status, at: OffsetDateTime) -> Event {
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
            status: observation.status,
            period: observation.period,
            cancel_at_period_end: observation.cancel_at_period_end,
            billed_by: BilledBy::Gateway(seen.reference.clone()),
            created_at: seen.created_at,
            observed_at: observation.observed_at,
        }
    }

    /// Grants the credits of the running period, once it is paid or on trial.
    async fn grant_period(
        &self,
        work: &mut dyn UnitOfWork,
        catalogue: &Catalogue,
        subscription: &Subscription,
        seen: &SeenSubscription,
    ) -> Result<(), Unsettled> {
        let usable = matches!(subscription.status, Status::Active | Status::Trialing { .. });
        let paid = seen.latest_invoice.as_ref().is_some_and(|invoice| invoice.paid);
        let version = catalogue.version(subscription.plan_version_id);
        let monthly = version.map_or(0, |(_, version)| version.included_credits);
        if !usable || !paid || monthly == 0 {
            return Ok(());
        }
        let months = match subscription.status {
            Status::Trialing { .. } => 1,
            Status::Incomplete
            | Status::Active
            | Status::PastDue { .. }
            | Status::Paused { .. }
            | Status::Cancelled { .. }
            | Status::Expired { .. } => i64::from(subscription.interval.months()),
        };
        let start = subscription.period.start;
        let source = format!("{}:{}", subscription.id, start.unix_timestamp());
        let grant = NewGrant {
            id: GrantId(self.ports.ids.next()),
            kind: GrantKind::Subscription,
            amount: monthly.saturating_mul(months),
            starts_at: start,
            expires_at: Some(subscription.period.end),
            source: Source::new("period", source),
        };
        self.give(work, subscription.organization_id, grant).await
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

    async fn settle_payment(
        &self,
        work: &mut dyn UnitOfWork,
        organization: OrganizationId,
        seen: &SeenPayment,
        subscription_id: Option<SubscriptionId>,
    ) -> Result<(), Unsettled> {
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
        let (payment, news) = match work.payments().by_reference(&seen.reference).await? {
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
        match payment.checkout_id.filter(|_| payment.status.captured()) {
            Some(checkout) => self.grant_pack(work, organization, checkout).await,
            None => Ok(()),
        }
    }

    /// Grants the credits of a pack, once it is paid.
    async fn grant_pack(
        &self,
        work: &mut dyn UnitOfWork,
        organization: OrganizationId,
        id: CheckoutId,
    ) -> Result<(), Unsettled> {
        let Some(checkout) = work.checkouts().find(organization, id).await? else { return Ok(()) };
        let Purpose::Credits { credits, .. } = checkout.purpose else { return Ok(()) };
        let grant = NewGrant {
            id: GrantId(self.ports.ids.next()),
            kind: GrantKind::Purchased,
            amount: credits,
            starts_at: self.ports.clock.now(),
            expires_at: None,
            source: Source::new("checkout", id.to_string()),
        };
        self.give(work, organization, grant).await
    }

    async fn give(
        &self,
        work: &mut dyn UnitOfWork,
        organization: OrganizationId,
        grant: NewGrant,
    ) -> Result<(), Unsettled> {
        let command = CreditCommand::Grant(grant);
        work.credits().apply(organization, &command, self.ports.clock.now()).await?;
        Ok(())
    }

    fn what(&self, organization_id: OrganizationId, at: OffsetDateTime, what: What) -> Event {
        Event { id: EventId(self.ports.ids.next()), organization_id, at, what }
    }
}

/// What a gateway says of a subscription, in our words, with the product group of the plan.
fn observed(
    catalogue: &Catalogue,
    seen: &SeenSubscription,
    asked_at: OffsetDateTime,
) -> Result<(Observation, String), Unsettled> {
    let pushed = catalogue.plans.iter().find_map(|plan| {
        plan.versions.iter().find_map(|version| {
            let is_it = |id: &String| *id == seen.price.gateway_price;
            let price =
                version.prices.iter().find(|it| it.stripe_price.as_ref().is_some_and(is_it))?;
            Some((plan, version, price))
        })
    });
    let (plan, version, price) = pushed
        .or_else(|| catalogue.price(seen.price.price_id?))
        .ok_or_else(|| Unsettled::UnknownPrice(seen.price.gateway_price.clone()))?;
    let observation = Observation {
        plan_version_id: version.id,
        price_id: price.id,
        interval: price.interval,
        status: seen.status,
        period: seen.period,
        cancel_at_period_end: seen.cancel_at_period_end,
        observed_at: asked_at,
    };
    Ok((observation, plan.product_group.clone()))
}
