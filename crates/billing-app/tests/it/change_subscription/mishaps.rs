//! What goes wrong between our record and the gateway's word.

use billing_app::{
    Asked, ChangeSubscription, Error, Refusal,
    ports::{About, Scope, Store},
};
use billing_domain::subscription::{Actor, Fate, NotNow, When};
use billing_testkit::Call;
use time::Duration;

use super::to;
use crate::scene::Scene;

const PENDING: Option<Fate> = Some(Fate::Pending);

impl Scene {
    async fn open_fate(&self, organization: billing_domain::id::OrganizationId) -> Option<Fate> {
        let open = self.billing.open_changes(organization).await.expect("the store answers");
        open.into_iter().next().map(|request| request.fate)
    }
}

#[tokio::test]
async fn a_time_out_is_unknown_and_resolved_by_asking() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    scene.subscribe(acme, "starter").await;
    scene.gateway.timing_out_after_accepting();
    fails!(scene.ask(acme, to("growth")).await, Error::Unavailable { .. });
    assert_eq!(scene.open_fate(acme).await, PENDING);
    assert_eq!(scene.plan(acme).await, "starter", "nobody knows yet");
    // No second change while one is unknown, whatever it is.
    for other in [to("scale"), Asked::Cancel { when: When::Now }, Asked::Resume] {
        let Err(Error::Refused(Refusal::NotNow(NotNow::ChangePending { allowed }))) =
            scene.ask(acme, other).await
        else {
            panic!("a second change is sent")
        };
        assert!(allowed.is_empty());
    }
    scene.clock.advance(Duration::minutes(1));
    assert_eq!(scene.billing.carry_out_changes().await.unwrap(), 1);
    assert_eq!((scene.plan(acme).await.as_str(), scene.open_fate(acme).await), ("growth", None));
    assert_eq!(scene.gateway.calls(Call::ChangeSubscription), 1, "asking was enough");
    assert_eq!(scene.payments(acme).await.len(), 2, "paid once");
}

#[tokio::test]
async fn a_webhook_resolves_it_as_well() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    let subscription = scene.subscribe(acme, "starter").await;
    scene.gateway.timing_out_after_accepting();
    fails!(scene.ask(acme, to("growth")).await, Error::Unavailable { .. });
    scene.hear(About::Subscription(subscription)).await;
    assert_eq!((scene.plan(acme).await.as_str(), scene.open_fate(acme).await), ("growth", None));
}

#[tokio::test]
async fn asking_the_same_again_goes_on_with_the_first_request() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    scene.subscribe(acme, "starter").await;
    scene.gateway.timing_out_after_accepting();
    let token = Some(scene.billing.preview_change(acme, &to("growth")).await.unwrap().token);
    let ask = || scene.ask_as_shown(acme, to("growth"), token.clone());
    fails!(ask().await, Error::Unavailable { .. });
    let begun = scene.billing.open_changes(acme).await.unwrap().remove(0);
    scene.clock.advance(Duration::seconds(20));
    scene.gateway.working();
    let done = ask().await.unwrap();
    assert_eq!((done.id, done.fate), (begun.id, Fate::Done));
    assert_eq!(scene.payments(acme).await.len(), 2, "paid once: the key is the same");
}

#[tokio::test]
async fn what_never_arrived_is_sent_again_under_its_key() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    scene.subscribe(acme, "starter").await;
    scene.gateway.down();
    fails!(scene.ask(acme, to("growth")).await, Error::Unavailable { .. });
    for minutes in [1, 1, 2, 4] {
        scene.clock.advance(Duration::minutes(minutes));
        assert_eq!(scene.billing.carry_out_changes().await.unwrap(), 0, "still down");
        assert_eq!(scene.billing.carry_out_changes().await.unwrap(), 0, "later each time");
    }
    scene.gateway.working();
    scene.clock.advance(Duration::HOUR);
    assert_eq!(scene.billing.carry_out_changes().await.unwrap(), 1);
    assert_eq!((scene.plan(acme).await.as_str(), scene.open_fate(acme).await), ("growth", None));
}

#[tokio::test]
async fn what_was_never_heard_of_is_given_up_when_it_can_no_more_arrive() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    scene.subscribe(acme, "starter").await;
    scene.gateway.down();
    fails!(scene.ask(acme, to("growth")).await, Error::Unavailable { .. });
    scene.gateway.working();
    scene.clock.advance(Duration::hours(24));
    scene.billing.carry_out_changes().await.unwrap();
    assert_eq!(scene.open_fate(acme).await, PENDING, "it may still arrive");
    scene.clock.advance(Duration::hours(1));
    scene.billing.carry_out_changes().await.unwrap();
    assert_eq!((scene.plan(acme).await.as_str(), scene.open_fate(acme).await), ("starter", None));
    assert_eq!(scene.happened().last().unwrap(), "subscription.change_failed");
    assert_eq!(scene.gateway.calls(Call::ChangeSubscription), 1, "it is not sent again");
}

#[tokio::test]
async fn a_refusal_of_the_gateway_is_the_end_of_a_request() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    scene.subscribe(acme, "starter").await;
    scene.gateway.refusing();
    fails!(scene.ask(acme, to("growth")).await, Error::Refused(Refusal::GatewayRefused { .. }));
    assert_eq!(scene.open_fate(acme).await, None);
}

#[tokio::test]
async fn a_lost_commit_is_found_again() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    scene.subscribe(acme, "starter").await;
    scene.store.lose_next_commit();
    fails!(scene.ask(acme, to("growth")).await, Error::Unavailable { .. });
    assert_eq!(scene.gateway.calls(Call::ChangeSubscription), 0, "nothing was sent");
    scene.clock.advance(Duration::minutes(1));
    scene.billing.carry_out_changes().await.unwrap();
    assert_eq!((scene.plan(acme).await.as_str(), scene.payments(acme).await.len()), ("growth", 2));
}

#[tokio::test]
async fn nobody_else_changes_it_while_the_gateway_is_asked() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    scene.subscribe(acme, "starter").await;
    let billing = scene.billing.clone();
    let second = ChangeSubscription {
        organization_id: acme,
        asked: to("scale"),
        actor: Actor::Admin,
        reason: None,
        preview_token: None,
    };
    scene.gateway.meanwhile(Call::ChangeSubscription, move || async move {
        fails!(
            billing.change_subscription(second).await,
            Error::Refused(Refusal::NotNow(NotNow::ChangePending { .. }))
        );
    });
    scene.ask(acme, to("growth")).await.unwrap();
    assert_eq!((scene.plan(acme).await.as_str(), scene.payments(acme).await.len()), ("growth", 2));
}

#[tokio::test]
async fn what_somebody_else_takes_back_at_the_gateway_is_withdrawn() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    let subscription = scene.subscribe(acme, "scale").await;
    let planned = scene.ask(acme, to("starter")).await.unwrap();
    scene.gateway.retouch_subscriptions(|seen| seen.planned_change = None);
    scene.clock.advance(Duration::SECOND);
    scene.hear(About::Subscription(subscription)).await;
    assert_eq!(scene.open_fate(acme).await, None);
    let mut work = scene.store.begin(Scope::Engine).await.unwrap();
    let kept = work.change_requests().find(acme, planned.id).await.unwrap().unwrap();
    assert_eq!(kept.fate, Fate::Withdrawn);
}
