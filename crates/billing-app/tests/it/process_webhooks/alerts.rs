//! What administrators are told of, and webhooks that are worse than wrong.

use billing_app::{
    Progress,
    ports::{About, Clock as _, TryOutcome, WebhookStatus},
};
use billing_testkit::Call;
use time::Duration;

use crate::scene::{Scene, mended};

const FAILED: Progress = Progress { done: 0, failed: 1 };

#[tokio::test]
async fn what_much_hangs_on_is_told_at_once_and_once() {
    let scene = Scene::new();
    // The fake's checkouts are completed ones: money hangs on them.
    assert_eq!(scene.hear(About::Checkout("cs_unknown".to_owned())).await, FAILED);
    let id = scene.webhooks().await[0].id;
    assert_eq!(scene.alerts(), [(id, false)]);
    for _ in 0..8 {
        scene.clock.advance_wall(Duration::minutes(80));
        assert_eq!(scene.process().await, FAILED);
    }
    assert_eq!(scene.webhooks().await[0].status, WebhookStatus::Dead);
    assert_eq!(scene.alerts(), [(id, false)], "they know already");
    scene.billing.retry_webhook(id, mended()).await.unwrap();
    assert_eq!(scene.process().await, FAILED);
    assert_eq!(scene.alerts().len(), 2, "it was said to be mended, and is not");
}

#[tokio::test]
async fn the_rest_is_told_when_it_is_dead() {
    let scene = Scene::new();
    assert_eq!(scene.hear(About::Payment("pi_unknown".to_owned())).await, FAILED);
    for _ in 0..8 {
        assert_eq!(scene.alerts(), []);
        scene.clock.advance_wall(Duration::minutes(80));
        assert_eq!(scene.process().await, FAILED);
    }
    let id = scene.webhooks().await[0].id;
    assert_eq!(scene.alerts(), [(id, true)]);
    let kept = scene.billing.inspect_webhook(id).await.unwrap();
    assert_eq!(kept.tries.len(), 9);
    assert!(kept.tries.iter().all(|it| it.outcome == TryOutcome::Failed && it.error.is_some()));
}

#[tokio::test]
async fn a_panic_is_a_failure_of_one_and_holds_up_no_other() {
    let scene = Scene::new();
    scene.gateway.meanwhile(Call::FindPayment, || async { panic!("poison") });
    scene.tell(About::Payment("pi_poison".to_owned())).await;
    let acme = scene.acme().await;
    let session = scene.start(acme, "growth").await.unwrap().page.session.id;
    scene.gateway.pay(&session);
    assert_eq!(scene.hear(About::Checkout(session)).await, Progress { done: 1, failed: 1 });
    assert_eq!(scene.plan(acme).await, "growth");
    let poison = scene.webhooks().await.pop().unwrap();
    assert_eq!(poison.status, WebhookStatus::Retrying);
    assert!(poison.error.unwrap().contains("panicked"));
    assert_eq!(scene.alerts(), [(poison.id, false)], "it is a fault of ours");
}

#[tokio::test]
async fn what_kills_its_worker_each_time_is_dead_in_the_end() {
    let scene = Scene::new();
    scene.tell(About::Payment("pi_poison".to_owned())).await;
    for _ in 0..9 {
        let claimed = scene.billing.claim_webhooks(10).await.unwrap();
        assert_eq!(claimed.len(), 1, "{}", scene.clock.wall());
        scene.clock.advance_wall(Duration::seconds(46));
    }
    assert_eq!(scene.process().await, FAILED);
    let row = scene.webhooks().await.remove(0);
    assert_eq!((row.status, row.attempts), (WebhookStatus::Dead, 10));
    let kept = scene.billing.inspect_webhook(row.id).await.unwrap();
    let lapsed = kept.tries.iter().filter(|it| it.outcome == TryOutcome::Lapsed);
    assert_eq!((lapsed.count(), kept.tries.len()), (9, 10));
    assert_eq!(scene.alerts(), [(row.id, true)]);
}

#[tokio::test]
async fn a_failure_is_recorded_under_its_own_claim_only() {
    let scene = Scene::new();
    scene.tell(About::Checkout("cs_unknown".to_owned())).await;
    let slow = scene.billing.claim_webhooks(1).await.unwrap().remove(0);
    scene.clock.advance_wall(Duration::seconds(46));
    let _other = scene.billing.claim_webhooks(1).await.unwrap().remove(0);
    assert!(!scene.billing.process_webhook(&slow).await.unwrap());
    assert_eq!(scene.webhooks().await[0].status, WebhookStatus::Received);
    assert_eq!(scene.alerts(), [], "who was too slow has nothing to say");
}
