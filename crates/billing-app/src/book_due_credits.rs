//! Accounts on which nobody acts are woken when something is due.

use billing_domain::credits::CreditCommand;

use crate::{Billing, Error};

/// How many accounts are woken at once.
const BATCH: i64 = 100;

impl Billing {
    /// Books what is due on idle accounts. How many were woken.
    pub async fn book_due_credits(&self) -> Result<usize, Error> {
        let now = self.ports.clock.now();
        let due = self.ports.credits.due(now, BATCH).await?;
        for organization in &due {
            self.ports.credits.apply(*organization, CreditCommand::BookDue, now).await?;
        }
        Ok(due.len())
    }
}
