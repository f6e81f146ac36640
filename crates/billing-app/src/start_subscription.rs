//! An organization picks a plan, and is sent to a page on which to pay.

use billing_domain::{
    catalogue::Offer, checkout::Purpose, currency::Currency, gateway::Gateway, id::OrganizationId,
    period::Interval,
};

use crate::{
    Billing, Error, Missing, Opened, Refusal, ReturnUrls, open_checkout::Sale, ports::CheckoutItem,
};

/// A plan that an organization picked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StartSubscription {
    /// Who picked it.
    pub organization_id: OrganizationId,
    /// The plan's key.
    pub plan: String,
    /// How often to pay.
    pub interval: Interval,
    /// In what; by default the organization's currency, or dollars where that has no price.
    pub currency: Option<Currency>,
    /// Where; by default the preferred gateway.
    pub gateway: Option<Gateway>,
    /// Where the payer goes afterwards.
    pub urls: ReturnUrls,
}

impl Billing {
    /// Opens a payment page for a plan. Asking again while it is open gives the same page.
    pub async fn start_subscription(&self, request: StartSubscription) -> Result<Opened, Error> {
        let catalogue = self.catalogue().await?;
        let plan = catalogue.plan(&request.plan).filter(|plan| plan.active);
        let plan = plan.ok_or(Error::NotFound(Missing::Plan))?;
        let version = plan.current().ok_or(Error::NotFound(Missing::Plan))?;
        let organization = self.organization(request.organization_id).await?;
        let offer = Offer {
            currency: request.currency.unwrap_or(organization.currency),
            interval: request.interval,
        };
        let price = version
            .price_for(&offer)
            .filter(|price| request.currency.is_none_or(|it| it == price.amount.currency()))
            .ok_or(Refusal::NoSuchPrice)?;
        if price.amount.is_zero() {
            return Err(Refusal::PlanIsFree(plan.key.clone()).into());
        }
        self.open_checkout(Sale {
            organization_id: organization.id,
            gateway: request.gateway,
            purpose: Purpose::Subscription { plan_version_id: version.id, price_id: price.id },
            item: CheckoutItem::Subscription {
                price_id: price.id,
                gateway_price: price.stripe_price.clone(),
                name: plan.name.clone(),
                amount: price.amount,
                interval: price.interval,
                trial_days: u32::try_from(price.trial_days).unwrap_or_default(),
            },
            saves_method: false,
            urls: request.urls,
        })
        .await
    }
}
