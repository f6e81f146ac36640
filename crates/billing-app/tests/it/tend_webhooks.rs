use billing_app::{
    Error, Mandate, Missing, Refusal,
    ports::{About, Deed, WebhookFilter, WebhookStatus},
};
use billing_testkit::builders::a_fresh_id;

use crate::scene::{Scene, everything, mended};

#[tokio::test]
async fn webhooks_are_listed_by_where_they_stand() {
    let scene = Scene::new();
    scene.tell(About::Nothing).await;
    scene.tell(About::Payment("pi_1".to_owned())).await;
    for (status, count) in [
        (Some(WebhookStatus::Ignored), 1),
        (Some(WebhookStatus::Received), 1),
        (Some(WebhookStatus::Dead), 0),
        (None, 2),
    ] {
        let filter = WebhookFilter { status, ..WebhookFilter::default() };
        let rows = scene.billing.list_webhooks(&filter, everything()).await.unwrap();
        assert_eq!(rows.len(), count, "{status:?}");
    }
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let billing = Scene::new().billing;
    let missing = a_fresh_id();
    fails!(billing.inspect_webhook(missing).await, Error::NotFound(Missing::Webhook));
    fails!(billing.retry_webhook(missing, mended()).await, Error::NotFound(Missing::Webhook));
    fails!(billing.discard_webhook(missing, mended()).await, Error::NotFound(Missing::Webhook));
}

#[tokio::test]
async fn a_wish_says_why() {
    let scene = Scene::new();
    scene.tell(About::Nothing).await;
    let id = scene.webhooks().await[0].id;
    for reason in ["", "  ", "a\0b", &*"x".repeat(501)] {
        let mandate = || Mandate { reason: reason.to_owned(), ..mended() };
        let billing = &scene.billing;
        fails!(billing.retry_webhook(id, mandate()).await, Error::Invalid { field: "reason", .. });
        fails!(
            billing.discard_webhook(id, mandate()).await,
            Error::Invalid { field: "reason", .. }
        );
        let many = billing.retry_webhooks(&WebhookFilter::default(), 1, mandate()).await;
        fails!(many, Error::Invalid { field: "reason", .. });
    }
    assert!(scene.billing.inspect_webhook(id).await.unwrap().actions.is_empty());
}

#[tokio::test]
async fn what_had_its_effect_is_not_given_up() {
    let scene = Scene::new();
    scene.tell(About::Nothing).await;
    let id = scene.webhooks().await[0].id;
    let refused = scene.billing.discard_webhook(id, mended()).await;
    fails!(refused, Error::Refused(Refusal::WebhookDone("ignored")));
    assert_eq!(scene.webhooks().await[0].status, WebhookStatus::Ignored);
}

#[tokio::test]
async fn what_is_given_up_is_left_alone_and_can_come_back() {
    let scene = Scene::new();
    scene.tell(About::Payment("pi_1".to_owned())).await;
    let id = scene.webhooks().await[0].id;
    for _ in 0..2 {
        scene.billing.discard_webhook(id, mended()).await.unwrap();
        assert_eq!(scene.webhooks().await[0].status, WebhookStatus::Discarded);
        assert!(!scene.process().await.any());
    }
    scene.billing.retry_webhook(id, mended()).await.unwrap();
    assert_eq!(scene.process().await.failed, 1);
    let kept = scene.billing.inspect_webhook(id).await.unwrap();
    let deeds: Vec<_> = kept.actions.iter().map(|(deed, _)| *deed).collect();
    assert_eq!(deeds, [Deed::Discard, Deed::Retry], "given up twice is given up once");
}

#[tokio::test]
async fn a_filter_is_tried_before_it_is_used() {
    let scene = Scene::new();
    for n in 0..5 {
        scene.tell(About::Payment(format!("pi_{n}"))).await;
    }
    scene.process().await;
    let filter = WebhookFilter::from(WebhookStatus::Retrying);
    let dry = scene.billing.retriable_webhooks(&filter, 3).await.unwrap();
    assert_eq!((dry.count, dry.rows.len()), (5, 3));
    assert!(!scene.process().await.any(), "nothing was put back");
    let wet = scene.billing.retry_webhooks(&filter, 3, mended()).await.unwrap();
    assert_eq!(wet, dry, "what was said is what is done");
    assert_eq!(scene.process().await.failed, 3);
    for limit in [0, 1_001] {
        let much = scene.billing.retriable_webhooks(&filter, limit).await;
        fails!(much, Error::Invalid { field: "limit", .. });
    }
}
