//! Accounts on which nobody acts are woken when something is due.

use billing_domain::credits::CreditCommand;

use crate::{Billing, Error};

/// How many accounts are woken at once.
const BATCH: i64 = 100;

impl Billing {
    /// Books what is due on idle accounts. How many were woken. An account that cannot be woken
    /// is logged, and does not hold up the others.
    pub async fn book_due_credits(&self) -> Result<usize, Error> {
        let now = self.ports.clock.now();
        let mut woken = 0;
        for organization in self.ports.credits.due(now, BATCH).await? {
            match self.ports.credits.apply(organization, CreditCommand::BookDue, now).await {
                Ok(_) => woken += 1,
                Err(error @ Error::Unavailable { .. }) => return Err(error),
                Err(error) => tracing::error!(%organization, ?error, "credits were not booked"),
            }
        }
        Ok(woken)
    }
}
