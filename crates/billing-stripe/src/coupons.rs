//! Coupons: discounts of ours that Stripe takes off.

use async_trait::async_trait;
use billing_app::ports::{CouponLasts, Coupons, GatewayError, NewCoupon};
use billing_domain::discount::Off;

use crate::{
    Stripe,
    form::Form,
    money::{currency_to_wire, to_wire},
    wire::Identified,
};

const COUPONS: &str = "/v1/coupons";

#[async_trait]
impl Coupons for Stripe {
    async fn ensure(&self, coupon: &NewCoupon) -> Result<String, GatewayError> {
        let id = named(coupon);
        let known: Option<Identified> = self.client.find(COUPONS, &id, &Form::new()).await?;
        if let Some(known) = known {
            return Ok(known.id);
        }
        let form = Form::new()
            .with("id", &id)
            .with("name", &coupon.name)
            .with("metadata[discount_id]", coupon.discount_id);
        let form = match coupon.off {
            Off::Percent(percent) => form.with("percent_off", percent),
            Off::Amount(amount) => form
                .with("amount_off", to_wire(amount)?)
                .with("currency", currency_to_wire(amount.currency())),
        };
        let form = match coupon.lasts {
            CouponLasts::Once => form.with("duration", "once"),
            CouponLasts::Months(months) => {
                form.with("duration", "repeating").with("duration_in_months", months)
            }
            CouponLasts::Forever => form.with("duration", "forever"),
        };
        let made: Identified = self.client.post(COUPONS, &form, &id).await?;
        Ok(made.id)
    }
}

/// The id of a coupon, which we choose: another for each time that it lasts.
fn named(coupon: &NewCoupon) -> String {
    let id = coupon.discount_id.0.simple();
    match coupon.lasts {
        CouponLasts::Months(months) => format!("discount_{id}_{months}"),
        CouponLasts::Once | CouponLasts::Forever => format!("discount_{id}"),
    }
}
