//! An organization says when credits are to be bought for it, and how much that may cost.

use billing_domain::{
    auto_top_up::AutoTopUp,
    id::{CreditProductId, OrganizationId},
    money::Money,
};

use crate::{Billing, Error, Missing, Refusal, ports::Scope};

/// When to buy a pack, and how much may be spent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SetAutoTopUp {
    /// Who pays.
    pub organization_id: OrganizationId,
    /// Whether it is switched on.
    pub enabled: bool,
    /// Buy when the balance is below so many credits.
    pub threshold: i64,
    /// Buy this pack.
    pub credit_product_id: CreditProductId,
    /// Spend at most so much in a calendar month of UTC, in what the organization pays in.
    pub monthly_cap: Money,
}

impl Billing {
    /// What an organization wants bought for it.
    pub async fn auto_top_up(&self, id: OrganizationId) -> Result<AutoTopUp, Error> {
        match self.ports.money.auto_top_up(id).await? {
            Some(top_up) => Ok(top_up),
            None => {
                self.organization(id).await?;
                Err(Error::NotFound(Missing::AutoTopUp))
            }
        }
    }

    /// Records what an organization wants bought for it. Earlier failures are forgotten where it
    /// wants something else than before; a charge that is under way goes on.
    pub async fn set_auto_top_up(&self, wish: SetAutoTopUp) -> Result<AutoTopUp, Error> {
        let gateway = self.gateway(None)?;
        if gateway.charges().is_none() {
            let gateway = gateway.gateway().name();
            let what = "charge a saved method";
            return Err(Refusal::NotAtThisGateway { gateway, what }.into());
        }
        let catalogue = self.catalogue().await?;
        let pack = catalogue.credit_product(wish.credit_product_id).filter(|pack| pack.active);
        let pack = pack.ok_or(Error::NotFound(Missing::CreditProduct))?;
        let id = wish.organization_id;
        let mut work = self.ports.store.begin(Scope::Organization(id)).await?;
        let organization = work.organizations().find(id).await?;
        let organization = organization.ok_or(Error::NotFound(Missing::Organization))?;
        let price = pack.priced_in(organization.currency).ok_or(Refusal::NoSuchPrice)?;
        wish.checked(price)?;
        let before = work.auto_top_ups().find(id).await?;
        let top_up = AutoTopUp {
            organization_id: id,
            enabled: wish.enabled,
            threshold: wish.threshold,
            credit_product_id: wish.credit_product_id,
            monthly_cap: wish.monthly_cap,
            pending: None,
            failures: 0,
            look_at: self.ports.clock.now(),
        };
        let top_up = top_up.wished(before.as_ref());
        work.auto_top_ups().save(&top_up, &[]).await?;
        work.commit().await?;
        Ok(top_up)
    }
}

impl SetAutoTopUp {
    fn checked(&self, price: Money) -> Result<(), Error> {
        let currency = price.currency();
        if self.threshold < 0 {
            return Err(Error::invalid("threshold", "must not be negative"));
        }
        if self.monthly_cap.currency() != currency {
            return Err(Error::invalid("monthly_cap", format!("must be in {currency}")));
        }
        if self.monthly_cap.minor() < price.minor() {
            let least = price.minor();
            let message = format!("must be at least the price of one pack, {least}");
            return Err(Error::invalid("monthly_cap", message));
        }
        Ok(())
    }
}
