//! Pages and records on which nobody shall pay any more.

use billing_domain::{
    checkout::{Checkout, CheckoutStatus, HostedPage},
    event::What,
};

use super::{OPENING, gateway_failed};
use crate::{
    Billing, Error,
    ports::{PaymentGateway, Scope, SeenCheckoutStatus},
};

impl Billing {
    /// Closes pages of other sales. `Conflict` when one has been paid on.
    pub(crate) async fn close(
        &self,
        gateway: &dyn PaymentGateway,
        superseded: Vec<(Checkout, HostedPage)>,
    ) -> Result<(), Error> {
        for (rival, page) in superseded {
            let session = &page.session.id;
            let closed = gateway.checkouts().expire(session).await;
            closed.map_err(|error| gateway_failed(gateway, error))?;
            let seen = gateway.checkouts().find(session).await;
            let seen = seen.map_err(|error| gateway_failed(gateway, error))?;
            if seen.is_some_and(|it| it.status == SeenCheckoutStatus::Complete) {
                return Err(Error::Conflict("the checkout"));
            }
            self.give_up(&rival).await?;
        }
        Ok(())
    }

    /// Nothing will be paid for this one any more.
    pub(super) async fn give_up(&self, checkout: &Checkout) -> Result<(), Error> {
        let scope = Scope::Organization(checkout.organization_id);
        let mut work = self.ports.store.begin(scope).await?;
        let kept = work.checkouts().find(checkout.organization_id, checkout.id).await?;
        if let Some(mut kept) = kept
            && kept.expire()
        {
            let expired = self.event(&kept, What::CheckoutExpired { checkout_id: kept.id });
            work.checkouts().save(&kept, &[expired]).await?;
            self.release_discount(&mut *work, kept.organization_id, kept.id).await?;
            work.commit().await?;
        }
        Ok(())
    }

    /// Nobody opens a page for this one now: the next request may go on with it at once, and
    /// does not wait as it would for a crashed one. Answers with the error that led here.
    pub(super) async fn let_go(&self, checkout: &Checkout, error: Error) -> Error {
        let released = async {
            let scope = Scope::Organization(checkout.organization_id);
            let mut work = self.ports.store.begin(scope).await?;
            let kept = work.checkouts().find(checkout.organization_id, checkout.id).await?;
            let is_ours = |it: &Checkout| {
                it.status == CheckoutStatus::Pending && it.created_at == checkout.created_at
            };
            if let Some(mut kept) = kept.filter(is_ours) {
                kept.created_at = checkout.created_at - OPENING;
                work.checkouts().save(&kept, &[]).await?;
                work.commit().await?;
            }
            Ok::<_, Error>(())
        };
        if let Err(failed) = released.await {
            tracing::warn!(checkout = %checkout.id, %failed, "a checkout was not let go");
        }
        error
    }
}
