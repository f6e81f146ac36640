//! The catalogue that a new installation starts with.

use uuid::Uuid;

use crate::{
    catalogue::{
        Aggregation, Amount, Catalogue, CreditEvent, CreditProduct, Feature, FeatureValue, Limit,
        Meter, Model, Overage, Plan, PlanVersion, Price, Window,
    },
    currency::Currency,
    id::{CreditProductId, PlanId, PlanVersionId, PriceId},
    money::Money,
    period::Interval,
    tax::{TaxBehavior, tax_rates},
};

/// Where the ids of a new catalogue come from.
pub type Seed<'a> = &'a mut dyn FnMut() -> Uuid;

/// A plan in one line: key, name, description, monthly price in USD, EUR and EGP (major units),
/// credits a month, limits in the order of `METERS`, feature flags.
type Row = (
    (&'static str, &'static str, &'static str),
    [i64; 3],
    i64,
    [Amount; 6],
    &'static [&'static str],
);

use Amount::{AtMost, Unlimited};

const PLANS: [Row; 4] = [
    (
        ("free", "Free", "To look around."),
        [0, 0, 0],
        0,
        [AtMost(3), AtMost(10), AtMost(1), AtMost(100), AtMost(1_000), AtMost(1)],
        &[],
    ),
    (
        ("starter", "Starter", "For one team that ships."),
        [9, 8, 450],
        1_000,
        [AtMost(10), AtMost(100), AtMost(10), AtMost(500), AtMost(50_000), AtMost(5)],
        &[],
    ),
    (
        ("growth", "Growth", "For several teams that grow."),
        [29, 26, 1_450],
        5_000,
        [AtMost(50), AtMost(500), AtMost(50), AtMost(2_000), AtMost(500_000), AtMost(20)],
        &["custom_domain", "priority_support"],
    ),
    (
        ("scale", "Scale", "Without limits on projects and calls."),
        [59, 53, 2_950],
        20_000,
        [Unlimited, Unlimited, Unlimited, AtMost(10_000), Unlimited, Unlimited],
        &["custom_domain", "priority_support", "white_label", "sso"],
    ),
];

/// What is counted, and within what time: things that exist now have no period.
const METERS: [(&str, &str, Window); 6] = [
    ("projects", "Projects", Window::Lifetime),
    ("ai_generations", "AI generations", Window::BillingPeriod),
    ("exports", "Exports", Window::BillingPeriod),
    ("storage_mb", "Storage (MB)", Window::Lifetime),
    ("api_calls", "API calls", Window::BillingPeriod),
    ("team_members", "Team members", Window::Lifetime),
];

const FLAGS: [&str; 4] = ["custom_domain", "priority_support", "white_label", "sso"];

/// Credits and price in whole dollars.
const CREDIT_PRODUCTS: [(i64, i64); 4] = [(100, 15), (1_000, 25), (2_500, 50), (5_000, 90)];

const CREDIT_EVENTS: [(&str, i64, &str); 7] = [
    ("api_call_basic", 1, "api"),
    ("api_call_premium", 5, "api"),
    ("storage_gb_month", 10, "storage"),
    ("ai_inference", 25, "ai"),
    ("compute_hour", 100, "compute"),
    ("data_export", 50, "data"),
    ("webhook_delivery", 2, "messaging"),
];

/// A year costs ten months.
const MONTHS_PER_YEARLY_PRICE: i64 = 10;

/// The default catalogue, with ids from `next`.
pub fn seed(next: Seed<'_>) -> Catalogue {
    Catalogue {
        plans: PLANS.iter().map(|row| plan(row, next)).collect(),
        credit_products: CREDIT_PRODUCTS.iter().map(|row| credit_product(row, next)).collect(),
        credit_events: CREDIT_EVENTS
            .iter()
            .map(|(name, cost, category)| CreditEvent {
                name: (*name).to_owned(),
                cost: *cost,
                category: (*category).to_owned(),
                active: true,
            })
            .collect(),
        meters: METERS
            .iter()
            .map(|(key, name, _)| Meter {
                key: (*key).to_owned(),
                name: (*name).to_owned(),
                aggregation: Aggregation::Sum,
            })
            .collect(),
        tax_rates: tax_rates(),
    }
}

