//! An organization picks a plan, and is sent to a page on which to pay.

use billing_domain::{
    catalogue::{Catalogue, Offer, Plan, PlanVersion, Price},
    checkout::Purpose,
    currency::Currency,
    gateway::Gateway,
    id::OrganizationId,
    organization::Organization,
    period::Interval,
};

use crate::{
    Billing, Error, Missing, Opened, Refusal, ReturnUrls,
    open_checkout::{Reduction, Sale},
    ports::CheckoutItem,
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
    /// A code that makes it cheaper. It is reserved while the page is open.
    pub discount_code: Option<String>,
    /// Where; by default the preferred gateway.
    pub gateway: Option<Gateway>,
    /// Where the payer goes afterwards.
    pub urls: ReturnUrls,
}

/// Why a price is billed by our own engine or not at all.
pub(crate) const NOT_SIMPLE: &str = "bill use or added seats beside the amount";

/// What somebody picks of the catalogue.
pub(crate) struct Pick<'a> {
    /// The plan's key.
    pub(crate) plan: &'a str,
    pub(crate) interval: Interval,
    /// By default the organization's, or dollars where that has no price.
    pub(crate) currency: Option<Currency>,
}

impl Pick<'_> {
    /// What is on sale of it, and not for nothing.
    pub(crate) fn of<'c>(
        &self,
        catalogue: &'c Catalogue,
        organization: &Organization,
    ) -> Result<(&'c Plan, &'c PlanVersion, &'c Price), Error> {
        let plan = catalogue.plan(self.plan).filter(|plan| plan.active);
        let plan = plan.ok_or(Error::NotFound(Missing::Plan))?;
        let version = plan.current().ok_or(Error::NotFound(Missing::Plan))?;
        let offer = Offer {
            currency: self.currency.unwrap_or(organization.currency),
            interval: self.interval,
        };
        let price = version
            .price_for(&offer)
            .filter(|price| self.currency.is_none_or(|it| it == price.amount.currency()))
            .ok_or(Refusal::NoSuchPrice)?;
        if price.is_free() {
            return Err(Refusal::PlanIsFree(plan.key.clone()).into());
        }
        Ok((plan, version, price))
    }
}

impl Billing {
    /// Opens a payment page for a plan. Asking again while it is open gives the same page.
    pub async fn start_subscription(&self, request: StartSubscription) -> Result<Opened, Error> {
        let catalogue = self.catalogue().await?;
        let (interval, currency) = (request.interval, request.currency);
        let pick = Pick { plan: &request.plan, interval, currency };
        let organization = self.organization(request.organization_id).await?;
        let (plan, version, price) = pick.of(&catalogue, &organization)?;
        if !price.is_simple() {
            let gateway = self.gateway(request.gateway)?.gateway().name();
            return Err(Refusal::NotAtThisGateway { gateway, what: NOT_SIMPLE }.into());
        }
        let reduction = match &request.discount_code {
            None => None,
            Some(code) => Some(Reduction {
                discount: self.discount(code).await?,
                plan: plan.key.clone(),
                price: price.amount,
                interval: price.interval,
            }),
        };
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
            reduction,
            saves_method: false,
            urls: request.urls,
        })
        .await
    }
}
