use billing_app::{Error, Missing, RecordUsage, Refusal, Tracked};
use billing_domain::usage::UsageOperation;
use billing_testkit::{NOON, builders::a_fresh_id};
use time::Duration;

use crate::scene::{Scene, a_generation};

#[tokio::test]
async fn the_good_ones_count_and_each_bad_one_says_why() {
    let scene = Scene::new();
    let (acme, other) = (scene.acme().await, scene.acme().await);
    let tracked = |key: &str| RecordUsage {
        key: Some(key.to_owned()),
        operation: UsageOperation::Track,
        ..a_generation(acme)
    };
    let late = Some(NOON - Duration::days(36));
    let batch = || {
        vec![
            tracked("a"),
            RecordUsage { meter: "miles".to_owned(), ..tracked("b") },
            RecordUsage { at: late, ..tracked("c") },
            RecordUsage { quantity: 0, ..tracked("d") },
            RecordUsage { organization_id: a_fresh_id(), ..tracked("e") },
            tracked("a"),
            RecordUsage { quantity: 2, ..tracked("a") },
            RecordUsage { organization_id: other, ..tracked("a") },
        ]
    };
    let told = |duplicate| Ok(Tracked { duplicate });
    let answers = scene.billing.record_usage_batch(batch()).await.unwrap();
    let [a, b, c, d, e, again, reused, of_other] = answers.try_into().unwrap();
    let plain = |it: Result<Tracked, Error>| it.map_err(|error| error.to_string());
    assert_eq!((plain(a), plain(again), plain(of_other)), (told(false), told(true), told(false)));
    fails!(b, Error::NotFound(Missing::Meter));
    fails!(c, Error::Refused(Refusal::OutOfTime(_)));
    fails!(d, Error::Invalid { field: "quantity", .. });
    fails!(e, Error::NotFound(Missing::Organization));
    fails!(reused, Error::Refused(Refusal::KeyReused));

    let answers = scene.billing.record_usage_batch(batch()).await.unwrap();
    let duplicates = answers.iter().flatten().filter(|it| it.duplicate).count();
    assert_eq!(duplicates, 3, "a batch that is sent again counts nothing");
    assert_eq!((scene.store.counted(acme).len(), scene.store.counted(other).len()), (1, 1));
}

#[tokio::test]
async fn a_batch_whose_answer_was_lost_may_be_sent_again() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    let batch = || {
        let tracked = |n: u32| RecordUsage {
            key: Some(n.to_string()),
            operation: UsageOperation::Track,
            ..a_generation(acme)
        };
        (0..9).map(tracked).collect()
    };
    scene.store.lose_next_commit();
    fails!(scene.billing.record_usage_batch(batch()).await, Error::Unavailable { .. });
    let answers = scene.billing.record_usage_batch(batch()).await.unwrap();
    assert!(answers.iter().flatten().all(|tracked| tracked.duplicate));
    assert_eq!(scene.store.counted(acme).len(), 9);
    assert!(scene.billing.record_usage_batch(Vec::new()).await.unwrap().is_empty());
}
