//! Subscriptions that were paid for where one is enough are ended, and their payments given back.
//!
//! The record says what is to be done before the gateway hears of it. Stopped between any two
//! steps, the next round goes on with the record that it finds.

use billing_domain::{
    event::What,
    gateway::GatewayRef,
    id::{ChangeId, OrganizationId},
    money::Money,
    payment::PaymentStatus,
    subscription::{Duplicate, When},
};

use crate::{
    Billing, Error, Refusal,
    change_subscription::later,
    gateway_facts::GatewayFacts,
    open_checkout::gateway_failed,
    ports::{Cancellation, GatewaySubscriptions, NewRefund, PaymentGateway, Scope, SeenPayment},
};

/// How many are looked at in one round.
const BATCH: i64 = 20;

impl Billing {
    /// Ends duplicates and gives back what was paid for them. How many are settled now. One that
    /// cannot go on is logged, and does not hold up the others.
    pub async fn clear_duplicates(&self) -> Result<usize, Error> {
        let now = self.ports.clock.now();
        let mut settled = 0;
        for (organization, reference) in self.ports.subscriptions.duplicates_due(now, BATCH).await?
        {
            match self.clear(organization, &reference).await {
                Ok(true) => settled += 1,
                Ok(false) => {}
                Err(error) => {
                    let error = error.in_full();
                    tracing::warn!(%organization, %reference, error, "a duplicate is not settled");
                }
            }
        }
        Ok(settled)
    }

    async fn clear(
        &self,
        organization: OrganizationId,
        reference: &GatewayRef,
    ) -> Result<bool, Error> {
        let Some(duplicate) = self.claim_duplicate(organization, reference).await? else {
            return Ok(false);
        };
        let gateway = self.gateway(Some(reference.gateway))?;
        let subscriptions = subscriptions(gateway)?;
        let change_id = ChangeId(duplicate.refund_id.0);
        let end = Cancellation { change_id, when: When::Now };
        let ended = subscriptions.cancel(&reference.id, &end).await;
        ended.map_err(|error| gateway_failed(gateway, error))?;
        let seen = subscriptions.find(&reference.id).await;
        let seen = seen.map_err(|error| gateway_failed(gateway, error))?;
        let paid = seen.and_then(|it| it.latest_invoice).and_then(|it| it.payment);
        match paid {
            None => self.settled(duplicate, None).await,
            Some(paid) if paid.status.captured() => {
                let (duplicate, paid) = self.give_back(gateway, duplicate, paid).await?;
                self.settled(duplicate, Some(paid)).await
            }
            Some(paid) if paid.status == PaymentStatus::Failed => {
                self.settled(duplicate, Some(paid)).await
            }
            // Under way: it is looked at again.
            Some(_) => Ok(false),
        }
    }

    /// Takes one to look after, so that nobody else does meanwhile.
    async fn claim_duplicate(
        &self,
        organization: OrganizationId,
        reference: &GatewayRef,
    ) -> Result<Option<Duplicate>, Error> {
        let now = self.ports.clock.now();
        let mut work = self.ports.store.begin(Scope::Organization(organization)).await?;
        let found = work.duplicates().find(organization, reference).await?;
        let Some(mut duplicate) = found.filter(|it| !it.settled && it.look_at <= now) else {
            return Ok(None);
        };
        duplicate.look_at = later(duplicate.created_at, now);
        work.duplicates().save(&duplicate, &[]).await?;
        work.commit().await?;
        Ok(Some(duplicate))
    }

    /// Gives all of a payment back, and says how it stands then.
    async fn give_back(
        &self,
        gateway: &dyn PaymentGateway,
        mut duplicate: Duplicate,
        paid: SeenPayment,
    ) -> Result<(Duplicate, SeenPayment), Error> {
        let left = paid.amount.minus(paid.refunded)?;
        if duplicate.refund.is_none() {
            duplicate.refund = Some((paid.reference.clone(), left));
            let scope = Scope::Organization(duplicate.organization_id);
            let mut work = self.ports.store.begin(scope).await?;
            work.duplicates().save(&duplicate, &[]).await?;
            work.commit().await?;
        }
        let Some((payment, amount)) = duplicate.refund.clone().filter(|_| !left.is_zero()) else {
            return Ok((duplicate, paid));
        };
        let what = "give money back";
        let refused = Refusal::NotAtThisGateway { gateway: gateway.gateway().name(), what };
        let refunds = gateway.refunds().ok_or(refused)?;
        let refund =
            NewRefund { refund_id: duplicate.refund_id, payment: payment.id.clone(), amount };
        let done = refunds.refund(&refund).await;
        done.map_err(|error| gateway_failed(gateway, error))?;
        let seen = gateway.payments().find(&payment.id).await;
        let seen = seen.map_err(|error| gateway_failed(gateway, error))?;
        Ok((duplicate, seen.unwrap_or(paid)))
    }

    /// Records that nothing is left to do, together with the payment as it stands.
    async fn settled(
        &self,
        mut duplicate: Duplicate,
        paid: Option<SeenPayment>,
    ) -> Result<bool, Error> {
        let organization = duplicate.organization_id;
        let refunded = duplicate.refund.as_ref().map(|(_, amount)| *amount);
        let refunded = refunded.filter(|amount: &Money| !amount.is_zero());
        let asked_at = self.ports.clock.wall();
        let catalogue = self.catalogue().await?;
        let mut work = self.ports.store.begin(Scope::Engine).await?;
        if let Some(paid) = paid {
            let facts = GatewayFacts::of_payment(paid, asked_at);
            self.settle(&mut *work, &catalogue, &facts).await?;
        }
        duplicate.settled = true;
        let what = What::DuplicateCancelled {
            gateway_subscription_id: duplicate.reference.id.clone(),
            refunded,
        };
        let told = self.what(organization, self.ports.clock.now(), what);
        work.duplicates().save(&duplicate, &[told]).await?;
        work.commit().await?;
        self.organization_changed(organization);
        Ok(true)
    }
}

/// The role of a gateway that bills subscriptions.
pub(crate) fn subscriptions(
    gateway: &dyn PaymentGateway,
) -> Result<&dyn GatewaySubscriptions, Error> {
    let what = "bill subscriptions";
    let refused = Refusal::NotAtThisGateway { gateway: gateway.gateway().name(), what };
    Ok(gateway.subscriptions().ok_or(refused)?)
}
