//! Discounts that a gateway takes off by itself.

use async_trait::async_trait;
use billing_domain::{discount::Off, id::DiscountId};

use super::GatewayError;

/// Discounts that a gateway takes off what it bills.
#[async_trait]
pub trait Coupons: Send + Sync {
    /// Makes sure that the gateway knows a coupon with these terms, and says what it calls it;
    /// made once, however often it is asked.
    async fn ensure(&self, coupon: &NewCoupon) -> Result<String, GatewayError>;
}

/// A discount, as the gateway needs to know it. Its name there follows from the discount and how
/// long it lasts. Who may use it and how often is decided by us.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewCoupon {
    /// Our id of it.
    pub discount_id: DiscountId,
    /// What stands on pages and invoices.
    pub name: String,
    /// How much it takes off each invoice.
    pub off: Off,
    /// For how long.
    pub lasts: CouponLasts,
}

/// For how long a coupon takes something off.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CouponLasts {
    /// For one invoice.
    Once,
    /// For invoices within so many months.
    Months(u32),
    /// For all.
    Forever,
}
