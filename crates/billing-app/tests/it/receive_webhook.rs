use billing_app::{
    Error, Received,
    ports::{About, WebhookStatus},
};
use billing_domain::gateway::Gateway;
use time::Duration;

use crate::scene::Scene;

#[tokio::test]
async fn a_webhook_is_kept_before_anything_is_done_about_it() {
    let scene = Scene::new();
    assert_eq!(scene.tell(About::Payment("pi_1".to_owned())).await, Received::New);
    let [row] = &scene.webhooks().await[..] else { panic!("one webhook") };
    assert_eq!((row.status, row.attempts), (WebhookStatus::Received, 0));
    assert_eq!(scene.billing.health().await.unwrap().pending, 1);
}

#[tokio::test]
async fn the_same_event_is_kept_once() {
    let scene = Scene::new();
    let (headers, body) = scene.gateway.webhook(About::Nothing);
    let receive = || scene.billing.receive_webhook(Gateway::Stripe, &headers, &body);
    assert_eq!(receive().await.unwrap(), Received::New);
    for _ in 0..9 {
        assert_eq!(receive().await.unwrap(), Received::Duplicate);
    }
    scene.process().await;
    assert_eq!(receive().await.unwrap(), Received::Duplicate);
    assert_eq!(scene.webhooks().await.len(), 1);
}

#[tokio::test]
async fn what_does_not_prove_where_it_comes_from_leaves_no_trace() {
    let scene = Scene::new();
    let (mut headers, body) = scene.gateway.webhook(About::Nothing);
    scene.clock.advance_wall(Duration::seconds(301));
    let stale = scene.billing.receive_webhook(Gateway::Stripe, &headers, &body).await;
    fails!(stale, Error::Invalid { field: "signature", .. });
    headers.clear();
    let unsigned = scene.billing.receive_webhook(Gateway::Stripe, &headers, &body).await;
    fails!(unsigned, Error::Invalid { field: "signature", .. });
    assert!(scene.webhooks().await.is_empty());
}

#[tokio::test]
async fn what_is_signed_but_cannot_be_read_leaves_no_trace() {
    let scene = Scene::new();
    let (headers, _) = scene.gateway.webhook(About::Nothing);
    for body in [b"no json".as_slice(), b"{}", b""] {
        let read = scene.billing.receive_webhook(Gateway::Stripe, &headers, body).await;
        fails!(read, Error::Invalid { field: "body", .. });
    }
    assert!(scene.webhooks().await.is_empty());
}

#[tokio::test]
async fn a_type_for_which_there_is_nothing_to_do_is_kept_and_ignored() {
    let scene = Scene::new();
    assert_eq!(scene.hear(About::Nothing).await.done, 1);
    assert_eq!(scene.webhooks().await[0].status, WebhookStatus::Ignored);
}

#[tokio::test]
async fn what_could_not_be_kept_is_not_acknowledged() {
    let scene = Scene::new();
    let (headers, body) = scene.gateway.webhook(About::Nothing);
    scene.store.go_down();
    let kept = scene.billing.receive_webhook(Gateway::Stripe, &headers, &body).await;
    fails!(kept, Error::Unavailable { .. });
}
