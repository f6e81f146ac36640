//! What is on sale.

use billing_app::ports::Ids;
use billing_domain::{
    catalogue::{Catalogue, Offer, PlanVersion, Price, seed},
    currency::Currency,
    period::Interval,
};

use crate::Counting;

/// The catalogue of a new installation, always with the same ids.
pub fn the_default_catalogue() -> Catalogue {
    let ids = Counting::series(2);
    seed(&mut || ids.next())
}

/// The current version of a plan of the default catalogue, with its monthly price in dollars.
pub fn a_price_of(plan: &str) -> (PlanVersion, Price) {
    let catalogue = the_default_catalogue();
    let version = catalogue.plan(plan).and_then(|plan| plan.current());
    let version = version.expect("the plan is in the default catalogue");
    let offer = Offer { currency: Currency::USD, interval: Interval::Month };
    let price = version.price_for(&offer).expect("every plan has a price in dollars");
    (version.clone(), price.clone())
}
