use billing_app::{ConsumeAnswer, Error, Missing};
use billing_domain::credits::{Settings, SettingsChange};
use billing_testkit::builders::a_fresh_id;

use crate::{
    grant_credits::give,
    scene::{Scene, everything},
};

#[tokio::test]
async fn what_is_not_named_stays_and_the_next_decision_follows() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    give(&scene, acme, 10).await;
    let overdraft = SettingsChange { overdraft_limit: Some(40), ..SettingsChange::default() };
    let low = SettingsChange { low_percent: Some(3), ..SettingsChange::default() };
    let expected = Settings { overdraft_limit: 40, low_percent: 3, ..Settings::default() };
    // Of two changes at once, none is lost.
    let (first, second) = tokio::join!(
        scene.billing.configure_credits(acme, overdraft),
        scene.billing.configure_credits(acme, low),
    );
    assert!([first.unwrap(), second.unwrap()].contains(&expected));
    assert_eq!(scene.billing.credits(acme).await.unwrap().settings, expected);
    let answer = scene.consume(acme, ("ai_inference", 2), None).await.unwrap();
    assert!(matches!(answer, ConsumeAnswer::Consumed { .. }), "{answer:?}");
    assert_eq!(scene.balance(acme).await, -40);
    assert_eq!(scene.billing.credit_entries(acme, everything()).await.unwrap().len(), 4);
}

#[tokio::test]
async fn settings_that_make_no_sense_are_refused() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    let known = SettingsChange::default();
    for (wrong, named) in [
        (SettingsChange { overdraft_limit: Some(-1), ..known }, "overdraft_limit"),
        (SettingsChange { overdraft_limit: Some(1 << 53), ..known }, "overdraft_limit"),
        (SettingsChange { low_balance: Some(-1), ..known }, "low_balance"),
        (SettingsChange { low_balance: Some(1 << 53), ..known }, "low_balance"),
        (SettingsChange { low_percent: Some(101), ..known }, "low_percent"),
    ] {
        match scene.billing.configure_credits(acme, wrong).await {
            Err(Error::Invalid { field, .. }) => assert_eq!(field, named),
            other => panic!("{named}: {other:?}"),
        }
    }
    fails!(
        scene.billing.configure_credits(a_fresh_id(), known).await,
        Error::NotFound(Missing::Organization)
    );
    assert_eq!(scene.billing.credits(acme).await.unwrap().settings, Settings::default());
    assert!(scene.billing.credit_entries(acme, everything()).await.unwrap().is_empty());
}
