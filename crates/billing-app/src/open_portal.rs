//! A customer looks after payment methods and subscriptions on the gateway's own page.

use billing_domain::{gateway::Gateway, id::OrganizationId};

use crate::{
    Billing, Error, Missing, Refusal, open_checkout::gateway_failed, ports::Scope,
    return_urls::check_url,
};

impl Billing {
    /// Opens the gateway's page for an organization. The address works for a short time.
    pub async fn open_portal(
        &self,
        organization: OrganizationId,
        gateway: Option<Gateway>,
        return_url: &str,
    ) -> Result<String, Error> {
        check_url("return_url", return_url)?;
        let gateway = self.gateway(gateway)?;
        self.organization(organization).await?;
        let portal = gateway.portal().ok_or(Refusal::NotAtThisGateway {
            gateway: gateway.gateway().name(),
            what: "it has no page for customers",
        })?;
        let mut work = self.ports.store.begin(Scope::Organization(organization)).await?;
        let customer = work.organizations().customer(organization, gateway.gateway()).await?;
        drop(work);
        let customer = customer.ok_or(Error::NotFound(Missing::Customer))?;
        let opened = portal.open(&customer.reference.id, return_url).await;
        opened.map_err(|error| gateway_failed(gateway, error))
    }
}
