use billing_app::{Error, ports::LedgerQueries};
use billing_domain::credits::EntryKind;
use billing_testkit::NOON;
use time::Duration;

use crate::{
    grant_credits::{for_a_day, give},
    scene::{Scene, everything},
};

#[tokio::test]
async fn idle_accounts_are_woken_when_something_is_due_and_only_then() {
    let scene = Scene::new();
    let (acme, idle) = (scene.acme().await, scene.acme().await);
    give(&scene, idle, 5).await;
    scene.billing.grant_credits(for_a_day(acme, 10)).await.unwrap();
    assert_eq!(scene.billing.book_due_credits().await.unwrap(), 0);
    let balance = async || scene.store.credits(acme).await.unwrap().unwrap().balance;

    scene.clock.advance(Duration::HOUR);
    assert_eq!(scene.billing.book_due_credits().await.unwrap(), 1);
    assert_eq!(balance().await, 10);
    assert_eq!(scene.billing.book_due_credits().await.unwrap(), 0);

    scene.clock.advance(Duration::days(3));
    assert_eq!(scene.billing.book_due_credits().await.unwrap(), 1);
    assert_eq!(balance().await, 0);
    let entries = scene.billing.credit_entries(acme, everything()).await.unwrap();
    let [expired, earned] = &entries[..] else { panic!("two rows: {entries:?}") };
    assert_eq!((expired.kind, expired.at), (EntryKind::Expired, NOON + Duration::DAY));
    assert_eq!((earned.kind, earned.at), (EntryKind::Earned, NOON + Duration::HOUR));
}

#[tokio::test]
async fn what_could_not_be_booked_is_still_due() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    scene.billing.grant_credits(for_a_day(acme, 10)).await.unwrap();
    scene.clock.advance(Duration::HOUR);
    scene.store.fail_next_commit();
    fails!(scene.billing.book_due_credits().await, Error::Unavailable { .. });
    assert_eq!(scene.billing.book_due_credits().await.unwrap(), 1);
}
