use std::sync::Arc;

use billing_app::{
    Error, Refusal, StartSubscription,
    ports::{About, Checkouts, Scope, Store},
};
use billing_domain::{
    checkout::{Checkout, CheckoutStatus},
    gateway::Gateway,
};
use billing_testkit::{Call, builders::a_checkout};
use time::Duration;

use crate::scene::{Scene, a_start};

#[tokio::test]
async fn asking_again_while_a_page_is_open_gives_the_same_page() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    let first = scene.start(acme, "growth").await.unwrap();
    scene.clock.advance(Duration::hours(23));
    assert_eq!(scene.start(acme, "growth").await.unwrap(), first);
    assert_eq!(scene.gateway.calls(Call::OpenCheckout), 1);
}

#[tokio::test]
async fn a_page_that_closed_by_itself_is_followed_by_a_new_one() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    let first = scene.start(acme, "growth").await.unwrap();
    scene.clock.advance(Duration::DAY);
    let second = scene.start(acme, "growth").await.unwrap();
    assert_ne!(second.page, first.page);
    assert_eq!(scene.checkout(acme, first.checkout.id).await.status, CheckoutStatus::Expired);
    assert_eq!(scene.gateway.customer_count(), 1);
}

#[tokio::test]
async fn another_plan_closes_the_earlier_page_before_its_own_opens() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    let first = scene.start(acme, "growth").await.unwrap();
    let (gateway, session) = (scene.gateway.clone(), first.page.session.id.clone());
    scene.gateway.meanwhile(Call::ExpireCheckout, move || async move {
        assert_eq!(gateway.opened().len(), 1, "the new page is not open yet");
    });
    let second = scene.start(acme, "scale").await.unwrap();
    assert_ne!(second.page, first.page);
    assert_eq!(scene.checkout(acme, first.checkout.id).await.status, CheckoutStatus::Expired);
    let pages = billing_app::ports::PaymentGateway::checkouts(&*scene.gateway);
    let seen = pages.find(&session).await.unwrap().unwrap();
    assert_eq!(seen.status, billing_app::ports::SeenCheckoutStatus::Expired);
    assert_eq!(scene.happened(), ["checkout.opened", "checkout.expired", "checkout.opened"]);
}

#[tokio::test]
async fn a_page_that_could_not_be_closed_is_closed_by_whoever_asks_next() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    let first = scene.start(acme, "growth").await.unwrap();
    scene.gateway.down();
    fails!(scene.start(acme, "scale").await, Error::Unavailable { .. });
    assert_eq!(scene.checkout(acme, first.checkout.id).await, first.checkout);
    scene.gateway.working();
    let second = scene.start(acme, "scale").await.unwrap();
    assert_ne!(second.page, first.page);
    assert_eq!(scene.gateway.calls(Call::ExpireCheckout), 2);
    assert_eq!(scene.checkout(acme, first.checkout.id).await.status, CheckoutStatus::Expired);
}

#[tokio::test]
async fn no_other_page_opens_when_the_earlier_one_has_just_been_paid_on() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    let first = scene.start(acme, "growth").await.unwrap();
    let session = first.page.session.id;
    scene.gateway.pay(&session);
    fails!(scene.start(acme, "scale").await, Error::Conflict(_));
    assert_eq!(scene.gateway.opened().len(), 1);
    scene.hear(About::Checkout(session)).await;
    fails!(scene.start(acme, "scale").await, Error::Refused(Refusal::AlreadySubscribed { .. }));
}

#[tokio::test]
async fn what_the_gateway_refuses_can_be_asked_for_again_at_once() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    scene.start(acme, "growth").await.unwrap();
    scene.clock.advance(Duration::DAY);
    scene.gateway.refusing();
    fails!(scene.start(acme, "growth").await, Error::Refused(Refusal::GatewayRefused { .. }));
    scene.gateway.working();
    assert!(scene.start(acme, "growth").await.is_ok());
}

#[tokio::test]
async fn when_the_gateway_is_down_one_is_asked_to_come_back_and_can() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    scene.gateway.down();
    fails!(scene.start(acme, "growth").await, Error::Unavailable { what: "stripe", .. });
    scene.gateway.working();
    assert!(scene.start(acme, "growth").await.is_ok());
    assert_eq!(scene.gateway.opened().len(), 1);
}

#[tokio::test]
async fn a_gateway_that_times_out_after_accepting_makes_one_customer_and_one_session() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    scene.gateway.timing_out_after_accepting();
    fails!(scene.start(acme, "growth").await, Error::Unavailable { .. });
    assert_eq!((scene.gateway.customer_count(), scene.gateway.opened().len()), (1, 0));
    scene.gateway.working();
    // The customer is known now; the answer to the page is lost.
    let gateway = scene.gateway.clone();
    scene.gateway.meanwhile(Call::CreateCustomer, move || async move {
        gateway.timing_out_after_accepting();
    });
    fails!(scene.start(acme, "growth").await, Error::Unavailable { .. });
    assert_eq!((scene.gateway.customer_count(), scene.gateway.opened().len()), (1, 1));
    scene.gateway.working();
    let opened = scene.start(acme, "growth").await.unwrap();
    assert_eq!((scene.gateway.customer_count(), scene.gateway.opened().len()), (1, 1));
    assert_eq!(scene.gateway.opened()[0].checkout_id, opened.checkout.id);
    assert_eq!(scene.checkout(acme, opened.checkout.id).await, opened.checkout);
}

