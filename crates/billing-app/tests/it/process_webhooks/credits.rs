use billing_app::ports::About;
use billing_domain::{
    credits::GrantKind, currency::Currency, money::Money, payment::PaymentStatus,
};

use crate::scene::Scene;

#[tokio::test]
async fn a_pack_is_granted_when_it_is_paid_and_once() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    let session = scene.buy_a_thousand(acme).await.page.session.id;
    let payment = scene.gateway.pay(&session).payment.unwrap().reference.id;
    for _ in 0..3 {
        scene.hear(About::Payment(payment.clone())).await;
        scene.hear(About::Checkout(session.clone())).await;
    }
    let credits = scene.billing.credits(acme).await.unwrap();
    let [grant] = &credits.grants[..] else { panic!("one grant") };
    assert_eq!((grant.kind, grant.amount), (GrantKind::Purchased, 1_000));
    assert_eq!(grant.expires_at, None);
    assert_eq!(scene.happened(), ["checkout.opened", "payment.updated", "checkout.completed"]);
}

#[tokio::test]
async fn a_declined_card_grants_nothing_and_is_recorded() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    let session = scene.buy_a_thousand(acme).await.page.session.id;
    scene.gateway.declining();
    scene.gateway.pay(&session);
    scene.hear(About::Checkout(session.clone())).await;
    assert_eq!(scene.payments(acme).await[0].status, PaymentStatus::Failed);
    assert_eq!(scene.balance(acme).await, 0);
    scene.gateway.working();
    scene.gateway.pay(&session);
    scene.hear(About::Checkout(session)).await;
    assert_eq!(scene.balance(acme).await, 1_000);
}

#[tokio::test]
async fn a_pack_for_which_nothing_was_to_be_paid_is_granted_too() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    let session = scene.buy_a_thousand(acme).await.page.session.id;
    scene.gateway.pay(&session);
    // As with a promotion code of a hundred percent.
    scene.gateway.retouch_checkouts(|seen| seen.payment = None);
    scene.hear(About::Checkout(session)).await;
    assert_eq!(scene.balance(acme).await, 1_000);
    assert!(scene.payments(acme).await.is_empty());
}

#[tokio::test]
async fn a_page_that_is_complete_but_not_paid_yet_grants_nothing() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    let session = scene.buy_a_thousand(acme).await.page.session.id;
    scene.gateway.pay(&session);
    // As with a debit that takes days.
    scene.gateway.retouch_checkouts(|seen| {
        seen.paid = false;
        seen.payment.as_mut().unwrap().status = PaymentStatus::Pending;
    });
    scene.hear(About::Checkout(session.clone())).await;
    assert_eq!(scene.balance(acme).await, 0);
    scene.gateway.retouch_checkouts(|_| ());
    scene.hear(About::Checkout(session)).await;
    assert_eq!(scene.balance(acme).await, 1_000);
}

#[tokio::test]
async fn refunds_and_disputes_are_recorded_and_never_undone_by_older_news() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    let session = scene.buy_a_thousand(acme).await.page.session.id;
    let payment = scene.gateway.pay(&session).payment.unwrap().reference.id;
    scene.hear(About::Checkout(session)).await;
    scene.gateway.refund(&payment, Money::new(1_000, Currency::USD));
    scene.hear(About::Payment(payment.clone())).await;
    let known = &scene.payments(acme).await[0];
    assert_eq!((known.status, known.refunded.minor()), (PaymentStatus::PartiallyRefunded, 1_000));
    scene.gateway.dispute(&payment);
    scene.hear(About::Payment(payment)).await;
    assert_eq!(scene.payments(acme).await[0].status, PaymentStatus::Disputed);
    assert_eq!(scene.balance(acme).await, 1_000, "granted once");
}
