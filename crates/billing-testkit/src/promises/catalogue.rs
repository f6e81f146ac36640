//! What is on sale.

use billing_app::ports::Scope;
use billing_domain::{
    catalogue::{
        Aggregation, Amount, Catalogue, Charged, Component, CreditEvent, CreditProduct, Feature,
        FeatureValue, Limit, Meter, Model, Overage, Plan, PlanVersion, Price, Rate, Rolling, Tier,
        Tiers, Window,
    },
    currency::Currency,
    money::Money,
    period::Interval,
    tax::{TaxBehavior, tax_rates},
};

use super::Promise;
use crate::{
    Subject,
    builders::{a_fresh_id, the_default_catalogue},
};

/// Credit events and meters are read by name, whatever the order in which they were added.
fn as_read(mut catalogue: Catalogue) -> Catalogue {
    catalogue.credit_events.sort_by(|a, b| a.name.cmp(&b.name));
    catalogue.meters.sort_by(|a, b| a.key.cmp(&b.key));
    catalogue
}

/// Every field comes back, in the order in which it is shown.
pub async fn the_catalogue_comes_back_as_it_was(subject: &Subject) -> Promise {
    subject.sell().await?;
    let expected = as_read(the_default_catalogue());
    assert_eq!(subject.catalogue.catalogue().await?, expected);
    assert_eq!(subject.engine().await?.catalogue().read().await?, expected);
    Ok(())
}

/// What is there under a key stays, though somebody adds another under it.
pub async fn what_is_on_sale_stays_as_it_is(subject: &Subject) -> Promise {
    subject.sell().await?;
    let mut other = the_default_catalogue();
    let plan = other.plans.first_mut().expect("there are plans");
    (plan.id, plan.name) = (a_fresh_id(), "Other".to_owned());
    for version in &mut plan.versions {
        version.id = a_fresh_id();
        version.prices.clear();
    }
    let product = other.credit_products.first_mut().expect("there are packs");
    (product.id, product.credits) = (a_fresh_id(), 1);
    let event = other.credit_events.first_mut().expect("there are events");
    event.cost += 1;
    let meter = other.meters.first_mut().expect("there are meters");
    meter.name.push('!');
    let rate = other.tax_rates.first_mut().expect("there are rates");
    rate.name.push('!');
    let mut work = subject.store.begin(Scope::Operator).await?;
    for plan in &other.plans {
        work.catalogue().add_plan(plan, 9).await?;
    }
    for product in &other.credit_products {
        work.catalogue().add_credit_product(product).await?;
    }
    for event in &other.credit_events {
        work.catalogue().add_credit_event(event).await?;
    }
    for meter in &other.meters {
        work.catalogue().add_meter(meter).await?;
    }
    for rate in &other.tax_rates {
        work.catalogue().add_tax_rate(rate).await?;
    }
    work.commit().await?;
    assert_eq!(subject.catalogue.catalogue().await?, as_read(the_default_catalogue()));
    Ok(())
}

const A_DAY: Window = Window::Rolling(Rolling::Hours(24));
const A_WEEK: Window = Window::Rolling(Rolling::Days(7));
const BLOCK: Overage = Overage::Block;

/// One of each sort, with each model.
fn some_components() -> Vec<Component> {
    let amount = |text: &str| text.parse().expect("it is a number");
    let tier =
        |up_to, unit, flat| Tier { up_to, unit_amount: amount(unit), flat_amount: amount(flat) };
    let tiers = || {
        let tiers = vec![tier(Some(1_000), "0", "0"), tier(None, "0.000000000001", "12.5")];
        Tiers::new(tiers).expect("they follow each other")
    };
    let one = |name: &str, charged, rate| Component { name: name.to_owned(), charged, rate };
    let (mails, calls) = (|| "mails".to_owned(), || "calls".to_owned());
    let package = Rate::Package { size: 100.try_into().expect("some"), amount: amount("499") };
    let people = Charged::Use { meter: "people".to_owned() };
    vec![
        one("Seats", Charged::Seats { included: 3 }, Rate::PerUnit { unit_amount: amount("250") }),
        one("مكالمات", Charged::Use { meter: calls() }, Rate::Graduated { tiers: tiers() }),
        one("Mails", Charged::Overage { meter: mails() }, package),
        one("People", people, Rate::Volume { tiers: tiers() }),
    ]
}