/// A request recorded its checkout, and crashed.
async fn crash(scene: &Scene, checkout: &Checkout) {
    let mut work = scene.store.begin(Scope::Engine).await.expect("it answers");
    Checkouts::save(work.checkouts(), checkout, &[]).await.expect("it is kept");
    work.commit().await.expect("it is committed");
}

#[tokio::test]
async fn a_crashed_request_holds_up_the_next_one_for_a_minute_and_no_longer() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    let pending =
        Checkout { organization_id: acme, status: CheckoutStatus::Pending, ..a_checkout() };
    crash(&scene, &pending).await;
    fails!(scene.start(acme, "growth").await, Error::Conflict("the checkout"));
    scene.clock.advance(Duration::seconds(59));
    fails!(scene.start(acme, "growth").await, Error::Conflict("the checkout"));
    scene.clock.advance(Duration::SECOND);
    let opened = scene.start(acme, "growth").await.unwrap();
    assert_eq!(opened.checkout.id, pending.id, "what was begun is finished");
    assert_eq!(scene.gateway.opened().len(), 1);
}

#[tokio::test]
async fn a_crashed_request_for_one_plan_does_not_hold_up_another() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    let pending =
        Checkout { organization_id: acme, status: CheckoutStatus::Pending, ..a_checkout() };
    crash(&scene, &pending).await;
    let opened = scene.start(acme, "scale").await.unwrap();
    assert_ne!(opened.checkout.id, pending.id);
    assert_eq!(scene.checkout(acme, pending.id).await.status, CheckoutStatus::Expired);
}

#[tokio::test]
async fn a_payer_may_be_faster_than_the_record_of_the_page() {
    let scene = Arc::new(Scene::new());
    let acme = scene.acme().await;
    let world = scene.clone();
    scene.gateway.meanwhile(Call::OpenCheckout, move || async move {
        let session = "cs_fake_000002".to_owned();
        world.gateway.pay(&session);
        world.hear(About::Checkout(session)).await;
    });
    let opened = scene.start(acme, "growth").await.unwrap();
    let kept = scene.checkout(acme, opened.checkout.id).await;
    assert_eq!(kept.status, CheckoutStatus::Completed(opened.page.session.clone()));
    assert_eq!(opened.checkout, kept);
    assert_eq!(scene.subscription(acme).await.status.name(), "active");
}

#[tokio::test]
async fn of_two_plans_chosen_at_once_one_page_can_be_paid_on() {
    let scene = Arc::new(Scene::new());
    let acme = scene.acme().await;
    let world = scene.clone();
    scene.gateway.meanwhile(Call::OpenCheckout, move || async move {
        world.start(acme, "scale").await.unwrap();
    });
    fails!(scene.start(acme, "growth").await, Error::Conflict("the checkout"));
    let pages = billing_app::ports::PaymentGateway::checkouts(&*scene.gateway);
    let mut open = 0;
    for session in ["cs_fake_000002", "cs_fake_000003"] {
        let seen = pages.find(session).await.unwrap().unwrap();
        open += usize::from(seen.status == billing_app::ports::SeenCheckoutStatus::Open);
    }
    assert_eq!((scene.gateway.opened().len(), open), (2, 1));
}

#[tokio::test]
async fn the_same_plan_chosen_twice_at_once_opens_one_page() {
    let scene = Arc::new(Scene::new());
    let acme = scene.acme().await;
    let world = scene.clone();
    scene.gateway.meanwhile(Call::OpenCheckout, move || async move {
        fails!(world.start(acme, "growth").await, Error::Conflict("the checkout"));
    });
    let opened = scene.start(acme, "growth").await.unwrap();
    assert_eq!(scene.gateway.opened().len(), 1);
    assert_eq!(scene.start(acme, "growth").await.unwrap(), opened);
}

#[tokio::test]
async fn a_page_whose_record_was_lost_is_the_same_when_asked_for_again() {
    let scene = Arc::new(Scene::new());
    let acme = scene.acme().await;
    let world = scene.clone();
    scene.gateway.meanwhile(Call::OpenCheckout, move || async move {
        world.store.fail_next_commit();
    });
    let request =
        || StartSubscription { gateway: Some(Gateway::Stripe), ..a_start(acme, "growth") };
    fails!(scene.billing.start_subscription(request()).await, Error::Unavailable { .. });
    fails!(scene.billing.start_subscription(request()).await, Error::Conflict(_));
    scene.clock.advance(Duration::MINUTE);
    let opened = scene.billing.start_subscription(request()).await.unwrap();
    assert_eq!(scene.gateway.opened().len(), 1);
    assert_eq!(opened.page.session.id, "cs_fake_000002");
}

#[tokio::test]
async fn a_customer_whose_record_was_lost_is_known_at_the_next_try_and_made_once() {
    let scene = Arc::new(Scene::new());
    let acme = scene.acme().await;
    let world = scene.clone();
    scene.gateway.meanwhile(Call::CreateCustomer, move || async move {
        world.store.fail_next_commit();
    });
    fails!(scene.start(acme, "growth").await, Error::Unavailable { .. });
    assert!(scene.start(acme, "growth").await.is_ok());
    assert_eq!(scene.gateway.calls(Call::CreateCustomer), 2);
    assert_eq!((scene.gateway.customer_count(), scene.gateway.opened().len()), (1, 1));
}
