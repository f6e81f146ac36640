use billing_app::{ConsumeAnswer, CreditDenial, Error, Missing, Refusal, TopUp};
use billing_domain::id::OrganizationId;
use billing_testkit::builders::{a_fresh_id, the_default_catalogue};

use crate::{
    grant_credits::give,
    scene::{Scene, everything},
};

async fn with_credits(scene: &Scene, amount: i64) -> OrganizationId {
    let acme = scene.acme().await;
    give(scene, acme, amount).await;
    acme
}

fn taken(answer: ConsumeAnswer) -> (i64, i64, bool) {
    match answer {
        ConsumeAnswer::Consumed { consumed: it, .. } => (it.cost, it.balance_after, it.replayed),
        denied @ ConsumeAnswer::Denied { .. } => panic!("{denied:?}"),
    }
}

fn missing(answer: ConsumeAnswer) -> (i64, i64, Option<(i64, i64)>) {
    match answer {
        ConsumeAnswer::Denied(CreditDenial { denied, top_up, .. }) => {
            let help = top_up.map(|TopUp { product, quantity }| (product.credits, quantity));
            (denied.required, denied.available, help)
        }
        consumed @ ConsumeAnswer::Consumed { .. } => panic!("{consumed:?}"),
    }
}

#[tokio::test]
async fn an_event_costs_its_credits_times_the_quantity() {
    let scene = Scene::new();
    let acme = with_credits(&scene, 100).await;
    let answer = scene.consume(acme, ("ai_inference", 3), None).await.unwrap();
    assert_eq!(taken(answer), (75, 25, false));
    assert_eq!(scene.balance(acme).await, 25);
}

#[tokio::test]
async fn without_enough_nothing_is_taken_and_the_answer_says_what_helps() {
    let scene = Scene::new();
    let acme = with_credits(&scene, 50).await;
    let denied = |quantity| scene.consume(acme, ("compute_hour", quantity), None);
    assert_eq!(missing(denied(1).await.unwrap()), (100, 50, Some((100, 1))));
    assert_eq!(missing(denied(2).await.unwrap()), (200, 50, Some((1_000, 1))));
    assert_eq!(missing(denied(50).await.unwrap()), (5_000, 50, Some((5_000, 1))));
    assert_eq!(missing(denied(100).await.unwrap()), (10_000, 50, Some((5_000, 2))));
    let answer = scene.consume(acme, ("data_export", 21), None).await.unwrap();
    assert_eq!(missing(answer), (1_050, 50, Some((1_000, 1))), "what is there helps too");
    assert_eq!(scene.balance(acme).await, 50);
}

#[tokio::test]
async fn packs_that_are_not_on_sale_are_no_help() {
    let mut catalogue = the_default_catalogue();
    catalogue.credit_products[0].active = false;
    let scene = Scene::selling(catalogue.clone());
    let acme = scene.acme().await;
    let answer = scene.consume(acme, ("api_call_basic", 1), None).await.unwrap();
    assert_eq!(missing(answer), (1, 0, Some((1_000, 1))));

    catalogue.credit_products.clear();
    let scene = Scene::selling(catalogue);
    let acme = scene.acme().await;
    let answer = scene.consume(acme, ("api_call_basic", 1), None).await.unwrap();
    assert_eq!(missing(answer), (1, 0, None));
}

#[tokio::test]
async fn a_key_is_decided_once_whatever_was_decided() {
    let scene = Scene::new();
    let acme = with_credits(&scene, 10).await;
    let consume = |quantity, key| scene.consume(acme, ("api_call_basic", quantity), Some(key));
    assert_eq!(taken(consume(4, "one").await.unwrap()), (4, 6, false));
    assert_eq!(taken(consume(4, "one").await.unwrap()), (4, 6, true));
    assert_eq!(missing(consume(7, "two").await.unwrap()).1, 6);
    give(&scene, acme, 100).await;
    assert_eq!(missing(consume(7, "two").await.unwrap()).1, 6, "a new try takes a new key");
    assert_eq!(taken(consume(7, "three").await.unwrap()), (7, 99, false));
}

