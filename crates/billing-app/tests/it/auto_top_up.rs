use billing_app::{Error, Missing, NewOrganization, Refusal, SetAutoTopUp};
use billing_domain::{
    auto_top_up::AutoTopUp, currency::Currency, id::OrganizationId, money::Money,
};
use billing_testkit::{
    NOON,
    builders::{a_fresh_id, the_default_catalogue},
};

use crate::scene::Scene;

/// A thousand credits when less than 200 are left, for 50 dollars a month at most.
pub(crate) fn a_wish(organization_id: OrganizationId) -> SetAutoTopUp {
    let packs = the_default_catalogue().credit_products;
    let pack = packs.iter().find(|pack| pack.credits == 1_000).expect("it is on sale");
    SetAutoTopUp {
        organization_id,
        enabled: true,
        threshold: 200,
        credit_product_id: pack.id,
        monthly_cap: Money::new(5_000, Currency::USD),
    }
}

#[tokio::test]
async fn what_is_wanted_is_kept_and_may_change() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    fails!(scene.billing.auto_top_up(acme).await, Error::NotFound(Missing::AutoTopUp));
    let set = scene.billing.set_auto_top_up(a_wish(acme)).await.unwrap();
    assert_eq!((set.threshold, set.pending, set.look_at), (200, None, NOON));
    assert_eq!(scene.billing.auto_top_up(acme).await.unwrap(), set);
    let off = SetAutoTopUp { enabled: false, ..a_wish(acme) };
    let off = scene.billing.set_auto_top_up(off).await.unwrap();
    assert_eq!(off, AutoTopUp { enabled: false, ..set });
}

#[tokio::test]
async fn what_makes_no_sense_is_not_kept() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    let set = |wish| scene.billing.set_auto_top_up(wish);
    let capped =
        |minor, currency| SetAutoTopUp { monthly_cap: Money::new(minor, currency), ..a_wish(acme) };
    let negative = SetAutoTopUp { threshold: -1, ..a_wish(acme) };
    fails!(set(negative).await, Error::Invalid { field: "threshold", .. });
    fails!(set(capped(2_499, Currency::USD)).await, Error::Invalid { field: "monthly_cap", .. });
    fails!(set(capped(5_000, Currency::EUR)).await, Error::Invalid { field: "monthly_cap", .. });
    let unknown = SetAutoTopUp { credit_product_id: a_fresh_id(), ..a_wish(acme) };
    fails!(set(unknown).await, Error::NotFound(Missing::CreditProduct));
    fails!(set(a_wish(a_fresh_id())).await, Error::NotFound(Missing::Organization));
    fails!(scene.billing.auto_top_up(a_fresh_id()).await, Error::NotFound(Missing::Organization));
    assert!(set(capped(2_500, Currency::USD)).await.is_ok(), "one pack a month");
}

#[tokio::test]
async fn a_pack_without_a_price_in_the_currency_of_the_organization_is_not_topped_up() {
    let scene = Scene::new();
    let new = NewOrganization { country: Some("DE".parse().unwrap()), ..crate::scene::acme() };
    let german = scene.billing.register_organization(new).await.unwrap().id;
    let set = scene.billing.set_auto_top_up(a_wish(german)).await;
    fails!(set, Error::Refused(Refusal::NoSuchPrice));
}
