use billing_app::{ConsumeAnswer, Error, Missing};
use billing_domain::credits::Settings;
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
    let changed =
        scene.billing.configure_credits(acme, |known| Settings { overdraft_limit: 40, ..known });
    assert_eq!(changed.await.unwrap(), Settings { overdraft_limit: 40, ..Settings::default() });
    let changed =
        scene.billing.configure_credits(acme, |known| Settings { low_percent: 3, ..known });
    let expected = Settings { overdraft_limit: 40, low_percent: 3, ..Settings::default() };
    assert_eq!(changed.await.unwrap(), expected);
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
    let known = Settings::default();
    for (wrong, named) in [
        (Settings { overdraft_limit: -1, ..known }, "overdraft_limit"),
        (Settings { overdraft_limit: 1 << 53, ..known }, "overdraft_limit"),
        (Settings { low_balance: -1, ..known }, "low_balance"),
        (Settings { low_balance: 1 << 53, ..known }, "low_balance"),
        (Settings { low_percent: 101, ..known }, "low_percent"),
    ] {
        match scene.billing.configure_credits(acme, |_| wrong).await {
            Err(Error::Invalid { field, .. }) => assert_eq!(field, named),
            other => panic!("{named}: {other:?}"),
        }
    }
    fails!(
        scene.billing.configure_credits(a_fresh_id(), |known| known).await,
        Error::NotFound(Missing::Organization)
    );
    assert_eq!(scene.billing.credits(acme).await.unwrap().settings, known);
    assert!(scene.billing.credit_entries(acme, everything()).await.unwrap().is_empty());
}
