//! A recorded charge and the gateway: sent once, asked for until its end is known.

use billing_domain::{
    checkout::{Checkout, CheckoutStatus, PaidBy, Purpose},
    gateway::GatewayRef,
    id::{CheckoutId, OrganizationId},
    payment::ChargeFailure,
};
use time::Duration;

use crate::{
    Billing, Error, Refusal,
    collect_invoices::Chargeable,
    gateway_facts::{ARRIVED, GatewayFacts, REMEMBERED},
    open_checkout::gateway_failed,
    ports::{ChargeRequest, Charges, GatewayError, PaymentGateway, Scope, SeenPayment},
};

/// How far the gateway's clock may be behind ours.
const SKEW: Duration = Duration::HOUR;

impl Billing {
    /// Where and what can be charged for an organization, while nobody is there: at the first
    /// gateway that keeps a method. Nothing where none does.
    pub(crate) async fn chargeable(
        &self,
        organization: OrganizationId,
    ) -> Result<Chargeable<'_>, Error> {
        let mut unreached = None;
        for gateway in self.ports.gateways.iter().map(|gateway| &**gateway) {
            if gateway.charges().is_none() {
                continue;
            }
            match self.method_to_charge(gateway, organization).await {
                Ok(Some(method)) => return Ok(Some((gateway, method))),
                Ok(None) => {}
                // Another may be able to charge; else nobody knows whether this one could.
                Err(error @ Error::GatewayUnavailable { .. }) => unreached = Some(error),
                Err(error) => return Err(error),
            }
        }
        unreached.map_or(Ok(None), Err)
    }

    /// Goes on with a charge that was recorded, and of which nothing was heard. Whether it ended.
    pub(crate) async fn ask_for_charge(
        &self,
        organization: OrganizationId,
        id: CheckoutId,
    ) -> Result<bool, Error> {
        let mut work = self.ports.store.begin(Scope::Organization(organization)).await?;
        let found = work.checkouts().find(organization, id).await?;
        drop(work);
        let lost = || anyhow::anyhow!("checkout {id} is gone, which was to be charged");
        self.go_on_charging(&found.ok_or_else(lost)?).await
    }

    /// What can be charged for an organization; nothing where the gateway keeps nothing.
    pub(crate) async fn method_to_charge(
        &self,
        gateway: &dyn PaymentGateway,
        organization: OrganizationId,
    ) -> Result<Option<GatewayRef>, Error> {
        let Some(customer) = self.known_customer(gateway, organization).await? else {
            return Ok(None);
        };
        let method = charges(gateway)?.saved_method(&customer).await;
        method.map_err(|error| gateway_failed(gateway, error))
    }

    /// Sends a charge to the gateway, and records how it ended. Whether it ended.
    pub(crate) async fn send_charge(
        &self,
        gateway: &dyn PaymentGateway,
        checkout: &Checkout,
    ) -> Result<bool, Error> {
        let request = self.request(gateway, checkout).await?;
        match charges(gateway)?.charge(&request).await {
            Ok(seen) => self.record_end(gateway, checkout, seen).await,
            Err(GatewayError::Refused { message }) => {
                tracing::error!(checkout = %checkout.id, message, "the gateway refuses a charge");
                self.end_without_charge(checkout, Some(ChargeFailure::Refused)).await?;
                Ok(true)
            }
            // It is asked again, under the same key.
            Err(
                error @ (GatewayError::Unknown(_)
                | GatewayError::Unreached { .. }
                | GatewayError::Unreadable(_)),
            ) => Err(gateway_failed(gateway, error)),
        }
    }

    /// Finds out how a charge ended. What never arrived is sent again while the gateway would
    /// know it again, and given up when it can no more arrive.
    pub(crate) async fn go_on_charging(&self, checkout: &Checkout) -> Result<bool, Error> {
        let gateway = self.gateway(Some(checkout.gateway))?;
        let request = self.request(gateway, checkout).await?;
        let since = checkout.created_at - SKEW;
        let found = charges(gateway)?.find(&request.customer, checkout.id, since).await;
        let age = self.ports.clock.now() - checkout.created_at;
        match found.map_err(|error| gateway_failed(gateway, error))? {
            Some(seen) => self.record_end(gateway, checkout, seen).await,
            None if age < REMEMBERED => self.send_charge(gateway, checkout).await,
            None if age < ARRIVED => Ok(false),
            None => match self.recorded_anew(checkout).await? {
                Some(anew) => self.send_charge(gateway, &anew).await,
                None => {
                    self.end_without_charge(checkout, None).await?;
                    Ok(true)
                }
            },
        }
    }

    /// What is asked for: all of it from our record, so that it is the same each time.
    async fn request(
        &self,
        gateway: &dyn PaymentGateway,
        checkout: &Checkout,
    ) -> Result<ChargeRequest, Error> {
        let id = checkout.organization_id;
        let customer = self.known_customer(gateway, id).await?;
        let wanted = match &checkout.purpose {
            Purpose::Credits { credits, price, .. } => {
                Some((*price, format!("{credits} credits (auto top-up)")))
            }
            Purpose::Invoice { invoice_id, amount, .. } => {
                let mut work = self.ports.store.begin(Scope::Organization(id)).await?;
                let invoice = work.invoices().find(id, *invoice_id).await?;
                let number = invoice.and_then(|it| it.number);
                number.map(|number| (*amount, format!("Invoice {number}")))
            }
            Purpose::Subscription { .. } => None,
        };
        let (PaidBy::SavedMethod(method), Some((amount, description)), Some(customer)) =
            (&checkout.paid_by, wanted, customer)
        else {
            return Err(anyhow::anyhow!("checkout {} cannot be charged", checkout.id).into());
        };
        Ok(ChargeRequest {
            checkout_id: checkout.id,
            organization_id: id,
            customer,
            method: method.id.clone(),
            amount,
            description,
        })
    }

    async fn known_customer(
        &self,
        gateway: &dyn PaymentGateway,
        id: OrganizationId,
    ) -> Result<Option<String>, Error> {
        let mut work = self.ports.store.begin(Scope::Organization(id)).await?;
        let customer = work.organizations().customer(id, gateway.gateway()).await?;
        Ok(customer.map(|customer| customer.reference.id))
    }

    /// Takes in what the gateway says of a charge, the same way as from a webhook. Whether it
    /// says how it ended.
    async fn record_end(
        &self,
        gateway: &dyn PaymentGateway,
        checkout: &Checkout,
        seen: SeenPayment,
    ) -> Result<bool, Error> {
        if seen.checkout_id != Some(checkout.id) {
            let cause = anyhow::anyhow!("it names another checkout than {}", checkout.id);
            return Err(gateway_failed(gateway, GatewayError::Unreadable(cause)));
        }
        let asked_at = self.ports.clock.wall();
        let ended = seen.status.captured() || seen.failed_as.is_some();
        self.adopt(&GatewayFacts::of_payment(seen, asked_at)).await?;
        Ok(ended)
    }

    /// Records that nothing was charged, nor will be; with a failure when there is one to count.
    async fn end_without_charge(
        &self,
        checkout: &Checkout,
        failure: Option<ChargeFailure>,
    ) -> Result<(), Error> {
        let id = checkout.organization_id;
        if let Purpose::Invoice { .. } = checkout.purpose {
            let Some(reason) = failure else { return Ok(()) };
            return self.end_attempt_without_charge(checkout, reason).await;
        }
        let mut work = self.ports.store.begin(Scope::Organization(id)).await?;
        let top_up = work.auto_top_ups().find(id).await?;
        let kept = work.checkouts().find(id, checkout.id).await?;
        let (Some(mut top_up), Some(mut kept)) = (top_up, kept) else { return Ok(()) };
        if !kept.expire() {
            return Ok(());
        }
        work.checkouts().save(&kept, &[]).await?;
        if let Some(reason) = failure {
            self.top_up_failed(&mut *work, top_up, (Some(checkout.id), reason)).await?;
        } else {
            top_up.close(checkout.id, self.ports.clock.now());
            work.auto_top_ups().save(&top_up, &[]).await?;
        }
        work.commit().await
    }

    /// The same for an invoice: the attempt has failed.
    async fn end_attempt_without_charge(
        &self,
        checkout: &Checkout,
        reason: ChargeFailure,
    ) -> Result<(), Error> {
        let id = checkout.organization_id;
        let mut work = self.ports.store.begin(Scope::Engine).await?;
        let kept = work.checkouts().find(id, checkout.id).await?;
        let Some(kept) = kept else { return Ok(()) };
        self.attempt_failed(&mut *work, kept, (reason, None)).await?;
        let committed = work.commit().await;
        self.organization_changed(id);
        committed
    }

    /// What never arrived for an invoice is not given up: it is asked for as if it were new, under
    /// the same key, which nobody remembers. Nothing for what is given up, or has ended.
    async fn recorded_anew(&self, checkout: &Checkout) -> Result<Option<Checkout>, Error> {
        let Purpose::Invoice { .. } = checkout.purpose else { return Ok(None) };
        let id = checkout.organization_id;
        let mut work = self.ports.store.begin(Scope::Organization(id)).await?;
        let kept = work.checkouts().find(id, checkout.id).await?;
        let pending = kept.filter(|it| it.status == CheckoutStatus::Pending);
        let Some(mut anew) = pending else { return Ok(None) };
        anew.created_at = self.ports.clock.now();
        work.checkouts().save(&anew, &[]).await?;
        work.commit().await?;
        Ok(Some(anew))
    }
}

fn charges(gateway: &dyn PaymentGateway) -> Result<&dyn Charges, Error> {
    let what = "charge a saved method";
    let gateway_name = gateway.gateway().name();
    let refused = Refusal::NotAtThisGateway { gateway: gateway_name, what };
    Ok(gateway.charges().ok_or(refused)?)
}
