use billing_app::ports::About;
use billing_domain::{
    credits::{EntryKind, GrantKind},
    currency::Currency,
    id::OrganizationId,
    money::Money,
    payment::PaymentStatus,
};

use crate::scene::{Scene, everything};

/// A pack of a thousand credits is paid with 25 dollars; the name of the payment.
async fn a_paid_pack(scene: &Scene, acme: OrganizationId) -> String {
    let session = scene.buy_a_thousand(acme).await.page.session.id;
    let payment = scene.gateway.pay(&session).payment.expect("it is paid").reference.id;
    scene.hear(About::Checkout(session)).await;
    payment
}

fn dollars(minor: i64) -> Money {
    Money::new(minor, Currency::USD)
}

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
    let once = ["checkout.opened", "payment.updated", "invoice.updated", "checkout.completed"];
    assert_eq!(scene.happened(), once);
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
    assert_eq!(scene.balance(acme).await, 0, "what is disputed is taken back");
}

#[tokio::test]
async fn a_refunded_payment_takes_its_credits_back_in_proportion() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    let payment = a_paid_pack(&scene, acme).await;
    scene.gateway.refund(&payment, dollars(1_000));
    for _ in 0..3 {
        scene.hear(About::Payment(payment.clone())).await;
        assert_eq!(scene.balance(acme).await, 600, "the same notice again takes nothing");
    }
    // A third of a credit more is not taken.
    scene.gateway.refund(&payment, dollars(1));
    scene.hear(About::Payment(payment.clone())).await;
    assert_eq!(scene.balance(acme).await, 600);
    scene.gateway.refund(&payment, dollars(1_499));
    scene.hear(About::Payment(payment)).await;
    assert_eq!(scene.balance(acme).await, 0);
    let entries = scene.billing.credit_entries(acme, everything()).await.unwrap();
    let rows: Vec<_> = entries.iter().rev().map(|row| (row.kind, row.amount)).collect();
    let [given, back, rest] =
        [(EntryKind::Purchased, 1_000), (EntryKind::Refunded, -400), (EntryKind::Refunded, -600)];
    assert_eq!(rows, [given, back, rest]);
}

#[tokio::test]
async fn a_refund_that_is_heard_of_before_the_payment_takes_back_what_is_given_then() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    let session = scene.buy_a_thousand(acme).await.page.session.id;
    let payment = scene.gateway.pay(&session).payment.unwrap().reference.id;
    scene.gateway.refund(&payment, dollars(1_000));
    scene.hear(About::Payment(payment.clone())).await;
    assert_eq!(scene.balance(acme).await, 600);
    scene.hear(About::Checkout(session)).await;
    scene.hear(About::Payment(payment)).await;
    assert_eq!(scene.balance(acme).await, 600);
}

#[tokio::test]
async fn older_news_of_a_refund_gives_nothing_back() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    let session = scene.buy_a_thousand(acme).await.page.session.id;
    let payment = scene.gateway.pay(&session).payment.unwrap().reference.id;
    scene.hear(About::Checkout(session.clone())).await;
    scene.gateway.refund(&payment, dollars(2_500));
    scene.hear(About::Payment(payment)).await;
    assert_eq!(scene.balance(acme).await, 0);
    scene.gateway.retouch_checkouts(|seen| {
        let payment = seen.payment.as_mut().unwrap();
        (payment.refunded, payment.status) = (dollars(0), PaymentStatus::Completed);
    });
    scene.hear(About::Checkout(session)).await;
    assert_eq!(scene.balance(acme).await, 0);
}

#[tokio::test]
async fn what_was_used_before_the_money_went_back_is_owed_and_the_next_pack_repays_it() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    let payment = a_paid_pack(&scene, acme).await;
    scene.consume(acme, ("compute_hour", 7), None).await.unwrap();
    scene.gateway.dispute(&payment);
    scene.hear(About::Payment(payment)).await;
    let credits = scene.billing.credits(acme).await.unwrap();
    assert_eq!((credits.balance, credits.overdrawn, credits.available), (-700, 700, 0));
    a_paid_pack(&scene, acme).await;
    let credits = scene.billing.credits(acme).await.unwrap();
    assert_eq!((credits.balance, credits.overdrawn, credits.available), (300, 0, 300));
}
