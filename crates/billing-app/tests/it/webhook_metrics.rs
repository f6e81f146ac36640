use std::collections::BTreeMap;

use billing_app::{Error, InboxCondition, ports::About};
use billing_domain::gateway::Gateway;
use time::Duration;

use crate::scene::Scene;

#[tokio::test]
async fn an_idle_inbox_is_healthy() {
    let metrics = Scene::new().billing.webhook_metrics(24).await.unwrap();
    assert_eq!((metrics.condition, metrics.success), (InboxCondition::Healthy, 10_000));
    assert_eq!(metrics.figures.median_to_effect, None);
}

#[tokio::test]
async fn what_came_within_the_while_is_counted() {
    let scene = Scene::new();
    scene.tell(About::Nothing).await;
    scene.clock.advance_wall(Duration::minutes(61));
    let acme = scene.acme().await;
    let session = scene.start(acme, "growth").await.unwrap().page.session.id;
    scene.gateway.pay(&session);
    scene.tell(About::Checkout(session)).await;
    scene.clock.advance_wall(Duration::seconds(3));
    scene.hear(About::Payment("pi_unknown".to_owned())).await;
    scene.tell(About::Payment("pi_waits".to_owned())).await;
    let forged = scene.billing.receive_webhook(Gateway::Stripe, &BTreeMap::new(), b"{}").await;
    fails!(forged, Error::Invalid { field: "signature", .. });

    let metrics = scene.billing.webhook_metrics(1).await.unwrap();
    let figures = metrics.figures;
    assert_eq!((figures.received, figures.processed, figures.retrying), (3, 1, 1));
    assert_eq!((figures.ignored, figures.dead, figures.discarded), (0, 0, 0));
    assert_eq!(figures.median_to_effect, Some(std::time::Duration::from_secs(3)));
    assert_eq!(figures.p99_to_effect, figures.median_to_effect);
    assert_eq!((metrics.success, metrics.condition), (5_000, InboxCondition::Unhealthy));
    assert_eq!((metrics.health.pending, metrics.turned.forged), (2, 1));
    let of_a_day = scene.billing.webhook_metrics(24).await.unwrap().figures;
    assert_eq!((of_a_day.received, of_a_day.ignored), (4, 1));
    for hours in [0, 169] {
        let much = scene.billing.webhook_metrics(hours).await;
        fails!(much, Error::Invalid { field: "hours", .. });
    }
}
