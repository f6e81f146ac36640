use billing_app::{
    Error, Received,
    ports::{About, WebhookStatus},
};
use billing_domain::gateway::Gateway;
use time::Duration;

use crate::scene::{Scene, mended};

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
    assert_eq!(receive().await.unwrap(), Received::Ignored);
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
    assert_eq!(scene.tell(About::Nothing).await, Received::Ignored);
    assert_eq!(scene.webhooks().await[0].status, WebhookStatus::Ignored);
    assert!(!scene.process().await.any(), "there is nothing to do");
    // A later release may know what to do: a person can have it looked at again.
    let id = scene.webhooks().await[0].id;
    scene.billing.retry_webhook(id, mended()).await.unwrap();
    assert_eq!(scene.process().await.done, 1);
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

#[tokio::test]
async fn names_that_no_gateway_gives_are_refused() {
    let scene = Scene::new();
    let (headers, body) = scene.gateway.webhook(About::Nothing);
    let body = String::from_utf8(body).unwrap();
    for kind in [String::new(), "a\\u0000b".to_owned(), "a\\nb".to_owned(), "x".repeat(256)] {
        let body = body.replace("plan.created", &kind);
        let read = scene.billing.receive_webhook(Gateway::Stripe, &headers, body.as_bytes()).await;
        fails!(read, Error::Invalid { field: "body", .. });
    }
    assert!(scene.webhooks().await.is_empty());
    let turned = scene.billing.webhook_metrics(1).await.unwrap().turned;
    assert_eq!((turned.forged, turned.unreadable), (0, 4));
}

#[tokio::test]
async fn what_came_along_is_kept_without_what_proves_it() {
    let scene = Scene::new();
    let (mut headers, body) = scene.gateway.webhook(About::Nothing);
    for (name, text) in [
        ("user-agent", "Stripe/1.0"),
        ("x-request-id", &*"r".repeat(501)),
        ("authorization", "Bearer secret"),
        ("cookie", "secret"),
    ] {
        headers.insert(name.to_owned(), text.to_owned());
    }
    scene.billing.receive_webhook(Gateway::Stripe, &headers, &body).await.unwrap();
    let id = scene.webhooks().await[0].id;
    let kept = scene.billing.inspect_webhook(id).await.unwrap();
    assert_eq!(kept.headers.len(), 2, "{:?}", kept.headers);
    assert_eq!((kept.headers["user-agent"].as_str(), kept.body), ("Stripe/1.0", body));
    assert_eq!(kept.headers["x-request-id"].len(), 500);
}
