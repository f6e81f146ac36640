//! An organization becomes known to a gateway, once.

use billing_domain::{
    gateway::GatewayRef,
    id::OrganizationId,
    organization::{Country, Customer, Organization},
};

use crate::{
    Billing, Error, Missing,
    open_checkout::gateway_failed,
    ports::{NewCustomer, PaymentGateway, Scope},
};

impl Billing {
    /// The organization as the gateway knows it, made known there where it was not.
    pub(crate) async fn customer(
        &self,
        gateway: &dyn PaymentGateway,
        id: OrganizationId,
    ) -> Result<GatewayRef, Error> {
        let mut work = self.ports.store.begin(Scope::Organization(id)).await?;
        let known = work.organizations().customer(id, gateway.gateway()).await?;
        if let Some(customer) = known {
            return Ok(customer.reference);
        }
        let organization = work.organizations().find(id).await?;
        let organization = organization.ok_or(Error::NotFound(Missing::Organization))?;
        drop(work);

        let created = gateway.customers().create(&described(organization)).await;
        let reference = created.map_err(|error| gateway_failed(gateway, error))?;
        let created_at = self.ports.clock.now();
        let customer = Customer { organization_id: id, reference, created_at };
        let mut work = self.ports.store.begin(Scope::Organization(id)).await?;
        let linked = work.organizations().link_customer(&customer).await?;
        work.commit().await?;
        Ok(linked.reference)
    }
}

fn described(organization: Organization) -> NewCustomer {
    NewCustomer {
        organization_id: organization.id,
        name: organization.name,
        email: organization.billing_email,
        country: organization.country.as_ref().map(Country::code).map(str::to_owned),
    }
}
