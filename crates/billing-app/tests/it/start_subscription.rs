use billing_app::{Error, Missing, Refusal, ReturnUrls, StartSubscription, ports::CheckoutItem};
use billing_domain::{
    checkout::{CheckoutStatus, Purpose},
    currency::Currency,
    money::Money,
    period::Interval,
};
use billing_testkit::{
    Call,
    builders::{a_fresh_id, a_price_of, the_default_catalogue},
};

use crate::scene::{Scene, a_start, urls};

#[tokio::test]
async fn a_page_opens_for_a_plan_at_its_price() {
    let scene = Scene::with_trials(14);
    let acme = scene.acme().await;
    let opened = scene.start(acme, "growth").await.unwrap();

    let (version, price) = a_price_of("growth");
    let purpose = Purpose::Subscription { plan_version_id: version.id, price_id: price.id };
    assert_eq!(opened.checkout.purpose, purpose);
    assert_eq!(opened.checkout.status, CheckoutStatus::Open(opened.page.clone()));
    assert_eq!(scene.checkout(acme, opened.checkout.id).await, opened.checkout);
    let [asked] = &scene.gateway.opened()[..] else { panic!("one page") };
    assert_eq!((asked.checkout_id, asked.organization_id), (opened.checkout.id, acme));
    assert_eq!((&asked.success_url, &asked.cancel_url), (&urls().success, &urls().cancel));
    assert!(asked.promotion_codes && asked.automatic_tax);
    assert_eq!(
        asked.item,
        CheckoutItem::Subscription {
            price_id: price.id,
            gateway_price: None,
            name: "Growth".to_owned(),
            amount: Money::new(2_900, Currency::USD),
            interval: Interval::Month,
            trial_days: 14,
        }
    );
    assert_eq!(scene.happened(), ["checkout.opened"]);
}

#[tokio::test]
async fn a_plan_that_is_not_on_sale_is_not_found() {
    let mut catalogue = the_default_catalogue();
    catalogue.plans[3].active = false;
    let scene = Scene::selling(catalogue);
    let acme = scene.acme().await;
    for plan in ["platinum", "scale", ""] {
        fails!(scene.start(acme, plan).await, Error::NotFound(Missing::Plan));
    }
}

#[tokio::test]
async fn an_unknown_organization_is_not_found_and_the_gateway_hears_nothing() {
    let scene = Scene::new();
    fails!(scene.start(a_fresh_id(), "growth").await, Error::NotFound(Missing::Organization));
    assert_eq!(scene.gateway.calls(Call::CreateCustomer), 0);
    assert_eq!(scene.gateway.calls(Call::OpenCheckout), 0);
}

#[tokio::test]
async fn there_is_nothing_to_pay_for_the_free_plan() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    fails!(scene.start(acme, "free").await, Error::Refused(Refusal::PlanIsFree(_)));
}

#[tokio::test]
async fn a_gateway_that_is_switched_off_is_not_found() {
    let scene = Scene::new();
    let mut ports = crate::scene::ports(&scene.store, scene.gateway.clone(), &scene.clock);
    ports.gateways.clear();
    let billing = billing_app::Billing::new(ports, billing_app::Settings::default());
    let request = a_start(scene.acme().await, "growth");
    fails!(billing.start_subscription(request).await, Error::NotFound(Missing::Gateway));
}

/// The amount on the page of somebody in a country who asks for a currency.
async fn amount(country: &str, currency: Option<&str>) -> Result<String, Error> {
    let scene = Scene::new();
    let new = billing_app::NewOrganization {
        country: Some(country.parse().expect("it is a country")),
        ..crate::scene::acme()
    };
    let id = scene.billing.register_organization(new).await?.id;
    let currency = currency.map(|code| code.parse().expect("it is a currency"));
    let request = StartSubscription { currency, ..a_start(id, "growth") };
    scene.billing.start_subscription(request).await?;
    let CheckoutItem::Subscription { amount, .. } = scene.gateway.opened().remove(0).item else {
        panic!("a plan is on the page")
    };
    Ok(amount.to_string())
}

#[tokio::test]
async fn one_pays_in_ones_own_currency_or_in_dollars() {
    assert_eq!(amount("EG", None).await.unwrap(), "1450.00 EGP");
    assert_eq!(amount("DE", None).await.unwrap(), "26.00 EUR");
    assert_eq!(amount("GB", None).await.unwrap(), "29.00 USD");
    assert_eq!(amount("US", Some("EUR")).await.unwrap(), "26.00 EUR");
}

#[tokio::test]
async fn a_currency_that_was_asked_for_is_never_replaced_by_another() {
    fails!(amount("US", Some("JPY")).await, Error::Refused(Refusal::NoSuchPrice));
}

#[tokio::test]
async fn an_interval_without_a_price_is_refused() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    let request = StartSubscription { interval: Interval::Quarter, ..a_start(acme, "growth") };
    fails!(scene.billing.start_subscription(request).await, Error::Refused(Refusal::NoSuchPrice));
}

#[tokio::test]
async fn addresses_to_which_no_browser_can_be_sent_are_refused() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    let long = format!("https://product.test/{}", "x".repeat(2_000));
    for wrong in
        ["", "product.test", "javascript:alert(1)", "https://", "https:///x", "http://a b", &long]
    {
        for (named, urls) in [
            ("success_url", ReturnUrls { success: wrong.to_owned(), ..urls() }),
            ("cancel_url", ReturnUrls { cancel: wrong.to_owned(), ..urls() }),
        ] {
            let request = StartSubscription { urls, ..a_start(acme, "growth") };
            match scene.billing.start_subscription(request).await {
                Err(Error::Invalid { field, .. }) => assert_eq!(field, named, "{wrong}"),
                other => panic!("{wrong}: {other:?}"),
            }
        }
    }
    assert_eq!(scene.gateway.calls(Call::OpenCheckout), 0);
}

#[tokio::test]
async fn who_is_subscribed_cannot_subscribe_again() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    scene.subscribe(acme, "growth").await;
    for plan in ["growth", "scale"] {
        match scene.start(acme, plan).await {
            Err(Error::Refused(Refusal::AlreadySubscribed { plan, status })) => {
                assert_eq!((plan.as_str(), status), ("growth", "active"));
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(scene.gateway.calls(Call::OpenCheckout), 1);
}
