use billing_app::{Error, Missing, NewApiKey, ports::Scopes};
use billing_testkit::builders::a_fresh_id;

use crate::scene::{Scene, everything};

fn a_new_key() -> NewApiKey {
    NewApiKey { name: "Backend".to_owned(), scopes: Scopes::ALL, organization_id: None }
}

#[tokio::test]
async fn a_key_is_shown_once_and_only_its_digest_is_kept() {
    let scene = Scene::new();
    let made = scene.billing.create_api_key(a_new_key()).await.unwrap();
    let kept = scene.billing.api_keys(everything()).await.unwrap();
    assert_eq!(kept, std::slice::from_ref(&made.key));
    let secret = made.token.rsplit('_').next().unwrap();
    assert!(made.token.starts_with(&format!("bk_sandbox_{}_", made.key.public)));
    assert!(!format!("{:?}", made.key).contains(secret));
}

#[tokio::test]
async fn no_two_keys_are_alike() {
    let scene = Scene::new();
    let one = scene.billing.create_api_key(a_new_key()).await.unwrap();
    let other = scene.billing.create_api_key(a_new_key()).await.unwrap();
    assert!(one.token != other.token && one.key.public != other.key.public);
}

#[tokio::test]
async fn a_key_without_a_name_or_scopes_is_refused() {
    let scene = Scene::new();
    for (wrong, named) in [
        (NewApiKey { name: "  ".to_owned(), ..a_new_key() }, "name"),
        (NewApiKey { name: "x".repeat(101), ..a_new_key() }, "name"),
        (NewApiKey { scopes: Scopes::NONE, ..a_new_key() }, "scopes"),
        (NewApiKey { organization_id: Some(a_fresh_id()), ..a_new_key() }, "scopes"),
    ] {
        match scene.billing.create_api_key(wrong).await {
            Err(Error::Invalid { field, .. }) => assert_eq!(field, named),
            Err(other) => panic!("{other:?}"),
            Ok(_) => panic!("{named}"),
        }
    }
    assert!(scene.billing.api_keys(everything()).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_key_is_bound_to_an_organization_that_is_there() {
    let scene = Scene::new();
    let scopes = "read write".parse().unwrap();
    let bound = |id| NewApiKey { scopes, organization_id: Some(id), ..a_new_key() };
    fails!(
        scene.billing.create_api_key(bound(a_fresh_id())).await,
        Error::NotFound(Missing::Organization)
    );
    let acme = scene.acme().await;
    let made = scene.billing.create_api_key(bound(acme)).await.unwrap();
    assert_eq!(made.key.organization_id, Some(acme));
}

#[tokio::test]
async fn ending_a_key_twice_keeps_the_first_instant() {
    let scene = Scene::new();
    let made = scene.billing.create_api_key(a_new_key()).await.unwrap();
    let ended = scene.billing.revoke_api_key(made.key.id).await.unwrap();
    scene.clock.advance(time::Duration::HOUR);
    assert_eq!(scene.billing.revoke_api_key(made.key.id).await.unwrap(), ended);
    fails!(scene.billing.revoke_api_key(a_fresh_id()).await, Error::NotFound(Missing::ApiKey));
}
