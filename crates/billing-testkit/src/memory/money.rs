//! Subscriptions, payments and credits, inside a unit of work.

use async_trait::async_trait;
use billing_app::{
    Error,
    ports::{Credits, Payments, Subscriptions, Usage},
};
use billing_domain::{
    credits::{CreditCommand, CreditOutcome},
    event::Event,
    gateway::GatewayRef,
    id::{ChangeId, OrganizationId},
    payment::Payment,
    subscription::{Change, Subscription},
    usage::Bonus,
};
use time::OffsetDateTime;

use super::{unit::Unit, world::unknown_organization};

#[async_trait]
impl Subscriptions for Unit {
    async fn by_reference(
        &mut self,
        reference: &GatewayRef,
    ) -> Result<Option<Subscription>, Error> {
        self.shared.reachable()?;
        let mut all = self.world.subscriptions.values();
        let found = all.find(|one| one.billed_by.reference() == reference);
        Ok(found.filter(|one| self.sees(one.organization_id)).cloned())
    }

    async fn live(
        &mut self,
        organization: OrganizationId,
        product_group: &str,
    ) -> Result<Option<Subscription>, Error> {
        self.shared.reachable()?;
        let mut all = self.world.subscriptions.values();
        let found = all.find(|one| {
            one.is_live()
                && one.organization_id == organization
                && one.product_group == product_group
        });
        Ok(found.filter(|_| self.sees(organization)).cloned())
    }

    async fn save(
        &mut self,
        subscription: &Subscription,
        change: Option<(ChangeId, &Change)>,
        events: &[Event],
    ) -> Result<(), Error> {
        let id = subscription.id;
        let before = self.world.subscriptions.get(&id).map(|one| one.organization_id);
        self.may_replace(subscription.organization_id, before)?;
        if self.world.subscriptions.values().any(|other| excludes(other, subscription)) {
            return Err(Error::Conflict("the subscription"));
        }
        self.world.subscriptions.insert(id, subscription.clone());
        self.world.changes.extend(change.map(|(_, change)| (id, change.clone())));
        self.world.events.extend_from_slice(events);
        Ok(())
    }
}

/// Whether two subscriptions cannot both be there.
fn excludes(one: &Subscription, other: &Subscription) -> bool {
    let same_reference = one.billed_by.reference() == other.billed_by.reference();
    let same_group = one.organization_id == other.organization_id
        && one.product_group == other.product_group
        && one.is_live()
        && other.is_live();
    one.id != other.id && (same_reference || same_group)
}

#[async_trait]
impl Payments for Unit {
    async fn by_reference(&mut self, reference: &GatewayRef) -> Result<Option<Payment>, Error> {
        self.shared.reachable()?;
        let found = self.world.payments.values().find(|one| one.reference == *reference);
        Ok(found.filter(|one| self.sees(one.organization_id)).cloned())
    }

    async fn save(&mut self, payment: &Payment, events: &[Event]) -> Result<(), Error> {
        let before = self.world.payments.get(&payment.id).map(|one| one.organization_id);
        self.may_replace(payment.organization_id, before)?;
        let mut all = self.world.payments.values();
        if all.any(|other| other.id != payment.id && other.reference == payment.reference) {
            return Err(Error::Conflict("the payment"));
        }
        self.world.payments.insert(payment.id, payment.clone());
        self.world.events.extend_from_slice(events);
        Ok(())
    }
}

#[async_trait]
impl Credits for Unit {
    async fn apply(
        &mut self,
        organization: OrganizationId,
        command: &CreditCommand,
        now: OffsetDateTime,
    ) -> Result<CreditOutcome, Error> {
        self.shared.reachable()?;
        if !self.sees(organization) {
            return Err(unknown_organization());
        }
        self.world.apply_credits(organization, command, now)
    }
}

#[async_trait]
impl Usage for Unit {
    async fn give_bonus(
        &mut self,
        organization: OrganizationId,
        bonus: &Bonus,
    ) -> Result<(), Error> {
        self.may_write(organization)?;
        let book = self.world.usage.get_mut(&organization).ok_or_else(unknown_organization)?;
        book.give(bonus);
        Ok(())
    }
}
