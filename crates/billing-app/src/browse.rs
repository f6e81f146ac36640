//! What operators look at.

use billing_domain::{id::OrganizationId, identity::Member, organization::Organization};

use crate::{
    Billing, Error, Missing,
    ports::{InboxHealth, Page},
};

impl Billing {
    /// One organization.
    pub async fn organization(&self, id: OrganizationId) -> Result<Organization, Error> {
        let found = self.ports.organizations.organization(id).await?;
        found.ok_or(Error::NotFound(Missing::Organization))
    }

    /// The organization with this external id of the product.
    pub async fn organization_of(&self, external_id: &str) -> Result<Organization, Error> {
        let found = self.ports.organizations.by_external_id(external_id).await?;
        found.ok_or(Error::NotFound(Missing::Organization))
    }

    /// All organizations, the newest first.
    pub async fn list_organizations(
        &self,
        page: Page<OrganizationId>,
    ) -> Result<Vec<Organization>, Error> {
        self.ports.organizations.organizations(page).await
    }

    /// The members of an organization, as an identity provider knows them.
    pub async fn members(&self, id: OrganizationId) -> Result<Vec<Member>, Error> {
        self.ports.members.members(id).await
    }

    /// Whether the database answers, and how many webhooks wait.
    pub async fn health(&self) -> Result<InboxHealth, Error> {
        self.ports.inbox.health().await
    }
}
