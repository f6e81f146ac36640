//! What a sandbox refuses to start with.

use std::sync::{Arc, atomic::AtomicI64};

use crate::scene::{BEGIN, Scene, config};

#[tokio::test]
async fn only_a_safe_configuration_starts() {
    let clock = Arc::new(AtomicI64::new(BEGIN));
    let good = config("http://127.0.0.1:1/hook", None, &clock);
    let refused = |config| async {
        let Err(error) = billing_sandbox::start(config).await else { panic!("it started") };
        format!("{error:#}")
    };

    let mut open = good.clone();
    open.listen = "0.0.0.0:0".parse().unwrap();
    assert!(refused(open).await.contains("loopback only"));
    let mut live = good.clone();
    live.api_key = "sk_live_x".to_owned();
    assert!(refused(live).await.contains("refuses live keys"));
    let mut secure = good.clone();
    secure.webhook.url = "https://example.com/hook".to_owned();
    assert!(refused(secure).await.contains("not an http address"));
}

#[tokio::test]
async fn a_taken_port_is_named() {
    let scene = Scene::new().await;
    let clock = Arc::new(AtomicI64::new(BEGIN));
    let mut config = config("http://127.0.0.1:1/hook", None, &clock);
    config.listen = scene.sandbox.url().trim_start_matches("http://").parse().unwrap();
    let address = config.listen.to_string();
    let Err(error) = billing_sandbox::start(config).await else { panic!("it started") };
    assert!(format!("{error:#}").contains(&format!("cannot listen on {address}")), "{error:#}");
    scene.stop().await;
}
