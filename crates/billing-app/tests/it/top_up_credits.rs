//! Credits are bought when few are left: once, whatever happens on the way.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed, and so do its helpers"
)]

use billing_app::{
    BuyCredits, SetAutoTopUp,
    ports::{About, Charges, Clock, Scope, Store},
};
use billing_domain::{
    auto_top_up::AutoTopUp, catalogue::Catalogue, currency::Currency, id::OrganizationId,
    money::Money, payment::PaymentStatus,
};
use billing_testkit::{Call, NOON, builders::the_default_catalogue};
use serde_json::{Value, json};
use time::{Duration, macros::datetime};

use crate::{
    auto_top_up::a_wish,
    scene::{Scene, urls},
};

mod mishaps;

impl Scene {
    /// An organization with a hundred credits, and a card that the gateway keeps or does not.
    pub(crate) async fn with_card(&self, saves_method: bool) -> OrganizationId {
        let acme = self.acme().await;
        let pack = the_default_catalogue().credit_products.remove(0);
        let request = BuyCredits {
            organization_id: acme,
            credit_product_id: pack.id,
            currency: None,
            gateway: None,
            saves_method,
            urls: urls(),
        };
        let session = self.billing.buy_credits(request).await.unwrap().page.session.id;
        self.gateway.pay(&session);
        self.hear(About::Checkout(session)).await;
        acme
    }

    /// The same, with a wish for a thousand more.
    async fn low(&self) -> OrganizationId {
        let acme = self.with_card(true).await;
        self.billing.set_auto_top_up(a_wish(acme)).await.unwrap();
        acme
    }

    async fn top_up(&self) -> usize {
        self.billing.top_up_credits().await.unwrap()
    }

    async fn state(&self, acme: OrganizationId) -> AutoTopUp {
        self.billing.auto_top_up(acme).await.unwrap()
    }

    /// The customer who was the first to open a page.
    pub(crate) fn customer(&self) -> String {
        self.gateway.opened().remove(0).customer
    }

    async fn keep(&self, top_up: &AutoTopUp) {
        let mut work = self.store.begin(Scope::Engine).await.unwrap();
        work.auto_top_ups().save(top_up, &[]).await.unwrap();
        work.commit().await.unwrap();
    }

    /// Uses a thousand credits.
    async fn use_a_thousand(&self, acme: OrganizationId) {
        self.consume(acme, ("ai_inference", 40), None).await.unwrap();
    }

    /// The last failure that was told.
    fn told_failure(&self) -> Value {
        let told = self.store.events().into_iter().rev();
        let told = told.map(|event| serde_json::to_value(event.what).unwrap());
        let mut failures = told.filter(|it| it["type"] == "credits.top_up_failed");
        failures.next().expect("a failure was told")["data"].clone()
    }
}

#[tokio::test]
async fn a_pack_is_bought_once_when_credits_are_low() {
    let scene = Scene::new();
    let acme = scene.low().await;
    assert_eq!(scene.top_up().await, 1);
    assert_eq!(scene.balance(acme).await, 1_100);
    for _ in 0..3 {
        assert_eq!(scene.top_up().await, 0);
    }
    let [charge] = &scene.gateway.charged()[..] else { panic!("one charge") };
    assert_eq!((charge.amount.minor(), charge.organization_id), (2_500, acme));
    let payments = scene.payments(acme).await;
    assert_eq!((payments.len(), payments[0].status), (2, PaymentStatus::Completed));
    assert_eq!(payments[0].checkout_id, Some(charge.checkout_id));
    let news = scene.happened();
    let [.., payment, topped_up, invoice] = news.as_slice() else { panic!("{news:?}") };
    let last = [payment, topped_up, invoice];
    assert_eq!(last, ["payment.updated", "credits.topped_up", "invoice.updated"]);
    assert_eq!(scene.state(acme).await.pending, None);
}

#[tokio::test]
async fn nothing_is_bought_for_who_has_enough_or_wants_nothing() {
    let scene = Scene::new();
    let acme = scene.with_card(true).await;
    assert_eq!(scene.top_up().await, 0);
    let exact = SetAutoTopUp { threshold: 100, ..a_wish(acme) };
    scene.billing.set_auto_top_up(exact).await.unwrap();
    assert_eq!(scene.top_up().await, 0);
    let off = SetAutoTopUp { enabled: false, ..a_wish(acme) };
    scene.billing.set_auto_top_up(off).await.unwrap();
    assert_eq!(scene.top_up().await, 0);
    assert_eq!(scene.gateway.calls(Call::FindSavedMethod), 0);
}

#[tokio::test]
async fn the_card_of_a_subscription_will_do() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    scene.subscribe(acme, "starter").await;
    let wish = SetAutoTopUp { threshold: 5_000, ..a_wish(acme) };
    scene.billing.set_auto_top_up(wish).await.unwrap();
    assert_eq!(scene.top_up().await, 1);
    assert_eq!(scene.balance(acme).await, 2_000);
}

