use billing_app::{Error, NewOrganization, Refusal};
use billing_domain::currency::Currency;

use crate::scene::{Scene, acme};

#[tokio::test]
async fn an_organization_begins_on_the_free_plan_with_empty_accounts() {
    let scene = Scene::new();
    let made = scene.billing.register_organization(acme()).await.unwrap();
    assert_eq!(scene.billing.organization(made.id).await.unwrap(), made);
    assert_eq!(scene.plan(made.id).await, "free");
    let credits = scene.billing.credits(made.id).await.unwrap();
    assert_eq!((credits.balance, credits.grants.len()), (0, 0));
    assert_eq!(scene.store.events().len(), 1);
}

#[tokio::test]
async fn what_was_typed_is_checked_before_anything_is_kept() {
    let scene = Scene::new();
    for (wrong, named) in [
        (NewOrganization { name: " ".to_owned(), ..acme() }, "name"),
        (NewOrganization { name: "x".repeat(201), ..acme() }, "name"),
        (NewOrganization { external_id: Some(String::new()), ..acme() }, "external_id"),
        (NewOrganization { billing_email: Some("nobody".to_owned()), ..acme() }, "billing_email"),
    ] {
        match scene.billing.register_organization(wrong).await {
            Err(Error::Invalid { field, .. }) => assert_eq!(field, named),
            other => panic!("{other:?}"),
        }
    }
    assert!(scene.store.events().is_empty());
}

#[tokio::test]
async fn it_pays_in_the_currency_of_its_country_unless_it_says_otherwise() {
    let scene = Scene::new();
    for (country, wanted, paid) in [
        (Some("EG"), None, Currency::EGP),
        (Some("DE"), None, Currency::EUR),
        (Some("JP"), None, Currency::USD),
        (None, None, Currency::USD),
        (Some("EG"), Some(Currency::EUR), Currency::EUR),
    ] {
        let country = country.map(|code| code.parse().unwrap());
        let new = NewOrganization { country, currency: wanted, ..acme() };
        assert_eq!(scene.billing.register_organization(new).await.unwrap().currency, paid);
    }
}

#[tokio::test]
async fn an_external_id_belongs_to_one_organization() {
    let scene = Scene::new();
    let new = NewOrganization { external_id: Some("org_7".to_owned()), ..acme() };
    let first = scene.billing.register_organization(new.clone()).await.unwrap();
    fails!(
        scene.billing.register_organization(new).await,
        Error::Refused(Refusal::ExternalIdTaken(_))
    );
    assert_eq!(scene.billing.organization_of("org_7").await.unwrap(), first);
}

#[tokio::test]
async fn what_could_not_be_committed_has_not_happened() {
    let scene = Scene::new();
    scene.store.fail_next_commit();
    fails!(scene.billing.register_organization(acme()).await, Error::Unavailable { .. });
    assert!(scene.store.events().is_empty());
}
