//! Codes, where things go wrong in between.

use billing_app::{
    Error, Mandate, Missing, NewDiscount, Refusal, StartSubscription,
    ports::{About, CouponLasts, SeenCheckoutStatus},
};
use billing_domain::{
    discount::{Conditions, Discount, Lasts, NotDiscounted, Off},
    id::OrganizationId,
    period::Interval,
};
use billing_testkit::Call;
use time::Duration;

use crate::scene::{Scene, a_start, everything, mended};

fn a_fifth(most: u32) -> NewDiscount {
    NewDiscount {
        code: "SPRING".to_owned(),
        name: None,
        off: Off::Percent(20),
        lasts: Lasts::Repeating(2),
        conditions: Conditions { max_redemptions: Some(most), ..Conditions::default() },
    }
}

fn a_start_with(organization: OrganizationId, code: &str) -> StartSubscription {
    StartSubscription { discount_code: Some(code.to_owned()), ..a_start(organization, "growth") }
}

impl Scene {
    async fn with_a_code(most: u32) -> Self {
        let scene = Self::new();
        scene.billing.make_discount(a_fifth(most), mended()).await.expect("it is made");
        scene
    }

    async fn spring(&self) -> Discount {
        let all = self.billing.list_discounts(everything()).await.expect("the store answers");
        all.into_iter().next().expect("it was made")
    }

    async fn taken(&self) -> u32 {
        self.spring().await.taken
    }
}

#[tokio::test]
async fn a_coupon_lasts_as_many_months_as_the_periods_are_long() {
    let scene = Scene::with_a_code(9).await;
    let acme = scene.acme().await;
    let yearly = StartSubscription { interval: Interval::Year, ..a_start_with(acme, "spring") };
    scene.billing.start_subscription(yearly).await.unwrap();
    let [coupon] = &scene.gateway.coupons_made()[..] else { panic!("one coupon") };
    assert_eq!((coupon.off, coupon.lasts), (Off::Percent(20), CouponLasts::Months(24)));
    assert_eq!(coupon.discount_id, scene.spring().await.id);
    assert!(scene.gateway.opened()[0].coupon.is_some());
}

#[tokio::test]
async fn a_coupon_that_cannot_be_made_now_is_made_at_the_next_try() {
    let scene = Scene::with_a_code(1).await;
    let acme = scene.acme().await;
    scene.start(acme, "scale").await.unwrap();
    scene.gateway.down();
    let asked = scene.billing.start_subscription(a_start_with(acme, "SPRING")).await;
    fails!(asked, Error::Unavailable { .. });
    assert_eq!(scene.taken().await, 1, "it is reserved for the next try");
    scene.gateway.working();
    scene.billing.start_subscription(a_start_with(acme, "SPRING")).await.unwrap();
    assert_eq!((scene.taken().await, scene.gateway.coupons_made().len()), (1, 1));
}

#[tokio::test]
async fn what_the_gateway_refuses_frees_the_code() {
    let scene = Scene::with_a_code(1).await;
    let acme = scene.acme().await;
    scene.start(acme, "scale").await.unwrap();
    let gateway = scene.gateway.clone();
    scene.gateway.meanwhile(Call::EnsureCoupon, move || async move { gateway.refusing() });
    let asked = scene.billing.start_subscription(a_start_with(acme, "SPRING")).await;
    fails!(asked, Error::Refused(Refusal::GatewayRefused { .. }));
    assert_eq!(scene.taken().await, 0);
}

#[tokio::test]
async fn the_last_use_is_had_by_one() {
    let scene = Scene::with_a_code(1).await;
    let (first, second) = (scene.acme().await, scene.acme().await);
    let [one, other] =
        [first, second].map(|it| scene.billing.start_subscription(a_start_with(it, "SPRING")));
    let (one, other) = tokio::join!(one, other);
    let refused = [one.err(), other.err()].into_iter().flatten();
    let refused: Vec<_> = refused.map(|error| error.to_string()).collect();
    assert_eq!(refused, [NotDiscounted::Exhausted.to_string()]);
    assert_eq!(scene.taken().await, 1);
}

#[tokio::test]
async fn what_is_paid_after_it_was_given_up_counts_all_the_same() {
    let scene = Scene::with_a_code(1).await;
    let acme = scene.acme().await;
    let opened = scene.billing.start_subscription(a_start_with(acme, "SPRING")).await.unwrap();
    let session = opened.page.session.id;
    scene.gateway.retouch_checkouts(|seen| seen.status = SeenCheckoutStatus::Expired);
    scene.hear(About::Checkout(session.clone())).await;
    assert_eq!(scene.taken().await, 0);
    scene.gateway.retouch_checkouts(|_| {});
    scene.gateway.pay(&session);
    for _ in 0..2 {
        scene.hear(About::Checkout(session.clone())).await;
        assert_eq!(scene.taken().await, 1, "once, however often it is heard");
    }
    let redeemed = scene.happened().iter().filter(|it| *it == "discount.redeemed").count();
    assert_eq!(redeemed, 1);
}

#[tokio::test]
async fn a_subscription_keeps_what_it_has_after_the_code_has_ended() {
    let scene = Scene::with_a_code(9).await;
    let acme = scene.acme().await;
    let opened = scene.billing.start_subscription(a_start_with(acme, "SPRING")).await.unwrap();
    let session = opened.page.session.id;
    let subscription = scene.gateway.pay(&session).subscription.unwrap();
    scene.hear(About::Checkout(session)).await;
    scene.billing.deactivate_discount(scene.spring().await.id, mended()).await.unwrap();
    let mut paid = vec![scene.payments(acme).await[0].amount.minor()];
    for _ in 0..2 {
        scene.clock.advance(Duration::days(31));
        scene.gateway.renew(&subscription);
        scene.hear(About::Subscription(subscription.clone())).await;
        let payments = scene.payments(acme).await;
        let latest = payments.iter().max_by_key(|it| it.created_at).unwrap();
        paid.push(latest.amount.minor());
    }
    assert_eq!(paid, [2_320, 2_320, 2_900], "two periods, as promised");
}

#[tokio::test]
async fn a_code_is_made_and_ended_for_a_reason() {
    let scene = Scene::new();
    let nameless = || Mandate { actor: "api_key 1".to_owned(), reason: " ".to_owned() };
    let made = scene.billing.make_discount(a_fifth(1), nameless()).await;
    fails!(made, Error::Invalid { field: "reason", .. });
    let ended =
        scene.billing.deactivate_discount(billing_testkit::builders::a_fresh_id(), mended());
    fails!(ended.await, Error::NotFound(Missing::Discount));
}