#[tokio::test]
async fn a_key_stands_for_one_request() {
    let scene = Scene::new();
    let acme = with_credits(&scene, 100).await;
    let consume = |event, quantity| scene.consume(acme, (event, quantity), Some("one"));
    consume("api_call_basic", 1).await.unwrap();
    for (event, quantity) in [("api_call_basic", 2), ("api_call_premium", 1)] {
        fails!(consume(event, quantity).await, Error::Refused(Refusal::KeyReused));
    }
    let other = with_credits(&scene, 100).await;
    let answer = scene.consume(other, ("api_call_premium", 1), Some("one")).await.unwrap();
    assert_eq!(taken(answer), (5, 95, false), "keys of others are others");
}

#[tokio::test]
async fn without_a_key_one_is_made_up_and_told() {
    let scene = Scene::new();
    let acme = with_credits(&scene, 100).await;
    let mut told = Vec::new();
    for _ in 0..2 {
        match scene.consume(acme, ("api_call_basic", 1), None).await.unwrap() {
            ConsumeAnswer::Consumed { key, consumed } => {
                assert_eq!(key.as_str(), consumed.decision.to_string());
                told.push(key);
            }
            denied @ ConsumeAnswer::Denied { .. } => panic!("{denied:?}"),
        }
    }
    assert_ne!(told[0], told[1]);
    let again = scene.consume(acme, ("api_call_basic", 1), Some(told[0].as_str())).await;
    assert_eq!(taken(again.unwrap()), (1, 99, true));
}

#[tokio::test]
async fn events_that_cannot_be_consumed_are_refused() {
    let mut catalogue = the_default_catalogue();
    catalogue.credit_events[0].active = false;
    let name = catalogue.credit_events[0].name.clone();
    let scene = Scene::selling(catalogue);
    let acme = with_credits(&scene, 100).await;
    fails!(
        scene.consume(acme, (&name, 1), None).await,
        Error::Refused(Refusal::CreditEventInactive(_))
    );
    fails!(scene.consume(acme, ("teleport", 1), None).await, Error::NotFound(Missing::CreditEvent));
    fails!(
        scene.consume(a_fresh_id(), ("ai_inference", 1), None).await,
        Error::NotFound(Missing::Organization)
    );
    assert_eq!(scene.balance(acme).await, 100);
}

#[tokio::test]
async fn quantities_and_keys_that_make_no_sense_are_refused() {
    let scene = Scene::new();
    let acme = with_credits(&scene, 100).await;
    for quantity in [0, -1, i64::MIN, i64::MAX, 1 << 53] {
        fails!(
            scene.consume(acme, ("ai_inference", quantity), None).await,
            Error::Invalid { field: "quantity", .. }
        );
    }
    for key in ["", " ", "naïve", &"x".repeat(256)] {
        fails!(
            scene.consume(acme, ("ai_inference", 1), Some(key)).await,
            Error::Invalid { field: "idempotency_key", .. }
        );
    }
    assert_eq!(scene.billing.credit_entries(acme, everything()).await.unwrap().len(), 1);
}

#[tokio::test]
async fn an_answer_that_was_lost_is_given_again_to_the_same_key() {
    let scene = Scene::new();
    let acme = with_credits(&scene, 10).await;
    let consume = || scene.consume(acme, ("api_call_basic", 4), Some("one"));
    scene.store.lose_next_commit();
    fails!(consume().await, Error::Unavailable { .. });
    assert_eq!(taken(consume().await.unwrap()), (4, 6, true));
    scene.store.fail_next_commit();
    let other = || scene.consume(acme, ("api_call_basic", 4), Some("two"));
    fails!(other().await, Error::Unavailable { .. });
    assert_eq!(taken(other().await.unwrap()), (4, 2, false));
}
