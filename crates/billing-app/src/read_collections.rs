//! How money comes that did not come at once: one by one, and in figures.

use billing_domain::id::InvoiceId;
use time::{Duration, OffsetDateTime};

use crate::{
    Billing, Error,
    ports::{FailedPayment, FailedStatus, Page, PaymentFigures},
};

/// As far as figures look back.
const MOST_DAYS: i64 = 366;

/// Figures of payments, and the time that they are of.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PaymentMetrics {
    /// After this.
    pub since: OffsetDateTime,
    /// Until then.
    pub until: OffsetDateTime,
    /// The figures.
    pub figures: PaymentFigures,
}

impl Billing {
    /// Invoices of ours whose money did not come at once, the newest first.
    pub async fn failed_payments(
        &self,
        status: Option<FailedStatus>,
        page: Page<InvoiceId>,
    ) -> Result<Vec<FailedPayment>, Error> {
        self.ports.collections.failed_payments(status, page).await
    }

    /// How the money of our invoices came in the last days, 1 to 366.
    pub async fn payment_metrics(&self, days: i64) -> Result<PaymentMetrics, Error> {
        if !(1..=MOST_DAYS).contains(&days) {
            return Err(Error::invalid("days", format!("must be from 1 to {MOST_DAYS}")));
        }
        let until = self.ports.clock.now();
        let since = until - Duration::days(days);
        let figures = self.ports.collections.payment_figures(since, until).await?;
        Ok(PaymentMetrics { since, until, figures })
    }
}
