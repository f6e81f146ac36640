use billing_app::{Error, GrantToMany, Missing};
use billing_domain::{credits::GrantKind, id::OrganizationId};
use billing_testkit::{NOON, builders::a_fresh_id};

use crate::scene::Scene;

fn a_gift(organizations: Vec<OrganizationId>) -> GrantToMany {
    GrantToMany {
        organizations,
        kind: GrantKind::Promotional,
        amount: 10,
        starts_at: None,
        expires_at: None,
        key: "spring".to_owned(),
    }
}

#[tokio::test]
async fn each_is_given_to_once_and_who_is_unknown_holds_up_nobody() {
    let scene = Scene::new();
    let (acme, nobody, other) = (scene.acme().await, a_fresh_id(), scene.acme().await);
    for (given, already) in [(2, 0), (0, 2)] {
        let request = a_gift(vec![acme, nobody, other]);
        let granted = scene.billing.grant_to_many(request).await.unwrap();
        assert_eq!((granted.given, granted.already), (given, already));
        let [(1, failed, Error::NotFound(Missing::Organization))] = granted.failed[..] else {
            panic!("{:?}", granted.failed)
        };
        assert_eq!(failed, nobody);
        assert_eq!((scene.balance(acme).await, scene.balance(other).await), (10, 10));
    }
}

#[tokio::test]
async fn one_that_is_named_twice_is_given_to_once() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    let granted = scene.billing.grant_to_many(a_gift(vec![acme; 300])).await.unwrap();
    assert_eq!((granted.given, granted.already, granted.failed.len()), (1, 299, 0));
    assert_eq!(scene.balance(acme).await, 10);
}

#[tokio::test]
async fn a_request_that_broke_off_is_sent_again() {
    let scene = Scene::new();
    let (acme, other) = (scene.acme().await, scene.acme().await);
    scene.store.fail_next_commit();
    let granted = scene.billing.grant_to_many(a_gift(vec![acme, other])).await.unwrap();
    assert_eq!((granted.given, granted.failed.len()), (1, 1));
    let granted = scene.billing.grant_to_many(a_gift(vec![acme, other])).await.unwrap();
    assert_eq!((granted.given, granted.already, granted.failed.len()), (1, 1, 0));
    assert_eq!((scene.balance(acme).await, scene.balance(other).await), (10, 10));
}

#[tokio::test]
async fn what_is_wrong_for_all_is_said_once() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    let gift = || a_gift(vec![acme]);
    for (wrong, named) in [
        (a_gift(Vec::new()), "organization_ids"),
        (a_gift(vec![acme; 10_001]), "organization_ids"),
        (GrantToMany { kind: GrantKind::Purchased, ..gift() }, "kind"),
        (GrantToMany { amount: 0, ..gift() }, "amount"),
        (GrantToMany { amount: -1, ..gift() }, "amount"),
        (GrantToMany { amount: 1 << 53, ..gift() }, "amount"),
        (GrantToMany { expires_at: Some(NOON), ..gift() }, "expires_at"),
        (GrantToMany { key: "x".repeat(300), ..gift() }, "idempotency_key"),
    ] {
        match scene.billing.grant_to_many(wrong).await {
            Err(Error::Invalid { field, .. }) => assert_eq!(field, named),
            other => panic!("{named}: {other:?}"),
        }
    }
    assert_eq!(scene.balance(acme).await, 0);
}
