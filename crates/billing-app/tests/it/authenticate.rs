use std::sync::Arc;

use billing_app::{
    Billing, Caller, Environment, Error, Missing, NewApiKey, NewKey, Settings,
    ports::{Clock, Scope, Scopes, Secrets, Store},
};
use billing_domain::id::OrganizationId;
use billing_testkit::{FixedSecrets, MemoryChanges, builders::a_fresh_id};
use mockall::{Sequence, mock};
use time::Duration;

use crate::scene::{Scene, ports};

async fn a_key(scene: &Scene, scopes: &str, organization_id: Option<OrganizationId>) -> NewKey {
    let scopes = scopes.parse().expect("they are scopes");
    let new = NewApiKey { name: "Backend".to_owned(), scopes, organization_id };
    scene.billing.create_api_key(new).await.expect("it is made")
}

#[tokio::test]
async fn whoever_presents_a_key_is_known_by_it() {
    let scene = Scene::new();
    let made = a_key(&scene, "read write admin", None).await;
    let caller = scene.billing.authenticate(&made.token).await.unwrap();
    assert_eq!((caller.key, caller.scopes), (made.key.id, Scopes::ALL));
    assert_eq!((caller.public, caller.organization_id), (made.key.public, None));
}

/// Another process ends a key, past this one.
async fn revoke_elsewhere(scene: &Scene, key: &NewKey) {
    let mut work = scene.store.begin(Scope::Operator).await.expect("the store answers");
    let revoked = work.access_keys().revoke(key.key.id, scene.clock.wall()).await;
    revoked.expect("the store answers");
    work.commit().await.expect("the store answers");
}

#[tokio::test]
async fn a_key_that_was_revoked_here_is_not_believed_any_more() {
    let scene = Scene::new();
    let made = a_key(&scene, "read", None).await;
    scene.billing.authenticate(&made.token).await.unwrap();
    scene.billing.revoke_api_key(made.key.id).await.unwrap();
    fails!(scene.billing.authenticate(&made.token).await, Error::Unauthenticated(_));
}

#[tokio::test]
async fn a_key_that_was_revoked_elsewhere_is_believed_for_a_second_at_most() {
    let scene = Scene::new();
    let made = a_key(&scene, "read", None).await;
    scene.billing.authenticate(&made.token).await.unwrap();
    revoke_elsewhere(&scene, &made).await;
    scene.clock.advance_wall(Duration::milliseconds(499));
    assert!(scene.billing.authenticate(&made.token).await.is_ok(), "it is remembered");
    scene.clock.advance_wall(Duration::milliseconds(501));
    fails!(scene.billing.authenticate(&made.token).await, Error::Unauthenticated(_));
}

#[tokio::test]
async fn one_of_those_who_ask_reads_a_key_anew_before_it_is_stale() {
    let scene = Scene::new();
    let made = a_key(&scene, "read", None).await;
    scene.billing.authenticate(&made.token).await.unwrap();
    scene.clock.advance_wall(Duration::milliseconds(500));
    scene.store.go_down();
    fails!(scene.billing.authenticate(&made.token).await, Error::Unavailable { .. });
    assert!(scene.billing.authenticate(&made.token).await.is_ok(), "the others are answered");
}

#[tokio::test]
async fn a_revoked_key_is_not_believed_any_more_once_that_is_heard() {
    let scene = Scene::new();
    let changes = MemoryChanges::default();
    let mut ports = ports(&scene.store, scene.gateway.clone(), &scene.clock);
    ports.changes = Arc::new(changes.another());
    let elsewhere = Billing::new(ports.clone(), Settings::default());
    ports.changes = Arc::new(changes);
    let here = Billing::new(ports, Settings::default());
    here.hear_changes().await;
    let made = a_key(&scene, "read", None).await;
    here.authenticate(&made.token).await.unwrap();
    elsewhere.revoke_api_key(made.key.id).await.unwrap();
    assert!(here.authenticate(&made.token).await.is_ok(), "it has not heard of it");
    here.hear_changes().await;
    fails!(here.authenticate(&made.token).await, Error::Unauthenticated(_));
}

#[tokio::test]
async fn a_revoked_key_is_not_believed_for_longer_when_the_clock_is_set_back() {
    let scene = Scene::new();
    let made = a_key(&scene, "read", None).await;
    scene.billing.authenticate(&made.token).await.unwrap();
    revoke_elsewhere(&scene, &made).await;
    scene.clock.advance_wall(-Duration::HOUR);
    fails!(scene.billing.authenticate(&made.token).await, Error::Unauthenticated(_));
}

