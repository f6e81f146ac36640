//! The plans on sale.

mod components;

use std::collections::BTreeMap;

use actix_web::web::{Data, Json};
use billing_domain::catalogue::{
    Amount, FeatureValue, Limit as PlanLimit, Overage, Plan as SoldPlan, PlanVersion,
    Price as PlanPrice,
};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use self::components::Component;
use crate::{money::Money, page::List, problem::Problem, state::Http};

/// A plan on sale, in the version that new subscribers get.
#[derive(Serialize, ToSchema)]
pub(crate) struct Plan {
    id: Uuid,
    /// By which it is asked for.
    #[schema(example = "starter")]
    key: String,
    name: String,
    description: String,
    /// An organization has one live subscription per group.
    #[schema(example = "main")]
    product_group: String,
    version: i32,
    version_id: Uuid,
    /// Credits granted at the start of each month.
    included_credits: i64,
    prices: Vec<Price>,
    /// What is on or off, by key.
    features: BTreeMap<String, bool>,
    /// How much may be used, by meter.
    limits: BTreeMap<String, Limit>,
}

/// A price of a plan.
#[derive(Serialize, ToSchema)]
pub(crate) struct Price {
    id: Uuid,
    /// `month`, `quarter`, `half_year`, `year` or `two_years`.
    #[schema(example = "month")]
    interval: &'static str,
    price: Money,
    /// `flat`, or `per_seat`: so much for each of the subscription.
    #[schema(example = "flat")]
    model: &'static str,
    /// What is charged beside it, by the engine.
    components: Vec<Component>,
    /// Days before the first payment.
    trial_days: i32,
}

/// How much of a meter a plan allows.
#[derive(Serialize, ToSchema)]
pub(crate) struct Limit {
    /// Nothing when unlimited.
    limit: Option<u64>,
    unlimited: bool,
    /// `billing_period`, `calendar_month`, `lifetime`, `rolling_hours` or `rolling_days`.
    #[schema(example = "billing_period")]
    window: &'static str,
    /// How many hours or days, where it rolls.
    #[serde(skip_serializing_if = "Option::is_none")]
    window_length: Option<u16>,
    /// What happens above: `block` or `allow`.
    #[schema(example = "block")]
    policy: &'static str,
}

/// Lists the plans on sale, the smallest first.
#[utoipa::path(get, path = "/api/billing/plans", tag = "Catalogue",
    responses((status = 200, description = "All of them", body = List<Plan>)))]
pub(crate) async fn list(http: Data<Http>) -> Result<Json<List<Plan>>, Problem> {
    let catalogue = http.billing.catalogue().await?;
    let on_sale = catalogue.plans.iter().filter(|plan| plan.active);
    Ok(Json(List::all(on_sale.filter_map(shown).collect())))
}

fn shown(plan: &SoldPlan) -> Option<Plan> {
    let SoldPlan { id, key, name, description, product_group, active: _, versions: _ } = plan;
    let PlanVersion { id: version_id, number, included_credits, prices, features } =
        plan.current()?;
    let flag = |value: &FeatureValue| match value {
        FeatureValue::Flag(on) => Some(*on),
        FeatureValue::Limit(_) => None,
    };
    let limit = |value: &FeatureValue| match value {
        FeatureValue::Limit(limit) => Some((limit.meter.clone(), Limit::from(limit))),
        FeatureValue::Flag(_) => None,
    };
    Some(Plan {
        id: id.0,
        key: key.clone(),
        name: name.clone(),
        description: description.clone(),
        product_group: product_group.clone(),
        version: *number,
        version_id: version_id.0,
        included_credits: *included_credits,
        prices: prices.iter().filter(|price| price.active).map(Price::from).collect(),
        features: features
            .iter()
            .filter_map(|feature| Some((feature.key.clone(), flag(&feature.value)?)))
            .collect(),
        limits: features.iter().filter_map(|feature| limit(&feature.value)).collect(),
    })
}

impl From<&PlanPrice> for Price {
    fn from(price: &PlanPrice) -> Self {
        let PlanPrice {
            id,
            interval,
            amount,
            trial_days,
            active: _,
            stripe_price: _,
            model,
            components,
        } = price;
        Self {
            id: id.0,
            interval: interval.name(),
            price: Money::from(*amount),
            model: model.name(),
            components: components.iter().map(Component::from).collect(),
            trial_days: *trial_days,
        }
    }
}

impl From<&PlanLimit> for Limit {
    fn from(limit: &PlanLimit) -> Self {
        let PlanLimit { meter: _, amount, window, overage } = limit;
        let limit = match amount {
            Amount::AtMost(limit) => Some(*limit),
            Amount::Unlimited => None,
        };
        Self {
            limit,
            unlimited: limit.is_none(),
            window: window.name(),
            window_length: window.length(),
            policy: policy(*overage),
        }
    }
}

/// What happens above a limit, by its name on the wire.
pub(crate) const fn policy(overage: Overage) -> &'static str {
    match overage {
        Overage::Block => "block",
        Overage::Allow => "allow",
    }
}
