use billing_app::{
    Error,
    ports::{CatalogueQueries, Scope, Store},
};
use billing_domain::catalogue::Catalogue;
use billing_testkit::builders::the_default_catalogue;
use time::Duration;

use crate::scene::Scene;

#[tokio::test]
async fn a_new_installation_has_something_to_sell() {
    let scene = Scene::selling(Catalogue::default());
    let seeded = scene.billing.seed_catalogue().await.unwrap();
    assert_eq!(scene.store.catalogue().await.unwrap(), seeded);
    let keys: Vec<_> = seeded.plans.iter().map(|plan| plan.key.as_str()).collect();
    assert_eq!(keys, ["free", "starter", "growth", "scale"]);
    assert_eq!(seeded.credit_products.len(), 4);
    assert_eq!((seeded.credit_events.len(), seeded.meters.len()), (7, 6));
}

#[tokio::test]
async fn seeding_twice_changes_nothing() {
    let scene = Scene::selling(Catalogue::default());
    let first = scene.billing.seed_catalogue().await.unwrap();
    assert_eq!(scene.billing.seed_catalogue().await.unwrap(), first);
    assert_eq!(scene.store.catalogue().await.unwrap(), first);
}

#[tokio::test]
async fn what_an_operator_changed_or_removed_does_not_come_back() {
    let mut changed = the_default_catalogue();
    changed.plans.retain(|plan| plan.key != "scale");
    changed.plans[1].name = "Basic".to_owned();
    changed.credit_products.clear();
    changed.credit_events.clear();
    let scene = Scene::selling(changed.clone());
    let found = scene.billing.seed_catalogue().await.unwrap();
    assert_eq!((&found.plans, found.credit_products.len()), (&changed.plans, 0));
    assert!(found.credit_events.is_empty());
}

#[tokio::test]
async fn a_seed_that_was_not_committed_is_sown_again() {
    let scene = Scene::selling(Catalogue::default());
    scene.store.fail_next_commit();
    fails!(scene.billing.seed_catalogue().await, Error::Unavailable { .. });
    assert!(scene.store.catalogue().await.unwrap().plans.is_empty());
    assert_eq!(scene.billing.seed_catalogue().await.unwrap().plans.len(), 4);
}

#[tokio::test]
async fn what_is_on_sale_is_known_a_second_after_it_changed() {
    let scene = Scene::selling(Catalogue::default());
    assert!(scene.billing.catalogue().await.unwrap().plans.is_empty());
    let mut work = scene.store.begin(Scope::Operator).await.unwrap();
    work.catalogue().add_plan(&the_default_catalogue().plans[0], 1).await.unwrap();
    work.commit().await.unwrap();
    assert!(scene.billing.catalogue().await.unwrap().plans.is_empty(), "it is remembered");
    scene.clock.advance_wall(Duration::SECOND);
    assert_eq!(scene.billing.catalogue().await.unwrap().plans.len(), 1);
}
