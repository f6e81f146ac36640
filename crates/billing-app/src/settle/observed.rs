//! A gateway's words in ours.

use billing_domain::{catalogue::Catalogue, subscription::Observation};
use time::OffsetDateTime;

use super::Unsettled;
use crate::ports::SeenSubscription;

/// What a gateway says of a subscription, in our words, with the product group of the plan.
pub(crate) fn observed(
    catalogue: &Catalogue,
    seen: &SeenSubscription,
    asked_at: OffsetDateTime,
) -> Result<(Observation, String), Unsettled> {
    let pushed = catalogue.plans.iter().find_map(|plan| {
        plan.versions.iter().find_map(|version| {
            let is_it = |id: &String| *id == seen.price.gateway_price;
            let price =
                version.prices.iter().find(|it| it.stripe_price.as_ref().is_some_and(is_it))?;
            Some((plan, version, price))
        })
    });
    let (plan, version, price) = pushed
        .or_else(|| catalogue.price(seen.price.price_id?))
        .ok_or_else(|| Unsettled::UnknownPrice(seen.price.gateway_price.clone()))?;
    let observation = Observation {
        plan_version_id: version.id,
        price_id: price.id,
        interval: price.interval,
        quantity: seen.quantity,
        status: seen.status,
        period: seen.period,
        cancel_at_period_end: seen.cancel_at_period_end,
        observed_at: asked_at,
    };
    Ok((observation, plan.product_group.clone()))
}
