//! How an auto top-up ended, whoever brings the news: the answer, a webhook, or asking.

use billing_domain::{
    auto_top_up::AutoTopUp,
    checkout::Purpose,
    event::What,
    id::CheckoutId,
    payment::{ChargeFailure, Payment, PaymentStatus},
};

use super::Unsettled;
use crate::{Billing, Error, ports::UnitOfWork};

impl Billing {
    /// Tells the auto top-up how its charge ended, once. The credits are given elsewhere, as for
    /// any pack that is paid.
    pub(super) async fn settle_top_up(
        &self,
        work: &mut dyn UnitOfWork,
        payment: &Payment,
        failed_as: Option<ChargeFailure>,
    ) -> Result<(), Unsettled> {
        let Some(id) = payment.checkout_id else { return Ok(()) };
        let organization = payment.organization_id;
        let Some(mut top_up) = work.auto_top_ups().find(organization).await? else {
            return Ok(());
        };
        let checkout = work.checkouts().find(organization, id).await?;
        let Some(mut checkout) = checkout.filter(|it| it.paid_by.is_saved_method()) else {
            return Ok(());
        };
        let now = self.ports.clock.now();
        match payment.status {
            status if status.captured() => {
                let Purpose::Credits { credits, price: amount, .. } = checkout.purpose else {
                    return Ok(());
                };
                if checkout.complete(payment.reference.clone()) {
                    let told = What::CreditsToppedUp { checkout_id: id, credits, amount };
                    let told = self.what(organization, now, told);
                    work.checkouts().save(&checkout, &[told]).await?;
                    top_up.succeeded(id, now);
                    work.auto_top_ups().save(&top_up, &[]).await?;
                }
            }
            PaymentStatus::Failed => {
                if checkout.expire() {
                    work.checkouts().save(&checkout, &[]).await?;
                    let reason = failed_as.unwrap_or(ChargeFailure::Declined);
                    self.top_up_failed(work, top_up, (Some(id), reason)).await?;
                }
            }
            // Under way: the end will be heard of, or asked for.
            PaymentStatus::Pending
            | PaymentStatus::Unknown
            | PaymentStatus::Completed
            | PaymentStatus::PartiallyRefunded
            | PaymentStatus::Refunded
            | PaymentStatus::Disputed => {}
        }
        Ok(())
    }

    /// Records that a top-up brought no credits.
    pub(crate) async fn top_up_failed(
        &self,
        work: &mut dyn UnitOfWork,
        mut top_up: AutoTopUp,
        (checkout_id, reason): (Option<CheckoutId>, ChargeFailure),
    ) -> Result<(), Error> {
        let now = self.ports.clock.now();
        let off = top_up.failed(checkout_id, now);
        let told = What::CreditsTopUpFailed { checkout_id, reason, off };
        let told = self.what(top_up.organization_id, now, told);
        work.auto_top_ups().save(&top_up, &[told]).await
    }
}
