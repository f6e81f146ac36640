//! Two checkouts are paid at once: one subscription lives, the other is ended and paid back.

use billing_app::ports::{About, PaymentGateway as _};
use billing_domain::{id::OrganizationId, payment::PaymentStatus, subscription::Status};
use billing_testkit::{
    Call,
    builders::{a_new_customer, a_plan_checkout_request},
};
use time::Duration;

use crate::scene::Scene;

/// Two subscriptions that one organization has paid for, and nobody has heard of.
async fn paid_twice(scene: &Scene) -> (OrganizationId, [String; 2]) {
    let acme = scene.acme().await;
    let session = scene.start(acme, "growth").await.expect("a page opens").page.session.id;
    let known = scene.billing.organization(acme).await.expect("it is known");
    let customer = scene.gateway.customers().create(&a_new_customer(&known)).await;
    let request = a_plan_checkout_request(acme, &customer.expect("it works").id);
    let second = scene.gateway.checkouts().open(&request).await.expect("a page opens");
    let paid = [session, second.session.id].map(|session| {
        let seen = scene.gateway.pay(&session);
        seen.subscription.expect("a subscription began")
    });
    (acme, paid)
}

/// What the gateway calls the subscription of an organization.
async fn adopted(scene: &Scene, organization: OrganizationId) -> String {
    let billed_by = scene.subscription(organization).await.billed_by;
    billed_by.reference().expect("a gateway bills it").id.clone()
}

async fn settles_to_one(scene: &Scene, acme: OrganizationId, [lives, goes]: [&String; 2]) {
    assert_eq!(scene.billing.clear_duplicates().await.expect("the store answers"), 1);
    assert_eq!(adopted(scene, acme).await, *lives);
    let role = scene.gateway.subscriptions().expect("a role");
    let seen = role.find(goes).await.expect("it answers").expect("it is there");
    assert!(matches!(seen.status, Status::Cancelled { .. }), "{:?}", seen.status);
    let seen = role.find(lives).await.expect("it answers").expect("it is there");
    assert_eq!(seen.status, Status::Active);
    let mut payments: Vec<_> =
        scene.payments(acme).await.iter().map(|it| (it.status, it.refunded.minor())).collect();
    payments.sort_unstable();
    assert_eq!(payments, [(PaymentStatus::Completed, 0), (PaymentStatus::Refunded, 2_900)]);
    assert_eq!(scene.balance(acme).await, 5_000, "credits are given once");
    let told = scene.happened();
    let cancelled = |it: &&String| *it == "subscription.duplicate_cancelled";
    assert_eq!(told.iter().filter(cancelled).count(), 1, "{told:?}");
    let created = |it: &&String| *it == "subscription.created";
    assert_eq!(told.iter().filter(created).count(), 1, "{told:?}");
    assert_eq!(scene.billing.clear_duplicates().await.expect("the store answers"), 0);
    assert_eq!(scene.gateway.calls(Call::Refund), 1);
}

#[tokio::test]
async fn whichever_is_heard_of_first_lives() {
    for first in [0, 1] {
        let scene = Scene::new();
        let (acme, paid) = paid_twice(&scene).await;
        let (lives, goes) = (&paid[first], &paid[1 - first]);
        for id in [lives, goes, lives, goes] {
            assert_eq!(scene.hear(About::Subscription(id.clone())).await.failed, 0);
        }
        settles_to_one(&scene, acme, [lives, goes]).await;
        for id in &paid {
            assert_eq!(scene.hear(About::Subscription(id.clone())).await.failed, 0);
        }
        assert_eq!(scene.happened().iter().filter(|it| *it == "subscription.created").count(), 1);
    }
}

#[tokio::test]
async fn both_at_once_end_as_one() {
    let scene = Scene::new();
    let (acme, paid) = paid_twice(&scene).await;
    for id in &paid {
        scene.tell(About::Subscription(id.clone())).await;
    }
    let (one, other) =
        tokio::join!(scene.billing.process_webhooks(), scene.billing.process_webhooks());
    assert_eq!(one.unwrap().failed + other.unwrap().failed, 0);
    scene.process().await;
    let lives = adopted(&scene, acme).await;
    let goes = paid.iter().find(|id| **id != lives).unwrap();
    settles_to_one(&scene, acme, [&lives, goes]).await;
}

#[tokio::test]
async fn a_refund_of_which_nothing_was_heard_is_not_made_twice() {
    let scene = Scene::new();
    let (acme, paid) = paid_twice(&scene).await;
    for id in &paid {
        scene.hear(About::Subscription(id.clone())).await;
    }
    scene.gateway.down();
    assert_eq!(scene.billing.clear_duplicates().await.unwrap(), 0);
    scene.gateway.timing_out_after_accepting();
    for _ in 0..3 {
        scene.clock.advance(Duration::HOUR);
        assert_eq!(scene.billing.clear_duplicates().await.unwrap(), 0);
    }
    scene.gateway.working();
    scene.clock.advance(Duration::HOUR);
    assert_eq!(scene.billing.clear_duplicates().await.unwrap(), 1);
    let refunded: i64 = scene.payments(acme).await.iter().map(|it| it.refunded.minor()).sum();
    assert_eq!(refunded, 2_900);
}

#[tokio::test]
async fn a_duplicate_stays_one_after_the_first_has_ended() {
    let scene = Scene::new();
    let (acme, paid) = paid_twice(&scene).await;
    for id in &paid {
        scene.hear(About::Subscription(id.clone())).await;
    }
    scene.gateway.cancel(&paid[0]);
    for id in &paid {
        scene.hear(About::Subscription(id.clone())).await;
    }
    assert_eq!(scene.plan(acme).await, "free");
    assert_eq!(scene.billing.clear_duplicates().await.unwrap(), 1);
    assert_eq!(scene.plan(acme).await, "free", "what is paid back is not had");
}
