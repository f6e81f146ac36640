use billing_app::{
    Progress,
    ports::{About, Inbox, PaymentGateway, Scope, Store, WebhookRow, WebhookStatus},
};
use billing_domain::organization::Customer;
use billing_domain::organization::Organization;
use billing_testkit::builders::{
    a_new_customer, a_plan_checkout_request, a_webhook, an_event, an_organization,
};
use time::Duration;

use crate::scene::{Scene, mended};

/// Somebody subscribed at the gateway whom nobody knows here.
async fn a_stranger(scene: &Scene) -> (Organization, Customer, String) {
    let organization = an_organization();
    let made = scene.gateway.customers().create(&a_new_customer(&organization)).await;
    let reference = made.expect("the gateway works");
    let subscription = subscribed(scene, &organization, &reference.id).await;
    let created_at = organization.created_at;
    let customer = Customer { organization_id: organization.id, reference, created_at };
    (organization, customer, subscription)
}

/// A subscription of a customer that did not begin on a page of ours.
async fn subscribed(scene: &Scene, organization: &Organization, customer: &str) -> String {
    let request = a_plan_checkout_request(organization.id, customer);
    let page = scene.gateway.checkouts().open(&request).await.expect("the gateway works");
    scene.gateway.pay(&page.session.id).subscription.expect("it began")
}

async fn the_webhook(scene: &Scene) -> WebhookRow {
    scene.webhooks().await.remove(0)
}

#[tokio::test]
async fn an_unknown_customer_is_tried_again_by_the_schedule_and_then_waits_for_a_person() {
    let scene = Scene::new();
    let (_, customer, subscription) = a_stranger(&scene).await;
    let failed = Progress { done: 0, failed: 1 };
    assert_eq!(scene.hear(About::Subscription(subscription)).await, failed);
    for (tried, minutes) in (1..).zip([1, 2, 4, 8, 16, 32, 60, 60]) {
        let row = the_webhook(&scene).await;
        assert_eq!((row.status, row.attempts), (WebhookStatus::Retrying, tried));
        let wait = row.next_attempt_at.unwrap() - billing_app::ports::Clock::wall(&*scene.clock);
        let least = Duration::minutes(minutes);
        assert!(least <= wait && wait <= least * 5 / 4, "{wait} after {tried}");
        scene.clock.advance_wall(wait - Duration::MICROSECOND);
        assert!(!scene.process().await.any(), "not before it is due");
        scene.clock.advance_wall(Duration::MICROSECOND);
        assert_eq!(scene.process().await, failed);
    }
    let row = the_webhook(&scene).await;
    assert_eq!((row.status, row.attempts, row.next_attempt_at), (WebhookStatus::Dead, 9, None));
    let error = row.error.unwrap();
    assert!(error.contains(&customer.reference.id), "{error}");
    assert_eq!(scene.billing.health().await.unwrap().dead, 1);
    scene.clock.advance_wall(Duration::days(30));
    assert!(!scene.process().await.any());
}

#[tokio::test]
async fn what_waits_for_a_person_can_be_processed_again_once_the_cause_is_gone() {
    let scene = Scene::new();
    let (organization, customer, subscription) = a_stranger(&scene).await;
    scene.hear(About::Subscription(subscription)).await;
    let mut work = scene.store.begin(Scope::Operator).await.unwrap();
    let created = an_event(organization.id);
    work.organizations().insert(&organization, &[created]).await.unwrap();
    work.organizations().link_customer(&customer).await.unwrap();
    work.commit().await.unwrap();

    let id = the_webhook(&scene).await.id;
    for _ in 0..3 {
        scene.billing.retry_webhook(id, mended()).await.unwrap();
        assert_eq!(scene.process().await, Progress { done: 1, failed: 0 });
        assert_eq!(the_webhook(&scene).await.status, WebhookStatus::Processed);
        assert_eq!(scene.balance(organization.id).await, 5_000);
        assert_eq!(
            scene.happened(),
            ["subscription.created", "payment.updated", "invoice.updated"]
        );
    }
}

#[tokio::test]
async fn jitter_keeps_retries_apart() {
    let scene = Scene::new();
    for _ in 0..8 {
        scene.tell(About::Payment("pi_unknown".to_owned())).await;
    }
    scene.process().await;
    let mut due: Vec<_> = scene.webhooks().await.iter().map(|it| it.next_attempt_at).collect();
    due.sort();
    due.dedup();
    assert!(due.len() > 4, "{due:?}");
}

#[tokio::test]
async fn while_the_gateway_is_down_webhooks_wait() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    let session = scene.start(acme, "growth").await.unwrap().page.session.id;
    scene.gateway.pay(&session);
    scene.gateway.down();
    assert_eq!(scene.hear(About::Checkout(session)).await.failed, 1);
    assert_eq!(the_webhook(&scene).await.status, WebhookStatus::Retrying);
    assert_eq!(scene.plan(acme).await, "free");
    scene.gateway.working();
    scene.clock.advance_wall(Duration::minutes(2));
    assert_eq!(scene.process().await.done, 1);
    assert_eq!(scene.plan(acme).await, "growth");
}

#[tokio::test]
async fn a_failing_webhook_does_not_hold_up_others() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    scene.store.receive(&a_webhook()).await.unwrap();
    let (_, _, subscription) = a_stranger(&scene).await;
    scene.tell(About::Subscription(subscription)).await;
    scene.tell(About::Payment("pi_unknown".to_owned())).await;
    let session = scene.start(acme, "growth").await.unwrap().page.session.id;
    scene.gateway.pay(&session);
    scene.tell(About::Checkout(session)).await;
    let round = scene.billing.process_webhooks().await.unwrap();
    assert_eq!(round, Progress { done: 1, failed: 3 });
    assert_eq!(scene.plan(acme).await, "growth");
}

#[tokio::test]
async fn what_can_never_be_read_waits_for_a_person_at_once() {
    let scene = Scene::new();
    scene.store.receive(&a_webhook()).await.unwrap();
    assert_eq!(scene.process().await.failed, 1);
    let row = the_webhook(&scene).await;
    assert_eq!((row.status, row.attempts), (WebhookStatus::Dead, 1));
    assert!(row.error.unwrap().contains("cannot be read"));
}

#[tokio::test]
async fn a_price_that_is_not_ours_is_tried_again() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    scene.gateway.retouch_subscriptions(|seen| seen.price.price_id = None);
    let session = scene.start(acme, "growth").await.unwrap().page.session.id;
    scene.gateway.pay(&session);
    scene.hear(About::Checkout(session)).await;
    let row = the_webhook(&scene).await;
    assert_eq!(row.status, WebhookStatus::Retrying);
    assert!(row.error.unwrap().contains("is not in the catalogue"));
    assert!(scene.payments(acme).await.is_empty(), "all or nothing");
}
