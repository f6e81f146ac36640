//! What the gateway takes off.

use async_trait::async_trait;
use billing_app::ports::{CouponLasts, Coupons, GatewayError, NewCoupon};
use billing_domain::{
    discount::{Conditions, Discount, Lasts},
    money::Money,
    period::{Anchor, Interval},
};

use super::{Call, FakeGateway, books::Books, refused};
use crate::NOON;

#[async_trait]
impl Coupons for FakeGateway {
    async fn ensure(&self, coupon: &NewCoupon) -> Result<String, GatewayError> {
        self.act(Call::EnsureCoupon, |books| {
            let id = format!("coupon_{}_{:?}", coupon.discount_id, coupon.lasts);
            let known = books.coupons.entry(id.clone()).or_insert_with(|| coupon.clone());
            if known == coupon { Ok(id) } else { Err(refused("the coupon has other terms")) }
        })
    }
}

impl FakeGateway {
    /// The coupons that were made, each once however often it was asked for.
    pub fn coupons_made(&self) -> Vec<NewCoupon> {
        self.change(|books| books.coupons.values().cloned().collect())
    }
}

impl Books {
    /// What the coupon of a subscription takes off an invoice for its running period. One that
    /// lasts once is used up.
    pub(super) fn take_off(&mut self, subscription: &str, amount: Money) -> Money {
        let billed = self.billed(subscription);
        let (start, begun) = (billed.period.start, billed.created_at);
        let Some(coupon) = billed.coupon.clone() else { return Money::zero(amount.currency()) };
        let lasts = match coupon.lasts {
            CouponLasts::Months(months) => {
                let months = i32::try_from(months).expect("not so many months");
                start < Anchor(begun).period(Interval::Month, months).start
            }
            CouponLasts::Once | CouponLasts::Forever => true,
        };
        if !lasts || coupon.lasts == CouponLasts::Once && !amount.is_zero() {
            billed.coupon = None;
        }
        let terms = Discount {
            id: coupon.discount_id,
            code: "FAKE".parse().expect("it can be a code"),
            name: coupon.name,
            off: coupon.off,
            lasts: Lasts::Forever,
            conditions: Conditions::default(),
            active: true,
            taken: 0,
            created_at: NOON,
        };
        let off = if lasts { terms.discount_for(0, amount).ok() } else { None };
        off.unwrap_or_else(|| Money::zero(amount.currency()))
    }
}
