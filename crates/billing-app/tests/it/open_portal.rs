use billing_app::{Error, Missing, Refusal};
use billing_testkit::{Call, builders::a_fresh_id};

use crate::scene::Scene;

const BACK: &str = "https://product.test/account";

#[tokio::test]
async fn a_customer_is_sent_to_the_gateways_own_page() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    scene.start(acme, "growth").await.unwrap();
    let url = scene.billing.open_portal(acme, None, BACK).await.unwrap();
    assert!(url.starts_with("https://portal.fake.test/cus_fake_000001"), "{url}");
}

#[tokio::test]
async fn who_never_bought_anything_is_no_customer_yet() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    fails!(scene.billing.open_portal(acme, None, BACK).await, Error::NotFound(Missing::Customer));
    fails!(
        scene.billing.open_portal(a_fresh_id(), None, BACK).await,
        Error::NotFound(Missing::Organization)
    );
    fails!(
        scene.billing.open_portal(acme, None, "/account").await,
        Error::Invalid { field: "return_url", .. }
    );
    assert_eq!(scene.gateway.calls(Call::OpenPortal), 0);
}

#[tokio::test]
async fn a_gateway_that_refuses_or_is_down_says_so() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    scene.start(acme, "growth").await.unwrap();
    scene.gateway.refusing();
    fails!(
        scene.billing.open_portal(acme, None, BACK).await,
        Error::Refused(Refusal::GatewayRefused { .. })
    );
    scene.gateway.down();
    fails!(
        scene.billing.open_portal(acme, None, BACK).await,
        Error::Unavailable { what: "stripe", .. }
    );
}
