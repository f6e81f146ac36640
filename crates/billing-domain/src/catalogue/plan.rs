//! Plans, their versions and their prices.

use crate::{
    catalogue::{Component, Feature, FeatureValue, Limit, Model, Offer},
    currency::Currency,
    id::{PlanId, PlanVersionId, PriceId},
    money::Money,
    period::Interval,
};

/// A plan on sale, or once on sale.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Plan {
    /// Our id.
    pub id: PlanId,
    /// Its readable key, such as `starter`.
    pub key: String,
    /// What people call it.
    pub name: String,
    /// One sentence about it.
    pub description: String,
    /// An organization has one live subscription per group.
    pub product_group: String,
    /// Whether it may be subscribed to.
    pub active: bool,
    /// Its versions, the oldest first; each immutable once subscribed to.
    pub versions: Vec<PlanVersion>,
}

impl Plan {
    /// The version that new subscribers get.
    pub fn current(&self) -> Option<&PlanVersion> {
        self.versions.last()
    }
}

/// One immutable version of a plan.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PlanVersion {
    /// Our id.
    pub id: PlanVersionId,
    /// Counted from 1 within the plan.
    pub number: i32,
    /// Credits granted at the start of each month of a period.
    pub included_credits: i64,
    /// What it costs.
    pub prices: Vec<Price>,
    /// What it allows.
    pub features: Vec<Feature>,
}

impl PlanVersion {
    /// The limit on a meter, if the plan has one.
    pub fn limit(&self, meter: &str) -> Option<&Limit> {
        self.features.iter().find_map(|feature| match &feature.value {
            FeatureValue::Limit(limit) if limit.meter == meter => Some(limit),
            FeatureValue::Limit(_) | FeatureValue::Flag(_) => None,
        })
    }

    /// Whether a boolean feature is on.
    pub fn has(&self, key: &str) -> bool {
        self.features
            .iter()
            .any(|feature| feature.key == key && feature.value == FeatureValue::Flag(true))
    }

    /// The active price of an interval in a currency, or in dollars where it has none.
    pub fn price_for(&self, offer: &Offer) -> Option<&Price> {
        let of = |currency: Currency| {
            self.prices.iter().find(|price| {
                price.active
                    && price.interval == offer.interval
                    && price.amount.currency() == currency
            })
        };
        of(offer.currency).or_else(|| of(Currency::USD))
    }
}

/// What a plan version costs in one currency and interval.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Price {
    /// Our id.
    pub id: PriceId,
    /// How often it recurs.
    pub interval: Interval,
    /// How much each time.
    pub amount: Money,
    /// Days before the first payment.
    pub trial_days: i32,
    /// Whether it may be subscribed to.
    pub active: bool,
    /// What Stripe calls it, where it was pushed there; else the price is sent along.
    pub stripe_price: Option<String>,
    /// How the amount depends on the quantity of the subscription.
    pub model: Model,
    /// What is charged beside the amount, by our own engine alone.
    pub components: Vec<Component>,
}
