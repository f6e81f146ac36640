//! What an organization's credits are decided by is changed.

use billing_domain::{
    credits::{CreditCommand, Settings},
    id::OrganizationId,
};

use crate::{Billing, Error, Missing};

impl Billing {
    /// Changes the settings of an organization's credits. Each change is a row of its ledger.
    pub async fn configure_credits(
        &self,
        organization: OrganizationId,
        change: impl FnOnce(Settings) -> Settings,
    ) -> Result<Settings, Error> {
        let known = self.ports.ledgers.credits(organization).await?;
        let known = known.ok_or(Error::NotFound(Missing::Organization))?.settings;
        let settings = change(known).validated()?;
        let command = CreditCommand::Configure(settings);
        self.ports.credits.apply(organization, command, self.ports.clock.now()).await?;
        Ok(settings)
    }
}
