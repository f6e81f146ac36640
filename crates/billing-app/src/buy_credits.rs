//! An organization picks a pack of credits, and is sent to a page on which to pay.

use billing_domain::{
    checkout::Purpose,
    currency::Currency,
    gateway::Gateway,
    id::{CreditProductId, OrganizationId},
};

use crate::{
    Billing, Error, Missing, Opened, Refusal, ReturnUrls, open_checkout::Sale, ports::CheckoutItem,
};

/// A pack that an organization picked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BuyCredits {
    /// Who picked it.
    pub organization_id: OrganizationId,
    /// The pack.
    pub credit_product_id: CreditProductId,
    /// In what; by default the organization's currency, or dollars where that has no price.
    pub currency: Option<Currency>,
    /// Where; by default the preferred gateway.
    pub gateway: Option<Gateway>,
    /// Whether the gateway keeps the method, so that credits can be topped up with it later.
    pub saves_method: bool,
    /// Where the payer goes afterwards.
    pub urls: ReturnUrls,
}

impl Billing {
    /// Opens a payment page for a pack. Asking again while it is open gives the same page.
    pub async fn buy_credits(&self, request: BuyCredits) -> Result<Opened, Error> {
        let catalogue = self.catalogue().await?;
        let product = catalogue.credit_product(request.credit_product_id);
        let product = product
            .filter(|product| product.active)
            .ok_or(Error::NotFound(Missing::CreditProduct))?;
        let organization = self.organization(request.organization_id).await?;
        let price = product
            .price_in(request.currency.unwrap_or(organization.currency))
            .filter(|price| request.currency.is_none_or(|wanted| wanted == price.currency()))
            .ok_or(Refusal::NoSuchPrice)?;
        self.open_checkout(Sale {
            organization_id: organization.id,
            gateway: request.gateway,
            purpose: Purpose::Credits {
                credit_product_id: product.id,
                credits: product.credits,
                price,
            },
            item: CheckoutItem::Credits { name: product.name.clone(), amount: price },
            reduction: None,
            saves_method: request.saves_method,
            urls: request.urls,
        })
        .await
    }
}
