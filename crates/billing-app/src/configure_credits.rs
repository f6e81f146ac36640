//! What an organization's credits are decided by is changed.

use billing_domain::{
    credits::{CreditCommand, CreditOutcome, Settings, SettingsChange},
    id::OrganizationId,
};

use crate::{Billing, Error};

impl Billing {
    /// Changes the settings of an organization's credits: what the change does not name stays as it
    /// is at that moment, so that of two changes made at once both are true. Each is a row of its
    /// ledger. The settings from now on.
    pub async fn configure_credits(
        &self,
        organization: OrganizationId,
        change: SettingsChange,
    ) -> Result<Settings, Error> {
        let command = CreditCommand::Configure(change.validated()?);
        let outcome = self.ports.credits.apply(organization, command, self.ports.clock.now());
        let outcome = outcome.await?;
        let CreditOutcome::Configured(settings) = outcome else {
            return Err(anyhow::anyhow!("settings were changed, and {outcome:?} came of it").into());
        };
        Ok(settings)
    }
}
