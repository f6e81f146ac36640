//! What is charged for a period of a subscription that our engine bills, and where.

use billing_domain::{
    catalogue::Catalogue,
    checkout::{Checkout, CheckoutStatus, PaidBy, Purpose},
    gateway::GatewayRef,
    id::{CheckoutId, OrganizationId},
    period::Period,
    subscription::Subscription,
};

use crate::{Billing, Error, Missing, ports::PaymentGateway};

impl Billing {
    /// Where and what can be charged for an organization, while nobody is there: at the first
    /// gateway that keeps a method. Nothing where none does.
    pub(crate) async fn chargeable(
        &self,
        organization: OrganizationId,
    ) -> Result<Option<(&dyn PaymentGateway, GatewayRef)>, Error> {
        for gateway in self.ports.gateways.iter().map(|gateway| &**gateway) {
            if gateway.charges().is_some()
                && let Some(method) = self.method_to_charge(gateway, organization).await?
            {
                return Ok(Some((gateway, method)));
            }
        }
        Ok(None)
    }

    /// The charge of a period, to be recorded before it is sent. Its id, and so the gateway's key,
    /// follows from the subscription and the period: there is one for each, whoever makes it.
    pub(crate) fn period_charge(
        &self,
        catalogue: &Catalogue,
        (subscription, period): (&Subscription, Period),
        method: GatewayRef,
    ) -> Result<Checkout, Error> {
        let price = catalogue.price(subscription.price_id).map(|(_, _, price)| price);
        let price = price.ok_or(Error::NotFound(Missing::Plan))?;
        let start = period.start.unix_timestamp_nanos();
        let name = format!("period:{}:{start}", subscription.id);
        let digest = self.ports.secrets.digest(name.as_bytes());
        let mut bytes = [0; 16];
        bytes.iter_mut().zip(digest).for_each(|(byte, of_digest)| *byte = of_digest);
        Ok(Checkout {
            id: CheckoutId(uuid::Builder::from_custom_bytes(bytes).into_uuid()),
            organization_id: subscription.organization_id,
            gateway: method.gateway,
            purpose: Purpose::Period {
                subscription_id: subscription.id,
                amount: price.amount,
                period,
            },
            paid_by: PaidBy::SavedMethod(method),
            status: CheckoutStatus::Pending,
            created_at: self.ports.clock.now(),
        })
    }

    /// Goes on with a charge that was recorded, and of which nothing was heard. Whether it ended.
    pub(crate) async fn ask_for_charge(
        &self,
        organization: OrganizationId,
        id: CheckoutId,
    ) -> Result<bool, Error> {
        let scope = crate::ports::Scope::Organization(organization);
        let mut work = self.ports.store.begin(scope).await?;
        let found = work.checkouts().find(organization, id).await?;
        drop(work);
        let lost = || anyhow::anyhow!("checkout {id} is gone, which was to be charged");
        self.go_on_charging(&found.ok_or_else(lost)?).await
    }
}
