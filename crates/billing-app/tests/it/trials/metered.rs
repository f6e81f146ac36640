//! What our engine bills by use is paid in arrears, whenever the events come.

use billing_app::{RecordUsage, ports::InvoiceFilter};
use billing_domain::{
    catalogue::{Aggregation, Charged, Component, Rate, Tier, Tiers},
    invoice::{InvoiceStatus, Line, LineKind},
    usage::UsageOperation,
};
use billing_testkit::builders::the_default_catalogue;

use super::*;
use crate::scene::everything;

/// From the 31st of March on: months are counted from a day that not all have.
fn nth(n: i32) -> Period {
    Anchor(day(17)).period(Interval::Month, n)
}

fn volume() -> Rate {
    let tier = |up_to, unit: i64| Tier { up_to, unit_amount: unit.into(), flat_amount: 0.into() };
    Rate::Volume { tiers: Tiers::new(vec![tier(Some(100), 10), tier(None, 5)]).unwrap() }
}

/// Sells `starter` at 9 dollars and what the calls cost, counted in this way.
fn selling(aggregation: Aggregation, rate: &Rate) -> Scene {
    let mut catalogue = the_default_catalogue();
    let meter = catalogue.meters.iter_mut().find(|it| it.key == "api_calls").unwrap();
    meter.aggregation = aggregation;
    let starter = catalogue.plans.iter_mut().find(|it| it.key == "starter").unwrap();
    for price in starter.versions.iter_mut().flat_map(|version| &mut version.prices) {
        price.trial_days = 17;
        price.components = vec![Component {
            name: "Calls".to_owned(),
            charged: Charged::Use { meter: "api_calls".to_owned() },
            rate: rate.clone(),
        }];
    }
    catalogue.check_prices(catalogue.plan("starter").unwrap()).unwrap();
    Scene::selling(catalogue)
}

impl Scene {
    /// Pays from the 31st of March on.
    async fn paying(&self) -> OrganizationId {
        let acme = self.with_card(true).await;
        self.try_starter(acme).await;
        self.until(nth(0).start).await;
        acme
    }

    async fn until(&self, at: OffsetDateTime) {
        self.clock.advance(at - self.clock.now());
        self.do_what_is_due().await;
    }

    async fn calls(&self, organization_id: OrganizationId, quantity: u64, at: OffsetDateTime) {
        let user = json!({ "user": self.store.counted(organization_id).len() });
        let usage = RecordUsage {
            organization_id,
            meter: "api_calls".to_owned(),
            quantity,
            at: Some(at),
            key: None,
            properties: user.as_object().cloned(),
            operation: UsageOperation::Track,
            decrement: false,
        };
        self.billing.record_usage(usage).await.unwrap();
    }

    /// The lines of use on the newest invoice: what they say, how many, and what that costs; and
    /// its total.
    async fn metered(&self, of: OrganizationId) -> (Vec<(String, i64, i64)>, i64) {
        let all = self.billing.invoices(of, InvoiceFilter::default(), everything()).await.unwrap();
        assert_eq!(all[0].status, InvoiceStatus::Paid);
        let metered = all[0].bill.parts().lines.iter().filter(|it| it.kind == LineKind::Metered);
        let shown = |it: &Line| (it.description.clone(), it.quantity, it.amount.minor());
        (metered.map(shown).collect(), all[0].bill.total().minor())
    }
}

fn line(description: &str, quantity: i64, amount: i64) -> (String, i64, i64) {
    (description.to_owned(), quantity, amount)
}

#[tokio::test]
async fn late_use_of_a_short_month_is_billed_once() {
    let scene = selling(Aggregation::Sum, &volume());
    let acme = scene.paying().await;
    scene.calls(acme, 5, nth(0).start).await;
    scene.until(nth(0).end).await;
    assert_eq!(scene.metered(acme).await, (vec![line("Calls", 5, 50)], 950));
    // Counted back from the 30th, and not from the 31st.
    scene.calls(acme, 10, nth(0).end - Duration::DAY).await;
    scene.until(nth(1).end).await;
    let late = vec![line("Calls", 0, 0), line("Calls, counted late", 10, 100)];
    assert_eq!(scene.metered(acme).await, (late, 1_000));
    scene.until(nth(2).end).await;
    assert_eq!(scene.metered(acme).await, (vec![line("Calls", 0, 0)], 900));
}

#[tokio::test]
async fn what_makes_all_of_it_cheaper_is_given_back() {
    let scene = selling(Aggregation::Sum, &volume());
    let acme = scene.paying().await;
    scene.calls(acme, 100, nth(0).start).await;
    scene.until(nth(0).end).await;
    assert_eq!(scene.metered(acme).await, (vec![line("Calls", 100, 1_000)], 1_900));
    scene.calls(acme, 1, nth(0).start).await;
    scene.until(nth(1).end).await;
    let late = vec![line("Calls", 0, 0), line("Calls, counted late", 1, -495)];
    assert_eq!(scene.metered(acme).await, (late, 405));
}

#[tokio::test]
async fn the_largest_and_distinct_values_are_billed_as_they_count() {
    let each = Rate::PerUnit { unit_amount: 7.into() };
    for (aggregation, used) in [
        (Aggregation::Max, 1),
        (Aggregation::Unique("user".to_owned()), 3),
        (Aggregation::Count, 3),
    ] {
        let scene = selling(aggregation, &each);
        let acme = scene.paying().await;
        for _ in 0..3 {
            scene.calls(acme, 1, nth(0).start).await;
        }
        scene.until(nth(0).end).await;
        assert_eq!(scene.metered(acme).await.0, [line("Calls", used, 7 * used)]);
    }
}

#[tokio::test]
async fn who_leaves_pays_for_what_was_used() {
    let scene = selling(Aggregation::Sum, &volume());
    let acme = scene.paying().await;
    scene.calls(acme, 5, nth(0).start).await;
    scene.end_with_the_period(acme).await;
    scene.until(nth(0).end).await;
    assert_eq!(scene.subscription(acme).await.status, Status::Cancelled { at: nth(0).end });
    assert_eq!(scene.metered(acme).await, (vec![line("Calls", 5, 50)], 50));
    assert_eq!(scene.gateway.charged().len(), 2);
    assert_eq!(scene.subscription(acme).await.period, nth(0), "nothing begins");
}

#[tokio::test]
async fn who_leaves_and_used_nothing_pays_nothing() {
    let scene = selling(Aggregation::Sum, &volume());
    let acme = scene.paying().await;
    scene.end_with_the_period(acme).await;
    scene.until(nth(0).end).await;
    let all = scene.billing.invoices(acme, InvoiceFilter::default(), everything()).await.unwrap();
    assert_eq!(all.len(), 2, "the pack and the first period");
}
