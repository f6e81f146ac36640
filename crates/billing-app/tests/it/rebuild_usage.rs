use billing_app::{Error, Missing, RecordUsage, Refusal};
use billing_domain::{
    catalogue::{
        Aggregation, Amount, Catalogue, Feature, FeatureValue, Limit, Meter, Overage, Window,
    },
    usage::{Counter, CounterKey, CounterWindow, UsageOperation},
};
use billing_testkit::{
    NOON,
    builders::{a_fresh_id, the_default_catalogue},
};
use serde_json::{Map, Value};

use crate::scene::{Scene, a_generation};

/// The default catalogue, and a meter of every other aggregation: ten of each on the free plan.
fn every_aggregation() -> Catalogue {
    let mut catalogue = the_default_catalogue();
    for (key, aggregation) in [
        ("calls", Aggregation::Count),
        ("peak", Aggregation::Max),
        ("disk", Aggregation::Latest),
        ("people", Aggregation::Unique("user".to_owned())),
    ] {
        let (key, name) = (key.to_owned(), key.to_owned());
        let (amount, window, overage) = (Amount::AtMost(10), Window::Lifetime, Overage::Block);
        let limit = Limit { meter: key.clone(), amount, window, overage };
        let feature = Feature { key: key.clone(), value: FeatureValue::Limit(limit) };
        for plan in &mut catalogue.plans {
            for version in &mut plan.versions {
                version.features.push(feature.clone());
            }
        }
        catalogue.meters.push(Meter { key, name, aggregation });
    }
    catalogue
}

fn user(value: impl Into<Value>) -> Option<Map<String, Value>> {
    Some(Map::from_iter([("user".to_owned(), value.into())]))
}

#[tokio::test]
async fn meters_count_in_their_way() {
    let scene = Scene::selling(every_aggregation());
    let acme = scene.acme().await;
    let track = async |meter: &str, quantity, properties| {
        let operation = UsageOperation::Track;
        let meter = meter.to_owned();
        let usage = RecordUsage { meter, quantity, properties, operation, ..a_generation(acme) };
        scene.billing.record_usage(usage).await
    };
    for (meter, quantity, properties, used) in [
        ("calls", 1, None, 1),
        ("calls", 1, None, 2),
        ("peak", 7, None, 7),
        ("peak", 3, None, 7),
        ("disk", 7, None, 7),
        ("disk", 3, None, 3),
        ("people", 1, user("1"), 1),
        ("people", 1, user(1), 2),
        ("people", 1, user("1"), 2),
    ] {
        let answer = track(meter, quantity, properties).await.unwrap();
        assert_eq!(answer.report.answer.used, used, "{meter}");
    }
    fails!(track("calls", 2, None).await, Error::Invalid { field: "quantity", .. });
    for wrong in [None, user(Value::Null), user(vec![1]), user("x".repeat(254))] {
        fails!(track("people", 1, wrong).await, Error::Invalid { field: "properties", .. });
    }
    for meter in ["peak", "disk", "people"] {
        let meter = meter.to_owned();
        let checked = RecordUsage { meter, properties: user(1), ..a_generation(acme) };
        let down =
            RecordUsage { decrement: true, operation: UsageOperation::Track, ..checked.clone() };
        for refused in [checked, down] {
            fails!(
                scene.billing.record_usage(refused).await,
                Error::Refused(Refusal::NotOnThisMeter { .. })
            );
        }
    }
    assert_eq!(scene.billing.check_quota(acme, "people", 8).await.unwrap().answer.used, 2);
    assert!(scene.billing.rebuild_usage(acme).await.unwrap().is_as_before());
}

#[tokio::test]
async fn a_damaged_counter_is_healed_and_an_undamaged_one_stays() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    let project = |quantity, decrement| RecordUsage {
        meter: "projects".to_owned(),
        quantity,
        decrement,
        operation: UsageOperation::Track,
        ..a_generation(acme)
    };
    for (quantity, down) in [(5, false), (2, true), (9, true), (4, false)] {
        scene.billing.record_usage(project(quantity, down)).await.unwrap();
    }
    let rebuilt = scene.billing.rebuild_usage(acme).await.unwrap();
    assert!(rebuilt.is_as_before() && rebuilt.events == 4, "{rebuilt:?}");

    let start = Window::Lifetime.around(NOON, None).start;
    let key = CounterKey { meter: "projects".into(), window: CounterWindow::Lifetime, start };
    let damaged = Counter { used: 77, warned: 100, ..Counter::default() };
    scene.store.damage_counter(acme, key.clone(), damaged);
    let rebuilt = scene.billing.rebuild_usage(acme).await.unwrap();
    assert_eq!(rebuilt.correction.counters, [(key, Counter { used: 4, ..damaged })]);
    assert_eq!(scene.billing.check_quota(acme, "projects", 1).await.unwrap().answer.used, 4);
    assert!(scene.billing.rebuild_usage(acme).await.unwrap().is_as_before());

    let nobody = scene.billing.rebuild_usage(a_fresh_id()).await;
    fails!(nobody, Error::NotFound(Missing::Organization));
}
