//! Subscriptions, payments and credits, inside a unit of work.

use async_trait::async_trait;
use billing_app::{
    Error,
    ports::{AutoTopUps, Correction, Credits, Payments, Subscriptions, Usage},
};
use billing_domain::{
    auto_top_up::AutoTopUp,
    catalogue::Meter,
    credits::{self, CreditCommand, CreditOutcome},
    event::Event,
    gateway::GatewayRef,
    id::{ChangeId, GrantId, OrganizationId, SubscriptionId},
    payment::Payment,
    subscription::{Change, Subscription},
    usage::{Counter, RawUse, Recount, Tallies, UsageCommand, UsageOutcome},
};
use time::OffsetDateTime;

use super::{accounts::UsageBook, unit::Unit, world::unknown_organization};

#[async_trait]
impl Subscriptions for Unit {
    async fn by_reference(
        &mut self,
        reference: &GatewayRef,
    ) -> Result<Option<Subscription>, Error> {
        self.shared.reachable()?;
        let mut all = self.world.subscriptions.values();
        let found = all.find(|one| one.billed_by.reference() == Some(reference));
        Ok(found.filter(|one| self.sees(one.organization_id)).cloned())
    }

    async fn find(
        &mut self,
        organization: OrganizationId,
        id: SubscriptionId,
    ) -> Result<Option<Subscription>, Error> {
        self.shared.reachable()?;
        let found = self.world.subscriptions.get(&id);
        let found = found.filter(|one| one.organization_id == organization);
        Ok(found.filter(|_| self.sees(organization)).cloned())
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
    let reference = one.billed_by.reference();
    let same_reference = reference.is_some() && reference == other.billed_by.reference();
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
impl AutoTopUps for Unit {
    async fn find(&mut self, organization: OrganizationId) -> Result<Option<AutoTopUp>, Error> {
        self.shared.reachable()?;
        let found = self.world.top_ups.get(&organization);
        Ok(found.filter(|_| self.sees(organization)).cloned())
    }

    async fn balance(&mut self, organization: OrganizationId) -> Result<i64, Error> {
        self.shared.reachable()?;
        let book = self.world.credits.get(&organization).filter(|_| self.sees(organization));
        Ok(book.ok_or_else(unknown_organization)?.summary().balance)
    }

    async fn save(&mut self, top_up: &AutoTopUp, events: &[Event]) -> Result<(), Error> {
        self.may_write(top_up.organization_id)?;
        self.world.top_ups.insert(top_up.organization_id, top_up.clone());
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

    async fn transfer(
        &mut self,
        from: OrganizationId,
        send: &credits::Send,
        new_grant: &(dyn Fn() -> GrantId + Sync),
        now: OffsetDateTime,
    ) -> Result<CreditOutcome, Error> {
        self.shared.reachable()?;
        if ![from, send.to].iter().all(|one| self.sees(*one)) {
            return Err(unknown_organization());
        }
        self.world.transfer_credits(from, send, new_grant, now)
    }
}

#[async_trait]
impl Usage for Unit {
    async fn apply(
        &mut self,
        organization: OrganizationId,
        command: &UsageCommand,
        now: OffsetDateTime,
    ) -> Result<UsageOutcome, Error> {
        self.book(organization)?;
        self.world.apply_usage(organization, command, now)
    }

    async fn counts(&mut self, organization: OrganizationId) -> Result<Recount, Error> {
        let book = self.book(organization)?;
        Ok(Recount { counters: book.counters.clone(), values: book.values.clone() })
    }

    async fn counted(
        &mut self,
        organization: OrganizationId,
        meter: &Meter,
        starts: &[OffsetDateTime],
    ) -> Result<Counter, Error> {
        Ok(self.book(organization)?.counted_in(meter, starts))
    }

    async fn checkpoints(&mut self, organization: OrganizationId) -> Result<Tallies, Error> {
        Ok(self.book(organization)?.archived())
    }

    async fn raw_uses(
        &mut self,
        organization: OrganizationId,
        after: i64,
    ) -> Result<Vec<RawUse>, Error> {
        Ok(self.book(organization)?.raw_uses(after))
    }

    async fn correct(
        &mut self,
        organization: OrganizationId,
        correction: &Correction,
    ) -> Result<(), Error> {
        self.book(organization)?.correct(correction);
        Ok(())
    }
}

impl Unit {
    fn book(&mut self, organization: OrganizationId) -> Result<&mut UsageBook, Error> {
        self.shared.reachable()?;
        if !self.sees(organization) {
            return Err(unknown_organization());
        }
        self.world.usage.get_mut(&organization).ok_or_else(unknown_organization)
    }
}
