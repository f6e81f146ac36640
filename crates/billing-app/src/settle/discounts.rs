//! What becomes of the code that is used in a checkout.

use billing_domain::id::OrganizationId;

use super::Unsettled;
use crate::{
    Billing,
    ports::{SeenCheckout, SeenCheckoutStatus, UnitOfWork},
};

impl Billing {
    /// A checkout that is paid redeems the code reserved for it; one that is closed frees it.
    pub(super) async fn settle_discount(
        &self,
        work: &mut dyn UnitOfWork,
        organization: OrganizationId,
        seen: &SeenCheckout,
    ) -> Result<(), Unsettled> {
        let Some(id) = seen.checkout_id else { return Ok(()) };
        match seen.status {
            SeenCheckoutStatus::Complete if seen.paid => {
                self.redeem_discount(work, organization, id).await?;
            }
            SeenCheckoutStatus::Expired => self.release_discount(work, organization, id).await?,
            // The payment is under way.
            SeenCheckoutStatus::Complete | SeenCheckoutStatus::Open => {}
        }
        Ok(())
    }
}
