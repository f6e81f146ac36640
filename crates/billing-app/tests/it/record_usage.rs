use billing_app::{Error, Missing, RecordUsage, Refusal};
use billing_domain::{quota::QuotaReason, usage::UsageOperation};
use billing_testkit::{NOON, builders::a_fresh_id};
use serde_json::Map;
use time::{Duration, macros::datetime};

use crate::scene::{Scene, a_generation};

#[tokio::test]
async fn use_is_counted_up_to_the_limit_and_not_beyond() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    let answer = scene.generate(acme, 7).await;
    assert!(answer.recorded && !answer.replayed);
    assert_eq!((answer.report.answer.used, answer.report.answer.remaining), (7, Some(3)));
    let denied = scene.generate(acme, 4).await;
    assert!(!denied.recorded && !denied.report.answer.allowed);
    assert_eq!((denied.report.answer.used, denied.report.answer.remaining), (7, Some(3)));
    assert_eq!(denied.report.upgrade.unwrap().plan.key, "starter");
    assert!(scene.generate(acme, 3).await.recorded);
    assert_eq!(scene.store.counted(acme).len(), 2);
}

#[tokio::test]
async fn what_has_happened_is_counted_also_above_the_limit() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    let track =
        RecordUsage { operation: UsageOperation::Track, quantity: 25, ..a_generation(acme) };
    let answer = scene.billing.record_usage(track).await.unwrap();
    assert!(answer.recorded && answer.report.upgrade.is_none());
    assert_eq!(answer.report.answer.used, 25);
    assert_eq!(answer.report.answer.reason, QuotaReason::LimitReached);
    let next = scene.generate(acme, 1).await;
    assert!(!next.recorded);
    assert_eq!(next.report.answer.used, 25);
}

#[tokio::test]
async fn a_key_counts_once_and_a_denial_is_repeated() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    let keyed = async |key: &str, quantity| {
        let key = Some(key.to_owned());
        let request = RecordUsage { key, quantity, ..a_generation(acme) };
        scene.billing.record_usage(request).await
    };
    let first = keyed("one", 6).await.unwrap();
    let again = keyed("one", 6).await.unwrap();
    assert!(again.replayed && again.recorded);
    assert_eq!((again.decision, again.report.answer), (first.decision, first.report.answer));
    fails!(keyed("one", 5).await, Error::Refused(Refusal::KeyReused));

    assert!(!keyed("two", 5).await.unwrap().recorded);
    scene.subscribe(acme, "growth").await;
    let again = keyed("two", 5).await.unwrap();
    assert!(again.replayed && !again.recorded);
    assert_eq!(scene.store.counted(acme).len(), 1);
}

#[tokio::test]
async fn an_answer_that_was_lost_is_given_again_to_the_same_key() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    let keyed = || RecordUsage { key: Some("one".to_owned()), ..a_generation(acme) };
    scene.store.lose_next_commit();
    fails!(scene.billing.record_usage(keyed()).await, Error::Unavailable { .. });
    assert!(scene.billing.record_usage(keyed()).await.unwrap().replayed);
    assert_eq!(scene.store.counted(acme).len(), 1);
}

#[tokio::test]
async fn an_event_may_be_late_by_days_and_early_by_minutes() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    let at = async |at| {
        let request = RecordUsage { at: Some(at), ..a_generation(acme) };
        scene.billing.record_usage(request).await
    };
    let (late, early) = (NOON - Duration::days(35), NOON + Duration::minutes(5));
    assert!(at(late).await.unwrap().recorded);
    assert!(at(early).await.unwrap().recorded);
    let tick = Duration::MICROSECOND;
    fails!(at(late - tick).await, Error::Refused(Refusal::OutOfTime(_)));
    fails!(at(early + tick).await, Error::Refused(Refusal::OutOfTime(_)));
}

#[tokio::test]
async fn a_late_event_is_counted_in_the_window_in_which_it_happened() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    let february = Some(datetime!(2026-02-20 0:00 UTC));
    let late = RecordUsage { at: february, quantity: 10, ..a_generation(acme) };
    assert!(scene.billing.record_usage(late).await.unwrap().recorded);
    let march = scene.generate(acme, 10).await;
    assert!(march.recorded, "March is untouched");
    assert_eq!(march.report.answer.used, 10);
}

#[tokio::test]
async fn a_new_month_counts_anew_and_a_lifetime_never_does() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    let project =
        || RecordUsage { meter: "projects".to_owned(), quantity: 3, ..a_generation(acme) };
    assert!(scene.billing.record_usage(project()).await.unwrap().recorded);
    assert!(scene.generate(acme, 10).await.recorded);
    scene.clock.advance(Duration::days(31));
    assert!(scene.generate(acme, 10).await.recorded);
    assert!(!scene.billing.record_usage(project()).await.unwrap().recorded);
}

#[tokio::test]
async fn use_that_makes_no_sense_is_refused() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    let long = Map::from_iter([("a".to_owned(), "x".repeat(8_186).into())]);
    let many = (0..51).map(|n| (n.to_string(), true.into())).collect();
    for (wrong, named) in [
        (RecordUsage { quantity: 0, ..a_generation(acme) }, "quantity"),
        (RecordUsage { quantity: 1 << 53, ..a_generation(acme) }, "quantity"),
        (RecordUsage { properties: Some(long), ..a_generation(acme) }, "properties"),
        (RecordUsage { properties: Some(many), ..a_generation(acme) }, "properties"),
        (RecordUsage { key: Some("x".repeat(300)), ..a_generation(acme) }, "idempotency_key"),
        (RecordUsage { decrement: true, ..a_generation(acme) }, "decrement"),
        (RecordUsage { key: Some(String::new()), ..a_generation(acme) }, "idempotency_key"),
    ] {
        match scene.billing.record_usage(wrong).await {
            Err(Error::Invalid { field, .. }) => assert_eq!(field, named),
            other => panic!("{named}: {other:?}"),
        }
    }
    let unknown = RecordUsage { meter: "miles".to_owned(), ..a_generation(acme) };
    fails!(scene.billing.record_usage(unknown).await, Error::NotFound(Missing::Meter));
    fails!(
        scene.billing.record_usage(a_generation(a_fresh_id())).await,
        Error::NotFound(Missing::Organization)
    );
    assert!(scene.store.counted(acme).is_empty());
}
