//! Workers, clocks and stores that fail one another at the worst moment.

use std::sync::Arc;

use billing_app::{
    Error, Progress,
    ports::{About, WebhookStatus},
};
use billing_domain::{id::OrganizationId, subscription::Status};
use billing_testkit::Call;
use time::Duration;

use crate::scene::Scene;

/// Somebody paid for `growth`, and the notice waits to be processed.
async fn paid() -> (Arc<Scene>, OrganizationId) {
    let scene = Arc::new(Scene::new());
    let acme = scene.acme().await;
    let session = scene.start(acme, "growth").await.expect("a page opens").page.session.id;
    scene.gateway.pay(&session);
    scene.tell(About::Checkout(session)).await;
    (scene, acme)
}

async fn has_happened_once(scene: &Scene, acme: OrganizationId) {
    assert_eq!(
        scene.happened(),
        [
            "checkout.opened",
            "subscription.created",
            "checkout.completed",
            "payment.updated",
            "invoice.updated"
        ]
    );
    assert_eq!((scene.balance(acme).await, scene.payments(acme).await.len()), (5_000, 1));
    assert_eq!(scene.webhooks().await.remove(0).status, WebhookStatus::Processed);
}

async fn has_not_happened(scene: &Scene, acme: OrganizationId) {
    assert_eq!(scene.happened(), ["checkout.opened"]);
    assert_eq!((scene.balance(acme).await, scene.payments(acme).await.len()), (0, 0));
    assert_eq!(scene.plan(acme).await, "free");
}

#[tokio::test]
async fn a_claim_that_another_worker_took_over_changes_nothing_twice() {
    let (scene, acme) = paid().await;
    let other = scene.clone();
    scene.gateway.meanwhile(Call::FindSubscription, move || async move {
        other.clock.advance_wall(Duration::seconds(120));
        assert_eq!(other.process().await, Progress { done: 1, failed: 0 });
    });
    let slow = scene.billing.process_webhooks().await.unwrap();
    assert_eq!(slow, Progress { done: 0, failed: 1 });
    has_happened_once(&scene, acme).await;
    assert!(!scene.process().await.any());
}

#[tokio::test]
async fn a_webhook_that_is_being_processed_is_not_claimed_again() {
    let (scene, acme) = paid().await;
    let other = scene.clone();
    scene.gateway.meanwhile(Call::FindSubscription, move || async move {
        other.clock.advance_wall(Duration::seconds(44));
        assert!(!other.process().await.any());
    });
    assert_eq!(scene.process().await, Progress { done: 1, failed: 0 });
    has_happened_once(&scene, acme).await;
}

#[tokio::test]
async fn a_store_that_goes_down_in_the_middle_leaves_nothing_half_done() {
    let (scene, acme) = paid().await;
    let other = scene.clone();
    scene.gateway.meanwhile(Call::FindSubscription, move || async move {
        other.store.go_down();
    });
    fails!(scene.billing.process_webhooks().await, Error::Unavailable { .. });
    scene.store.come_back();
    has_not_happened(&scene, acme).await;
    scene.clock.advance_wall(Duration::seconds(120));
    assert_eq!(scene.process().await, Progress { done: 1, failed: 0 });
    has_happened_once(&scene, acme).await;
}

#[tokio::test]
async fn a_commit_that_failed_is_tried_again() {
    let (scene, acme) = paid().await;
    scene.store.fail_next_commit();
    assert_eq!(scene.process().await, Progress { done: 0, failed: 1 });
    has_not_happened(&scene, acme).await;
    scene.clock.advance_wall(Duration::minutes(2));
    assert_eq!(scene.process().await, Progress { done: 1, failed: 0 });
    has_happened_once(&scene, acme).await;
}

#[tokio::test]
async fn a_commit_whose_answer_was_lost_has_one_effect() {
    let (scene, acme) = paid().await;
    scene.store.lose_next_commit();
    assert_eq!(scene.process().await, Progress { done: 0, failed: 1 });
    has_happened_once(&scene, acme).await;
    scene.clock.advance_wall(Duration::DAY);
    assert!(!scene.process().await.any(), "it is marked");
    has_happened_once(&scene, acme).await;
}

#[tokio::test]
async fn an_older_observation_is_ignored_after_a_newer_one() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    let subscription = scene.subscribe(acme, "growth").await;
    scene.clock.advance_wall(-Duration::MINUTE);
    scene.gateway.retouch_subscriptions(|seen| seen.status = Status::Incomplete);
    let older = scene.hear(About::Subscription(subscription.clone())).await;
    assert_eq!(older, Progress { done: 1, failed: 0 });
    assert_eq!(scene.subscription(acme).await.status, Status::Active);
    scene.clock.advance_wall(Duration::minutes(2));
    scene.hear(About::Subscription(subscription)).await;
    assert_eq!(scene.subscription(acme).await.status, Status::Incomplete);
}

#[tokio::test]
async fn an_older_observation_holds_off_even_where_the_newer_one_brought_no_news() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    let subscription = scene.subscribe(acme, "growth").await;
    scene.clock.advance_wall(Duration::MINUTE);
    scene.hear(About::Subscription(subscription.clone())).await;
    scene.clock.advance_wall(-Duration::seconds(30));
    scene.gateway.retouch_subscriptions(|seen| seen.status = Status::Incomplete);
    scene.hear(About::Subscription(subscription)).await;
    assert_eq!(scene.subscription(acme).await.status, Status::Active);
}

#[tokio::test]
async fn an_older_paid_invoice_does_not_pay_the_period_that_runs_now() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    let subscription = scene.subscribe(acme, "growth").await;
    let first = scene.subscription(acme).await.period;
    scene.clock.advance(Duration::days(31));
    scene.gateway.renew(&subscription);
    scene.gateway.retouch_subscriptions(|seen| {
        seen.latest_invoice.as_mut().unwrap().paid = false;
    });
    scene.hear(About::Subscription(subscription.clone())).await;
    assert_eq!((scene.balance(acme).await, scene.plan(acme).await.as_str()), (0, "growth"));

    // A slow worker that had asked before the renewal.
    scene.clock.advance_wall(-Duration::MINUTE);
    scene.gateway.retouch_subscriptions(move |seen| seen.period = first);
    scene.hear(About::Subscription(subscription.clone())).await;
    assert_eq!(scene.balance(acme).await, 0);

    scene.clock.advance_wall(Duration::minutes(2));
    scene.gateway.retouch_subscriptions(|_| ());
    scene.hear(About::Subscription(subscription)).await;
    assert_eq!(scene.balance(acme).await, 5_000);
}
