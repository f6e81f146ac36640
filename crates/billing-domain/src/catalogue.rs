//! What is on sale, and what it allows.

mod default;
mod feature;
mod meter;
mod plan;
mod pricing;
mod rolling;

use serde::{Deserialize, Serialize};

pub use self::{
    default::{Seed, seed},
    feature::{ALL_TIME, Amount, Feature, FeatureValue, Limit, Overage, UnknownRule, Window},
    meter::{Aggregation, InvalidLimit, Meter, UnknownAggregation},
    plan::{Plan, PlanVersion, Price},
    pricing::{
        Charged, Component, InvalidPrice, InvalidTiers, Model, Part, Rate, Tier, Tiers,
        UnknownModel,
    },
    rolling::Rolling,
};
use crate::{
    id::{CreditProductId, PlanVersionId, PriceId},
    money::Money,
    tax::{TaxBehavior, TaxRate},
};

/// The key of the plan that everybody without a subscription is on.
pub const FREE_PLAN: &str = "free";

/// Everything on sale. Small, the same for all, read often.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Catalogue {
    /// Plans, in the order in which they are shown: the smallest first.
    pub plans: Vec<Plan>,
    /// Packs of credits, the smallest first.
    pub credit_products: Vec<CreditProduct>,
    /// What can be consumed, by name.
    pub credit_events: Vec<CreditEvent>,
    /// What can be counted, by key.
    pub meters: Vec<Meter>,
    /// What countries take of what we invoice ourselves, by country and day.
    pub tax_rates: Vec<TaxRate>,
}

impl Catalogue {
    /// The plan of a key.
    pub fn plan(&self, key: &str) -> Option<&Plan> {
        self.plans.iter().find(|plan| plan.key == key)
    }

    /// A version with the plan it belongs to.
    pub fn version(&self, id: PlanVersionId) -> Option<(&Plan, &PlanVersion)> {
        self.plans.iter().find_map(|plan| {
            plan.versions.iter().find(|version| version.id == id).map(|version| (plan, version))
        })
    }

    /// A price with the plan and version it belongs to.
    pub fn price(&self, id: PriceId) -> Option<(&Plan, &PlanVersion, &Price)> {
        self.plans.iter().find_map(|plan| {
            plan.versions.iter().find_map(|version| {
                let price = version.prices.iter().find(|price| price.id == id)?;
                Some((plan, version, price))
            })
        })
    }

    /// What an organization without a subscription is on.
    pub fn free_version(&self) -> Option<(&Plan, &PlanVersion)> {
        let plan = self.plan(FREE_PLAN)?;
        Some((plan, plan.current()?))
    }

    /// The pack of an id.
    pub fn credit_product(&self, id: CreditProductId) -> Option<&CreditProduct> {
        self.credit_products.iter().find(|product| product.id == id)
    }

    /// The credit event of a name, active or not.
    pub fn credit_event(&self, name: &str) -> Option<&CreditEvent> {
        self.credit_events.iter().find(|event| event.name == name)
    }

    /// The meter of a key.
    pub fn meter(&self, key: &str) -> Option<&Meter> {
        self.meters.iter().find(|meter| meter.key == key)
    }

    /// Whether every limit of a plan can be counted on its meter.
    pub fn check(&self, plan: &Plan) -> Result<(), InvalidLimit> {
        let features = plan.versions.iter().flat_map(|version| &version.features);
        for feature in features {
            if let FeatureValue::Limit(limit) = &feature.value
                && let Some(meter) = self.meter(&limit.meter)
            {
                meter.check(limit)?;
            }
        }
        Ok(())
    }

    /// The cheapest plan that would allow a total on a meter, with the price
    /// in the currency and interval of the customer's choice where it has one.
    pub fn cheapest_allowing(
        &self,
        meter: &str,
        total: u64,
        like: &Offer,
    ) -> Option<(&Plan, &Price)> {
        self.plans
            .iter()
            .filter(|plan| plan.active)
            .filter_map(|plan| {
                let version = plan.current()?;
                let limit = version.limit(meter)?;
                let price = version.price_for(like)?;
                limit.amount.allows(total).then_some((plan, price))
            })
            .min_by_key(|(_, price)| price.amount.minor())
    }
}

/// How a customer would like to pay.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Offer {
    /// In this currency, or in dollars where there is no such price.
    pub currency: crate::currency::Currency,
    /// This often.
    pub interval: crate::period::Interval,
}

/// A pack of credits on sale.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CreditProduct {
    /// Our id.
    pub id: CreditProductId,
    /// Its readable key.
    pub key: String,
    /// What people call it.
    pub name: String,
    /// How many credits it holds.
    pub credits: i64,
    /// What it costs, one price per currency.
    pub prices: Vec<Money>,
    /// Whether its prices contain tax.
    pub tax: TaxBehavior,
    /// Whether it is on sale.
    pub active: bool,
}

impl CreditProduct {
    /// The price in a currency, or in dollars where it has none.
    pub fn price_in(&self, currency: crate::currency::Currency) -> Option<Money> {
        self.priced_in(currency).or_else(|| self.priced_in(crate::currency::Currency::USD))
    }

    /// The price in a currency, and in no other.
    pub fn priced_in(&self, currency: crate::currency::Currency) -> Option<Money> {
        self.prices.iter().copied().find(|price| price.currency() == currency)
    }
}

/// Something that costs credits each time it happens.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct CreditEvent {
    /// Its name, by which backends consume.
    pub name: String,
    /// Credits for one.
    pub cost: i64,
    /// What it is grouped under.
    pub category: String,
    /// Whether it may be consumed.
    pub active: bool,
}
