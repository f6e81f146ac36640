//! A code is reserved for the checkout in which it is used, and freed when nobody pays.

use billing_domain::{
    checkout::{Checkout, CheckoutStatus, PaidBy},
    discount::{Discount, DiscountedSale, Lasts, Redemption, RedemptionState},
    event::What,
    gateway::Gateway,
    id::{CheckoutId, OrganizationId},
    money::Money,
    period::Interval,
};
use time::Duration;

use super::{Sale, gateway_failed};
use crate::{
    Billing, Error, Missing, Refusal,
    ports::{CouponLasts, NewCoupon, PaymentGateway, Scope, UnitOfWork},
};

/// Longer than any page can be paid on.
const RESERVED: Duration = Duration::hours(25);

/// A code with which somebody buys a plan.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Reduction {
    pub(crate) discount: Discount,
    /// The key of the plan.
    pub(crate) plan: String,
    pub(crate) price: Money,
    pub(crate) interval: Interval,
}

impl Reduction {
    fn coupon(&self) -> NewCoupon {
        let Discount { id, name, off, lasts, .. } = &self.discount;
        let months = u32::try_from(self.interval.months()).unwrap_or(1);
        NewCoupon {
            discount_id: *id,
            name: name.clone(),
            off: *off,
            lasts: match lasts {
                Lasts::Once => CouponLasts::Once,
                Lasts::Repeating(periods) => {
                    CouponLasts::Months(u32::from(*periods).saturating_mul(months))
                }
                Lasts::Forever => CouponLasts::Forever,
            },
        }
    }
}

impl Billing {
    /// Those of the unfinished that sell the same, in the same way, at the same discount.
    pub(super) async fn alike(
        &self,
        work: &mut dyn UnitOfWork,
        unfinished: &[Checkout],
        (sale, gateway): (&Sale, Gateway),
    ) -> Result<Vec<Checkout>, Error> {
        let paid_by = PaidBy::Page { saves_method: sale.saves_method };
        let wanted = sale.reduction.as_ref().map(|it| it.discount.id);
        let mut alike = Vec::new();
        for checkout in unfinished {
            if checkout.purpose != sale.purpose
                || checkout.gateway != gateway
                || checkout.paid_by != paid_by
            {
                continue;
            }
            let used = work.discounts().redemption(sale.organization_id, checkout.id).await?;
            if used.map(|it| it.discount_id) == wanted {
                alike.push(checkout.clone());
            }
        }
        Ok(alike)
    }

    /// Reserves the code of a sale for its checkout, if there is one; what was reserved stays so.
    pub(super) async fn reserve_discount(
        &self,
        work: &mut dyn UnitOfWork,
        sale: &Sale,
        checkout: CheckoutId,
    ) -> Result<(), Error> {
        let Some(Reduction { discount, plan, price, .. }) = &sale.reduction else {
            return Ok(());
        };
        let (organization_id, now) = (sale.organization_id, self.ports.clock.now());
        let known = work.discounts().redemption(organization_id, checkout).await?;
        if !known.as_ref().is_some_and(|it| it.state.counts()) {
            let held = work.discounts().find(discount.id).await?;
            let mut held = held.ok_or(Error::NotFound(Missing::Discount))?;
            let customer = work.discounts().history(organization_id, held.id).await?;
            let wanted = DiscountedSale { plan, price: *price, customer };
            held.applied_to(&wanted, now).map_err(Refusal::from)?;
            held.taken = held.taken.saturating_add(1);
            work.discounts().save(&held).await?;
        }
        let redemption = Redemption {
            organization_id,
            checkout_id: checkout,
            discount_id: discount.id,
            state: RedemptionState::Reserved { until: now + RESERVED },
            created_at: known.map_or(now, |it| it.created_at),
        };
        work.discounts().save_redemption(&redemption, &[]).await
    }

    /// What the gateway calls the discount of a sale.
    pub(super) async fn coupon(
        &self,
        gateway: &dyn PaymentGateway,
        sale: &Sale,
    ) -> Result<Option<String>, Error> {
        let Some(reduction) = &sale.reduction else { return Ok(None) };
        let ensured = coupons(gateway)?.ensure(&reduction.coupon()).await;
        ensured.map(Some).map_err(|error| gateway_failed(gateway, error))
    }

    /// A checkout was paid: the code that was reserved for it is redeemed, once.
    pub(crate) async fn redeem_discount(
        &self,
        work: &mut dyn UnitOfWork,
        organization: OrganizationId,
        checkout_id: CheckoutId,
    ) -> Result<(), Error> {
        let used = work.discounts().redemption(organization, checkout_id).await?;
        let Some(mut redemption) = used else { return Ok(()) };
        let (counted, now) = (redemption.state.counts(), self.ports.clock.now());
        if !redemption.redeem(now) {
            return Ok(());
        }
        let discount_id = redemption.discount_id;
        // Paid after it was given up: it counts again, be it one too many.
        if !counted && let Some(mut discount) = work.discounts().find(discount_id).await? {
            discount.taken = discount.taken.saturating_add(1);
            work.discounts().save(&discount).await?;
        }
        let redeemed = What::DiscountRedeemed { discount_id, checkout_id };
        let redeemed = self.what(organization, now, redeemed);
        work.discounts().save_redemption(&redemption, &[redeemed]).await
    }

    /// Nobody will pay a checkout: the code that was reserved for it is free again.
    pub(crate) async fn release_discount(
        &self,
        work: &mut dyn UnitOfWork,
        organization: OrganizationId,
        checkout: CheckoutId,
    ) -> Result<(), Error> {
        let used = work.discounts().redemption(organization, checkout).await?;
        let Some(mut redemption) = used else { return Ok(()) };
        if !redemption.release(self.ports.clock.now()) {
            return Ok(());
        }
        if let Some(mut discount) = work.discounts().find(redemption.discount_id).await? {
            discount.taken = discount.taken.saturating_sub(1);
            work.discounts().save(&discount).await?;
        }
        work.discounts().save_redemption(&redemption, &[]).await
    }

    /// Frees codes that were reserved for checkouts of which nothing was heard in time, or that
    /// ended: so many at most. How many are free now.
    pub(crate) async fn release_reservations(&self, limit: i64) -> Result<usize, Error> {
        let now = self.ports.clock.now();
        let lapsed = self.ports.catalogue.lapsed_reservations(now, limit).await?;
        let mut released = 0;
        for (organization, id) in lapsed {
            let mut work = self.ports.store.begin(Scope::Organization(organization)).await?;
            let checkout = work.checkouts().find(organization, id).await?;
            let paid = checkout.is_some_and(|it| match it.status {
                CheckoutStatus::Completed(_) => true,
                CheckoutStatus::Pending | CheckoutStatus::Open(_) | CheckoutStatus::Expired => {
                    false
                }
            });
            if paid {
                self.redeem_discount(&mut *work, organization, id).await?;
            } else {
                self.release_discount(&mut *work, organization, id).await?;
            }
            work.commit().await?;
            released += usize::from(!paid);
        }
        Ok(released)
    }
}

/// The role of a gateway that takes discounts off by itself.
pub(super) fn coupons(gateway: &dyn PaymentGateway) -> Result<&dyn crate::ports::Coupons, Error> {
    let what = "take a discount off";
    let refused = Refusal::NotAtThisGateway { gateway: gateway.gateway().name(), what };
    Ok(gateway.coupons().ok_or(refused)?)
}
