use billing_app::{Error, GrantCredits, Missing};
use billing_domain::{
    credits::GrantKind,
    id::{GrantId, OrganizationId},
};
use billing_testkit::{NOON, builders::a_fresh_id};
use time::Duration;

use crate::scene::Scene;

fn a_gift(organization_id: OrganizationId, amount: i64) -> GrantCredits {
    GrantCredits {
        organization_id,
        kind: GrantKind::Promotional,
        amount,
        starts_at: None,
        expires_at: None,
        key: None,
    }
}

/// An operator gives credits for ever.
pub(crate) async fn give(scene: &Scene, acme: OrganizationId, amount: i64) -> GrantId {
    scene.billing.grant_credits(a_gift(acme, amount)).await.expect("they are given").0
}

/// Credits for one day, from an hour hence.
pub(crate) fn for_a_day(organization_id: OrganizationId, amount: i64) -> GrantCredits {
    GrantCredits {
        starts_at: Some(NOON + Duration::HOUR),
        expires_at: Some(NOON + Duration::DAY),
        ..a_gift(organization_id, amount)
    }
}

#[tokio::test]
async fn the_same_key_gives_once() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    let keyed = || GrantCredits { key: Some("sorry".to_owned()), ..a_gift(acme, 10) };
    let (first, already) = scene.billing.grant_credits(keyed()).await.unwrap();
    assert!(!already);
    assert_eq!(scene.billing.grant_credits(keyed()).await.unwrap(), (first, true));
    assert_eq!(scene.balance(acme).await, 10);
    assert_ne!(give(&scene, acme, 10).await, first, "without a key each is another");
    assert_eq!(scene.balance(acme).await, 20);
}

#[tokio::test]
async fn a_grant_whose_answer_was_lost_is_given_once() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    let keyed = || GrantCredits { key: Some("sorry".to_owned()), ..a_gift(acme, 10) };
    scene.store.lose_next_commit();
    fails!(scene.billing.grant_credits(keyed()).await, Error::Unavailable { .. });
    scene.billing.grant_credits(keyed()).await.unwrap();
    assert_eq!(scene.balance(acme).await, 10);
}

#[tokio::test]
async fn grants_that_make_no_sense_are_refused() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    let gift = || a_gift(acme, 10);
    for (wrong, named) in [
        (GrantCredits { kind: GrantKind::Purchased, ..gift() }, "kind"),
        (GrantCredits { kind: GrantKind::Subscription, ..gift() }, "kind"),
        (GrantCredits { amount: 0, ..gift() }, "amount"),
        (GrantCredits { amount: -5, ..gift() }, "amount"),
        (GrantCredits { amount: 1 << 53, ..gift() }, "amount"),
        (GrantCredits { expires_at: Some(NOON), ..gift() }, "expires_at"),
        (
            GrantCredits {
                starts_at: Some(NOON - Duration::DAY),
                expires_at: Some(NOON),
                ..gift()
            },
            "expires_at",
        ),
        (
            GrantCredits { starts_at: Some(NOON + Duration::DAY), ..for_a_day(acme, 1) },
            "expires_at",
        ),
        (GrantCredits { key: Some("\n".to_owned()), ..gift() }, "idempotency_key"),
    ] {
        match scene.billing.grant_credits(wrong).await {
            Err(Error::Invalid { field, .. }) => assert_eq!(field, named),
            other => panic!("{named}: {other:?}"),
        }
    }
    fails!(
        scene.billing.grant_credits(a_gift(a_fresh_id(), 1)).await,
        Error::NotFound(Missing::Organization)
    );
    assert_eq!(scene.balance(acme).await, 0);
}
