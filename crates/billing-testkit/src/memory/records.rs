//! Organizations and checkouts, inside a unit of work.

use async_trait::async_trait;
use billing_app::{
    Error, Refusal,
    ports::{Checkouts, Organizations},
};
use billing_domain::{
    checkout::{Checkout, CheckoutStatus},
    event::Event,
    gateway::{Gateway, GatewayRef},
    id::{CheckoutId, OrganizationId},
    organization::{Customer, Organization},
};
use time::OffsetDateTime;

use super::{
    accounts::{CreditBook, UsageBook},
    unit::Unit,
};

#[async_trait]
impl Organizations for Unit {
    async fn find(&mut self, id: OrganizationId) -> Result<Option<Organization>, Error> {
        self.shared.reachable()?;
        let found = self.world.organizations.get(&id).filter(|found| self.sees(found.id));
        Ok(found.cloned())
    }

    async fn look(&mut self, id: OrganizationId) -> Result<Option<Organization>, Error> {
        Organizations::find(self, id).await
    }

    async fn insert(&mut self, organization: &Organization, events: &[Event]) -> Result<(), Error> {
        self.shared.reachable()?;
        let id = organization.id;
        if !self.sees(id) {
            return Err(anyhow::anyhow!("{id} is not in {:?}", self.scope).into());
        }
        if self.world.organizations.contains_key(&id) {
            return Err(Error::Conflict("the organization"));
        }
        if let Some(external) = &organization.external_id {
            let mut all = self.world.organizations.values();
            if all.any(|other| other.external_id.as_ref() == Some(external)) {
                return Err(Refusal::ExternalIdTaken(external.clone()).into());
            }
        }
        self.world.organizations.insert(id, organization.clone());
        self.world.credits.insert(id, CreditBook::new(id));
        self.world.usage.insert(id, UsageBook::new(id));
        self.world.events.extend_from_slice(events);
        Ok(())
    }

    async fn describe(
        &mut self,
        organization: &Organization,
        events: &[Event],
    ) -> Result<(), Error> {
        self.may_write(organization.id)?;
        if let Some(known) = self.world.organizations.get_mut(&organization.id) {
            known.name.clone_from(&organization.name);
            known.billing_email.clone_from(&organization.billing_email);
        }
        self.world.events.extend_from_slice(events);
        Ok(())
    }

    async fn customer(
        &mut self,
        id: OrganizationId,
        gateway: Gateway,
    ) -> Result<Option<Customer>, Error> {
        self.shared.reachable()?;
        let mut customers =
            self.world.customers.iter().filter(|one| self.sees(one.organization_id));
        Ok(customers.find(|one| is_at(one, id, gateway)).cloned())
    }

    async fn link_customer(&mut self, customer: &Customer) -> Result<Customer, Error> {
        self.may_write(customer.organization_id)?;
        let (id, gateway) = (customer.organization_id, customer.reference.gateway);
        let customers = &mut self.world.customers;
        if let Some(first) = customers.iter().find(|one| is_at(one, id, gateway)) {
            return Ok(first.clone());
        }
        if customers.iter().any(|other| other.reference == customer.reference) {
            return Err(Error::Conflict("the customer"));
        }
        customers.push(customer.clone());
        Ok(customer.clone())
    }

    async fn by_customer(
        &mut self,
        reference: &GatewayRef,
    ) -> Result<Option<OrganizationId>, Error> {
        self.shared.reachable()?;
        let found = self.world.customers.iter().find(|one| one.reference == *reference);
        Ok(found.map(|one| one.organization_id).filter(|owner| self.sees(*owner)))
    }
}

fn is_at(customer: &Customer, id: OrganizationId, gateway: Gateway) -> bool {
    customer.organization_id == id && customer.reference.gateway == gateway
}

#[async_trait]
impl Checkouts for Unit {
    async fn find(
        &mut self,
        organization: OrganizationId,
        id: CheckoutId,
    ) -> Result<Option<Checkout>, Error> {
        self.shared.reachable()?;
        let found = self.world.checkouts.get(&id);
        let own =
            found.filter(|one| one.organization_id == organization && self.sees(organization));
        Ok(own.cloned())
    }

    async fn unfinished(&mut self, organization: OrganizationId) -> Result<Vec<Checkout>, Error> {
        self.shared.reachable()?;
        let all = self.world.checkouts.values();
        let own = all.filter(|one| one.organization_id == organization && self.sees(organization));
        let mut unfinished: Vec<_> = own.filter(|one| is_unfinished(one)).cloned().collect();
        unfinished.sort_by_key(|one| core::cmp::Reverse((one.created_at, one.id)));
        Ok(unfinished)
    }

    async fn charged_since(
        &mut self,
        organization: OrganizationId,
        since: OffsetDateTime,
    ) -> Result<Vec<Checkout>, Error> {
        self.shared.reachable()?;
        let all = self.world.checkouts.values();
        let own = all.filter(|one| one.organization_id == organization && self.sees(organization));
        let charged = own.filter(|one| one.paid_by.is_saved_method() && one.created_at >= since);
        Ok(charged.cloned().collect())
    }

    async fn owner(&mut self, id: CheckoutId) -> Result<Option<OrganizationId>, Error> {
        self.shared.reachable()?;
        let owner = self.world.checkouts.get(&id).map(|found| found.organization_id);
        Ok(owner.filter(|owner| self.sees(*owner)))
    }

    async fn save(&mut self, checkout: &Checkout, events: &[Event]) -> Result<(), Error> {
        let before = self.world.checkouts.get(&checkout.id).map(|one| one.organization_id);
        self.may_replace(checkout.organization_id, before)?;
        self.world.checkouts.insert(checkout.id, checkout.clone());
        self.world.events.extend_from_slice(events);
        Ok(())
    }
}

const fn is_unfinished(checkout: &Checkout) -> bool {
    match checkout.status {
        CheckoutStatus::Pending | CheckoutStatus::Open(_) => true,
        CheckoutStatus::Completed(_) | CheckoutStatus::Expired => false,
    }
}
