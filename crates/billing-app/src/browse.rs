//! What operators look at.

use billing_domain::{
    id::{OrganizationId, WebhookId},
    organization::Organization,
};

use crate::{
    Billing, Error, Missing,
    ports::{InboxHealth, Page, WebhookRow, WebhookStatus},
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

    /// Webhooks, the newest first.
    pub async fn list_webhooks(
        &self,
        status: Option<WebhookStatus>,
        page: Page<WebhookId>,
    ) -> Result<Vec<WebhookRow>, Error> {
        self.ports.inbox.list(status, page.after, page.limit).await
    }

    /// Processes a webhook again, whatever became of it. Doing so twice has one effect.
    pub async fn retry_webhook(&self, id: WebhookId) -> Result<(), Error> {
        let found = self.ports.inbox.retry(id, self.ports.clock.wall()).await?;
        if found { Ok(()) } else { Err(Error::NotFound(Missing::Webhook)) }
    }

    /// Whether the database answers, and how many webhooks wait.
    pub async fn health(&self) -> Result<InboxHealth, Error> {
        self.ports.inbox.health().await
    }
}
