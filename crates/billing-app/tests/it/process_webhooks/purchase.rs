use billing_app::{
    Progress,
    ports::{About, WebhookStatus},
};
use billing_domain::{
    checkout::CheckoutStatus,
    payment::PaymentStatus,
    period::{Anchor, Interval},
    subscription::Status,
};
use billing_testkit::NOON;

use crate::scene::Scene;

#[tokio::test]
async fn a_paid_page_becomes_a_subscription_with_its_payment_and_credits() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    let opened = scene.start(acme, "growth").await.unwrap();
    let session = opened.page.session.id.clone();
    let seen = scene.gateway.pay(&session);
    let progress = scene.hear(About::Checkout(session)).await;
    assert_eq!(progress, Progress { done: 1, failed: 0 });

    let subscription = scene.subscription(acme).await;
    let reference = subscription.billed_by.reference().unwrap();
    assert_eq!(Some(&reference.id), seen.subscription.as_ref());
    assert_eq!(subscription.status, Status::Active);
    assert_eq!(subscription.period, Anchor(NOON).period(Interval::Month, 0));
    assert_eq!(scene.plan(acme).await, "growth");

    let checkout = scene.checkout(acme, opened.checkout.id).await;
    assert_eq!(checkout.status, CheckoutStatus::Completed(opened.page.session));

    let [payment] = &scene.payments(acme).await[..] else { panic!("one payment") };
    assert_eq!(payment.amount.to_string(), "29.00 USD");
    assert_eq!(payment.status, PaymentStatus::Completed);
    assert_eq!(payment.subscription_id, Some(subscription.id));
    assert!(payment.document_url.is_some());

    let credits = scene.billing.credits(acme).await.unwrap();
    let [grant] = &credits.grants[..] else { panic!("one grant") };
    assert_eq!((grant.amount, grant.expires_at), (5_000, Some(subscription.period.end)));
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
    assert_eq!(scene.webhooks().await[0].status, WebhookStatus::Processed);
}

#[tokio::test]
async fn hearing_of_it_again_changes_nothing() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    let subscription = scene.subscribe(acme, "growth").await;
    let (happened, payments) = (scene.happened(), scene.payments(acme).await);
    for _ in 0..10 {
        scene.clock.advance_wall(time::Duration::SECOND);
        scene.hear(About::Subscription(subscription.clone())).await;
    }
    assert_eq!((scene.happened(), scene.payments(acme).await), (happened, payments));
    assert_eq!(scene.balance(acme).await, 5_000);
    assert!(scene.store.changes(scene.subscription(acme).await.id).is_empty());
}

#[tokio::test]
async fn a_page_that_was_closed_at_the_gateway_is_recorded_as_closed() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    let opened = scene.start(acme, "growth").await.unwrap();
    scene.clock.advance(time::Duration::DAY);
    scene.hear(About::Checkout(opened.page.session.id)).await;
    let checkout = scene.checkout(acme, opened.checkout.id).await;
    assert_eq!(checkout.status, CheckoutStatus::Expired);
    assert_eq!(scene.happened(), ["checkout.opened", "checkout.expired"]);
}

#[tokio::test]
async fn a_declined_card_leaves_the_page_open() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    let opened = scene.start(acme, "growth").await.unwrap();
    let session = opened.page.session.id.clone();
    scene.gateway.declining();
    scene.gateway.pay(&session);
    scene.hear(About::Checkout(session.clone())).await;
    assert_eq!(scene.checkout(acme, opened.checkout.id).await, opened.checkout);
    assert_eq!(scene.plan(acme).await, "free");
    scene.gateway.working();
    scene.gateway.pay(&session);
    scene.hear(About::Checkout(session)).await;
    assert_eq!(scene.plan(acme).await, "growth");
}

#[tokio::test]
async fn a_change_in_the_portal_is_adopted_and_kept_as_a_change() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    let subscription = scene.subscribe(acme, "growth").await;
    let (version, price) = billing_testkit::builders::a_price_of("scale");
    scene.gateway.change_price(&subscription, price.id, price.amount);
    scene.gateway.cancel_at_period_end(&subscription, true);
    scene.hear(About::Subscription(subscription)).await;
    let known = scene.subscription(acme).await;
    assert_eq!((known.plan_version_id, known.cancel_at_period_end), (version.id, true));
    let [change] = &scene.store.changes(known.id)[..] else { panic!("one change") };
    assert_eq!(change.what, "plan,price,cancel_at_period_end");
    assert_eq!(scene.balance(acme).await, 5_000, "the period was granted already");
    assert_eq!(scene.happened().last().unwrap(), "subscription.updated");
}