/// A plan with something of everything.
fn a_rich_plan() -> Plan {
    let limit = |meter: &str, amount, window, overage| Feature {
        key: meter.to_owned(),
        value: FeatureValue::Limit(Limit { meter: meter.to_owned(), amount, window, overage }),
    };
    let price = |interval, trial_days, active| Price {
        id: a_fresh_id(),
        interval,
        amount: Money::new(1, Currency::EGP),
        trial_days,
        active,
        stripe_price: active.then(|| "price_1".to_owned()),
        model: if active { Model::PerSeat } else { Model::Flat },
        components: if active { some_components() } else { Vec::new() },
    };
    let version = |number, included_credits| PlanVersion {
        id: a_fresh_id(),
        number,
        included_credits,
        prices: Interval::ALL.iter().map(|every| price(*every, number, number == 2)).collect(),
        features: vec![
            Feature { key: "sso".to_owned(), value: FeatureValue::Flag(number == 1) },
            limit("seats", Amount::AtMost(u64::from(u32::MAX)), Window::Lifetime, Overage::Block),
            limit("calls", Amount::Unlimited, Window::CalendarMonth, Overage::Allow),
            limit("mails", Amount::AtMost(0), Window::BillingPeriod, Overage::Allow),
            Feature { key: "burst".to_owned(), ..limit("calls", Amount::AtMost(5), A_DAY, BLOCK) },
            Feature { key: "week".to_owned(), ..limit("mails", Amount::AtMost(9), A_WEEK, BLOCK) },
        ],
    };
    Plan {
        id: a_fresh_id(),
        key: "rich".to_owned(),
        name: "Rich".to_owned(),
        description: "Something of everything — “quoted”.".to_owned(),
        product_group: "addon".to_owned(),
        active: false,
        versions: vec![version(1, 0), version(2, 1_000_000)],
    }
}

/// A plan with several versions, every interval and every kind of limit.
pub async fn a_rich_plan_comes_back_as_it_was(subject: &Subject) -> Promise {
    let (rich, small) = (a_rich_plan(), Plan { key: "small".to_owned(), ..a_rich_plan() });
    let meter = |(key, aggregation): (&str, _)| Meter {
        key: key.to_owned(),
        name: key.to_owned(),
        aggregation,
    };
    let meters = [
        ("calls", Aggregation::Sum),
        ("mails", Aggregation::Count),
        ("peak", Aggregation::Max),
        ("people", Aggregation::Unique("user".to_owned())),
        ("seats", Aggregation::Latest),
    ]
    .map(meter);
    let product = CreditProduct {
        id: a_fresh_id(),
        key: "pack".to_owned(),
        name: "Pack".to_owned(),
        credits: 7,
        prices: vec![Money::new(5, Currency::EUR), Money::new(6, Currency::USD)],
        tax: TaxBehavior::Exclusive,
        active: false,
    };
    let event =
        CreditEvent { name: "old".to_owned(), cost: 0, category: "gone".to_owned(), active: false };
    let mut work = subject.store.begin(Scope::Operator).await?;
    for meter in &meters {
        work.catalogue().add_meter(meter).await?;
    }
    work.catalogue().add_plan(&rich, 2).await?;
    work.catalogue().add_plan(&small, 1).await?;
    work.catalogue().add_credit_product(&product).await?;
    work.catalogue().add_credit_event(&event).await?;
    for rate in tax_rates().iter().chain(&tax_rates()) {
        work.catalogue().add_tax_rate(rate).await?;
    }
    let seen = work.catalogue().read().await?;
    work.commit().await?;
    let expected = Catalogue {
        plans: vec![small, rich],
        credit_products: vec![product],
        credit_events: vec![event],
        meters: meters.to_vec(),
        tax_rates: tax_rates(),
    };
    assert_eq!(seen, expected, "as the unit saw it");
    assert_eq!(subject.catalogue.catalogue().await?, expected, "as committed");
    Ok(())
}
