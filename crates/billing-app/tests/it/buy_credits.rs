use billing_app::{
    BuyCredits, Error, Missing, Refusal,
    ports::{About, CheckoutItem},
};
use billing_domain::{checkout::Purpose, currency::Currency, id::OrganizationId, money::Money};
use billing_testkit::{
    Call,
    builders::{a_fresh_id, the_default_catalogue},
};

use crate::scene::{Scene, urls};

fn the_smallest_pack(organization_id: OrganizationId) -> BuyCredits {
    let pack = the_default_catalogue().credit_products.remove(0);
    BuyCredits {
        organization_id,
        credit_product_id: pack.id,
        currency: None,
        gateway: None,
        saves_method: false,
        urls: urls(),
    }
}

#[tokio::test]
async fn a_page_opens_for_a_pack_and_remembers_what_it_promises() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    let opened = scene.billing.buy_credits(the_smallest_pack(acme)).await.unwrap();
    let price = Money::new(1_500, Currency::USD);
    match opened.checkout.purpose {
        Purpose::Credits { credits, price: promised, .. } => {
            assert_eq!((credits, promised), (100, price));
        }
        Purpose::Subscription { .. } | Purpose::Invoice { .. } => panic!("it is a pack"),
    }
    let item = CheckoutItem::Credits { name: "100 credits".to_owned(), amount: price };
    assert_eq!(scene.gateway.opened()[0].item, item);
}

#[tokio::test]
async fn a_pack_that_is_not_on_sale_is_not_found() {
    let mut catalogue = the_default_catalogue();
    catalogue.credit_products[0].active = false;
    let scene = Scene::selling(catalogue);
    let acme = scene.acme().await;
    let unknown = BuyCredits { credit_product_id: a_fresh_id(), ..the_smallest_pack(acme) };
    for request in [the_smallest_pack(acme), unknown] {
        fails!(scene.billing.buy_credits(request).await, Error::NotFound(Missing::CreditProduct));
    }
}

#[tokio::test]
async fn an_unknown_organization_buys_nothing() {
    let scene = Scene::new();
    fails!(
        scene.billing.buy_credits(the_smallest_pack(a_fresh_id())).await,
        Error::NotFound(Missing::Organization)
    );
    assert_eq!(scene.gateway.calls(Call::CreateCustomer), 0);
}

#[tokio::test]
async fn packs_are_paid_in_dollars_where_there_is_no_other_price() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    let euros = BuyCredits { currency: Some(Currency::EUR), ..the_smallest_pack(acme) };
    fails!(scene.billing.buy_credits(euros).await, Error::Refused(Refusal::NoSuchPrice));
    let new = billing_app::NewOrganization {
        country: Some("DE".parse().unwrap()),
        ..crate::scene::acme()
    };
    let german = scene.billing.register_organization(new).await.unwrap().id;
    assert!(scene.billing.buy_credits(the_smallest_pack(german)).await.is_ok());
}

#[tokio::test]
async fn a_subscriber_may_buy_packs_and_several_of_them() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    scene.subscribe(acme, "starter").await;
    let first = scene.buy_a_thousand(acme).await;
    assert_eq!(scene.buy_a_thousand(acme).await, first, "the page is still open");
    let other = scene.billing.buy_credits(the_smallest_pack(acme)).await.unwrap();
    assert_ne!(other.page, first.page);
    let session = first.page.session.id;
    scene.gateway.pay(&session);
    scene.hear(About::Checkout(session.clone())).await;
    assert_ne!(scene.buy_a_thousand(acme).await.page.session.id, session);
    assert_eq!(scene.balance(acme).await, 2_000);
}