#[tokio::test]
async fn the_cap_holds_until_the_month_ends() {
    let scene = Scene::new();
    let acme = scene.low().await;
    for _ in 0..2 {
        assert_eq!(scene.top_up().await, 1);
        scene.use_a_thousand(acme).await;
    }
    assert_eq!(scene.top_up().await, 0);
    assert_eq!(scene.state(acme).await.look_at, NOON + Duration::HOUR);
    assert_eq!(scene.gateway.charged().len(), 2);
    scene.clock.advance(Duration::HOUR);
    assert_eq!(scene.top_up().await, 0);

    let april = datetime!(2026-04-01 0:00 UTC);
    scene.clock.advance(april - Duration::SECOND - scene.clock.now());
    assert_eq!(scene.top_up().await, 0);
    scene.clock.advance(Duration::SECOND);
    assert_eq!(scene.top_up().await, 1);
    assert_eq!(scene.balance(acme).await, 1_100);
}

#[tokio::test]
async fn a_higher_cap_counts_at_once() {
    let scene = Scene::new();
    let acme = scene.low().await;
    for _ in 0..2 {
        scene.top_up().await;
        scene.use_a_thousand(acme).await;
    }
    assert_eq!(scene.top_up().await, 0);
    let mut wish = a_wish(acme);
    wish.monthly_cap = Money::new(7_500, wish.monthly_cap.currency());
    scene.billing.set_auto_top_up(wish).await.unwrap();
    assert_eq!(scene.top_up().await, 1);
}

#[tokio::test]
async fn after_a_refusal_it_waits_a_day_and_after_two_it_is_off() {
    let scene = Scene::new();
    let acme = scene.low().await;
    scene.gateway.refuse(&scene.customer());
    assert_eq!(scene.top_up().await, 1);
    let told = scene.told_failure();
    assert_eq!((&told["reason"], &told["off"]), (&json!("declined"), &json!(false)));
    assert_eq!(scene.payments(acme).await[0].status, PaymentStatus::Failed);
    scene.clock.advance(Duration::hours(23));
    assert_eq!(scene.top_up().await, 0);
    assert_eq!(scene.gateway.charged().len(), 1);

    scene.clock.advance(Duration::HOUR);
    assert_eq!(scene.top_up().await, 1);
    assert_eq!(scene.told_failure()["off"], true);
    assert!(!scene.state(acme).await.enabled);
    scene.clock.advance(Duration::days(30));
    assert_eq!(scene.top_up().await, 0);
    assert_eq!((scene.gateway.charged().len(), scene.balance(acme).await), (2, 100));
}

#[tokio::test]
async fn who_has_no_card_is_told_and_not_asked_for_again_that_day() {
    let scene = Scene::new();
    let acme = scene.with_card(false).await;
    scene.billing.set_auto_top_up(a_wish(acme)).await.unwrap();
    for _ in 0..3 {
        assert_eq!(scene.top_up().await, 0);
    }
    let told = scene.told_failure();
    assert_eq!((&told["reason"], &told["checkout_id"]), (&json!("no_saved_method"), &Value::Null));
    assert_eq!(scene.gateway.calls(Call::FindSavedMethod), 1);
    scene.gateway.save_method(&scene.customer());
    scene.clock.advance(Duration::DAY);
    assert_eq!(scene.top_up().await, 1);
    assert_eq!(scene.state(acme).await.failures, 0);
}

#[tokio::test]
async fn who_never_bought_anything_has_no_card() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    scene.billing.set_auto_top_up(a_wish(acme)).await.unwrap();
    assert_eq!(scene.top_up().await, 0);
    assert_eq!(scene.told_failure()["reason"], "no_saved_method");
    assert_eq!(scene.gateway.calls(Call::FindSavedMethod), 0);
}

/// A scene in which the catalogue has changed since an organization has set its wish.
async fn changed(change: impl FnOnce(&mut Catalogue)) -> (Scene, OrganizationId) {
    let mut catalogue = the_default_catalogue();
    change(&mut catalogue);
    let scene = Scene::selling(catalogue);
    let acme = scene.with_card(true).await;
    let wish = a_wish(acme);
    let kept = AutoTopUp {
        organization_id: acme,
        enabled: true,
        threshold: wish.threshold,
        credit_product_id: wish.credit_product_id,
        monthly_cap: wish.monthly_cap,
        pending: None,
        failures: 0,
        look_at: NOON,
    };
    scene.keep(&kept).await;
    (scene, acme)
}

#[tokio::test]
async fn what_is_not_on_sale_any_more_is_not_bought() {
    let (scene, acme) = changed(|catalogue| catalogue.credit_products[1].active = false).await;
    assert_eq!(scene.top_up().await, 0);
    let (other, _) = changed(|catalogue| catalogue.credit_products[1].prices.clear()).await;
    assert_eq!(other.top_up().await, 0);
    assert_eq!(scene.gateway.calls(Call::FindSavedMethod), 0);
    let state = scene.state(acme).await;
    assert_eq!((state.failures, state.look_at), (0, NOON + Duration::HOUR));
}

#[tokio::test]
async fn a_cap_in_another_currency_than_the_price_forbids() {
    let (scene, acme) = changed(|_| ()).await;
    let mut state = scene.state(acme).await;
    state.monthly_cap = Money::new(100_000, Currency::EUR);
    scene.keep(&state).await;
    assert_eq!(scene.top_up().await, 0);
    assert!(scene.gateway.charged().is_empty());
}