fn plan((words, monthly, included_credits, limits, flags): &Row, next: Seed<'_>) -> Plan {
    let (key, name, description) = *words;
    let version = PlanVersion {
        id: PlanVersionId(next()),
        number: 1,
        included_credits: *included_credits,
        prices: prices(monthly, next),
        features: features(limits, flags),
    };
    Plan {
        id: PlanId(next()),
        key: key.to_owned(),
        name: name.to_owned(),
        description: description.to_owned(),
        product_group: "main".to_owned(),
        active: true,
        versions: vec![version],
    }
}

fn prices(monthly: &[i64; 3], next: Seed<'_>) -> Vec<Price> {
    let currencies = [Currency::USD, Currency::EUR, Currency::EGP];
    let months = [(Interval::Month, 1), (Interval::Year, MONTHS_PER_YEARLY_PRICE)];
    let mut prices = Vec::new();
    for (currency, amount) in currencies.into_iter().zip(monthly) {
        for (interval, months) in months {
            prices.push(Price {
                id: PriceId(next()),
                interval,
                amount: Money::new(amount * months * 100, currency),
                trial_days: 0,
                active: true,
                stripe_price: None,
                model: Model::PerSeat,
                components: Vec::new(),
            });
        }
    }
    prices
}

fn features(limits: &[Amount; 6], flags: &[&str]) -> Vec<Feature> {
    let limits = METERS.iter().zip(limits).map(|((meter, _, window), amount)| Feature {
        key: (*meter).to_owned(),
        value: FeatureValue::Limit(Limit {
            meter: (*meter).to_owned(),
            amount: *amount,
            window: *window,
            overage: Overage::Block,
        }),
    });
    let flags = FLAGS.iter().map(|flag| Feature {
        key: (*flag).to_owned(),
        value: FeatureValue::Flag(flags.contains(flag)),
    });
    limits.chain(flags).collect()
}

fn credit_product((credits, dollars): &(i64, i64), next: Seed<'_>) -> CreditProduct {
    CreditProduct {
        id: CreditProductId(next()),
        key: format!("credits_{credits}"),
        name: format!("{credits} credits"),
        credits: *credits,
        prices: vec![Money::new(dollars * 100, Currency::USD)],
        tax: TaxBehavior::Inclusive,
        active: true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::Offer;

    fn catalogue() -> Catalogue {
        let mut n = 0_u128;
        seed(&mut || {
            n += 1;
            Uuid::from_u128(n)
        })
    }

    #[test]
    fn prices_are_those_of_the_requirements() {
        let catalogue = catalogue();
        let amount = |plan: &str, currency, interval| {
            let version = catalogue.plan(plan).unwrap().current().unwrap();
            version.price_for(&Offer { currency, interval }).unwrap().amount.to_string()
        };
        assert_eq!(amount("starter", Currency::USD, Interval::Month), "9.00 USD");
        assert_eq!(amount("scale", Currency::EGP, Interval::Month), "2950.00 EGP");
        assert_eq!(amount("growth", Currency::EUR, Interval::Year), "260.00 EUR");
        let yen = "JPY".parse().unwrap();
        assert_eq!(amount("growth", yen, Interval::Month), "29.00 USD", "falls back to dollars");
    }

    #[test]
    fn the_cheapest_plan_that_allows_a_total_is_found() {
        let catalogue = catalogue();
        let like = Offer { currency: Currency::USD, interval: Interval::Month };
        let cheapest = |meter, total| {
            catalogue.cheapest_allowing(meter, total, &like).map(|(plan, _)| plan.key.as_str())
        };
        assert_eq!(cheapest("ai_generations", 10), Some("free"));
        assert_eq!(cheapest("ai_generations", 11), Some("starter"));
        assert_eq!(cheapest("ai_generations", 501), Some("scale"));
        assert_eq!(cheapest("storage_mb", 10_001), None);
        assert_eq!(cheapest("nothing", 1), None);
    }
}