#[tokio::test]
async fn a_remembered_key_needs_no_database() {
    let scene = Scene::new();
    let made = a_key(&scene, "read", None).await;
    scene.billing.authenticate(&made.token).await.unwrap();
    scene.store.go_down();
    assert!(scene.billing.authenticate(&made.token).await.is_ok());
    scene.clock.advance_wall(Duration::SECOND);
    fails!(scene.billing.authenticate(&made.token).await, Error::Unavailable { .. });
}

#[tokio::test]
async fn a_wrong_secret_is_refused_also_where_the_key_is_remembered() {
    let scene = Scene::new();
    let (one, other) = (a_key(&scene, "read", None).await, a_key(&scene, "read", None).await);
    scene.billing.authenticate(&one.token).await.unwrap();
    let secret = other.token.rsplit('_').next().unwrap();
    for wrong in [
        format!("bk_sandbox_{}_{secret}", one.key.public),
        one.token.replace("bk_sandbox_", "bk_live_"),
        one.token.to_uppercase(),
        String::new(),
        "bk_sandbox_".to_owned(),
    ] {
        fails!(scene.billing.authenticate(&wrong).await, Error::Unauthenticated(_));
    }
}

mock! {
    Dice {}
    impl Secrets for Dice {
        fn random(&self) -> [u8; 32];
        fn digest(&self, bytes: &[u8]) -> [u8; 32];
        fn derived(&self, purpose: &str) -> Vec<[u8; 32]>;
    }
}

/// An installation of its own, whose first key has the public part and secret of these bytes.
async fn installation(public: u8, secret: u8) -> (Billing, NewKey) {
    let (mut dice, mut order) = (MockDice::new(), Sequence::new());
    for byte in [public, secret] {
        dice.expect_random().times(1).in_sequence(&mut order).return_const([byte; 32]);
    }
    dice.expect_digest().returning(|bytes| FixedSecrets::default().digest(bytes));
    let scene = Scene::new();
    let mut ports = ports(&scene.store, scene.gateway.clone(), &scene.clock);
    ports.secrets = Arc::new(dice);
    let billing = Billing::new(ports, Settings::default());
    let new = NewApiKey { name: "A".to_owned(), scopes: Scopes::ALL, organization_id: None };
    let made = billing.create_api_key(new).await.expect("it is made");
    (billing, made)
}

#[tokio::test]
async fn a_well_formed_key_with_another_secret_is_refused() {
    let (ours, key) = installation(1, 2).await;
    let (_, other) = installation(1, 3).await;
    assert_eq!(key.key.public, other.key.public);
    fails!(ours.authenticate(&other.token).await, Error::Unauthenticated(_));
    assert!(ours.authenticate(&key.token).await.is_ok());
    fails!(ours.authenticate(&other.token).await, Error::Unauthenticated(_));
}

#[tokio::test]
async fn a_key_of_the_other_environment_is_refused() {
    let scene = Scene::new();
    let made = a_key(&scene, "read", None).await;
    let settings = Settings { environment: Environment::Live, ..Settings::default() };
    let ports = ports(&scene.store, scene.gateway.clone(), &scene.clock);
    let live = Billing::new(ports, settings);
    fails!(live.authenticate(&made.token).await, Error::Unauthenticated(_));
}

#[tokio::test]
async fn scopes_say_what_a_caller_may_do() {
    let scene = Scene::new();
    for (scopes, [reads, writes, administers]) in [
        ("read", [true, false, false]),
        ("write", [true, true, false]),
        ("admin", [true, true, true]),
    ] {
        let made = a_key(&scene, scopes, None).await;
        let caller = scene.billing.authenticate(&made.token).await.unwrap();
        assert_eq!(caller.may_read().is_ok(), reads, "{scopes}");
        assert_eq!(caller.may_write().is_ok(), writes, "{scopes}");
        assert_eq!(caller.may_administer().is_ok(), administers, "{scopes}");
        assert!(caller.may_see(a_fresh_id()).is_ok(), "it is for all of them");
    }
}

#[tokio::test]
async fn a_bound_key_sees_its_own_organization_and_never_administers() {
    let scene = Scene::new();
    let (acme, other) = (scene.acme().await, scene.acme().await);
    let made = a_key(&scene, "read write", Some(acme)).await;
    let caller = scene.billing.authenticate(&made.token).await.unwrap();
    assert!(caller.may_see(acme).is_ok());
    fails!(caller.may_see(other), Error::NotFound(Missing::Organization));
    let scopes = Scopes::ALL;
    fails!(Caller { scopes, ..caller }.may_administer(), Error::Forbidden("admin"));
}
