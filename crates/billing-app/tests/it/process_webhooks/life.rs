use billing_app::{StartSubscription, ports::About};
use billing_domain::{
    credits::EntryKind,
    payment::PaymentStatus,
    period::Interval,
    subscription::{Status, Subscription},
};
use billing_testkit::NOON;
use time::Duration;

use crate::scene::{Scene, a_start, everything};

const MONTH: Duration = Duration::days(31);

#[tokio::test]
async fn a_renewal_grants_the_next_period_and_expires_the_former() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    let subscription = scene.subscribe(acme, "growth").await;
    scene.consume(acme, ("compute_hour", 10), None).await.unwrap();
    assert_eq!(scene.balance(acme).await, 4_000);
    scene.clock.advance(MONTH);
    scene.gateway.renew(&subscription);
    scene.hear(About::Subscription(subscription)).await;

    assert_eq!(scene.balance(acme).await, 5_000);
    let entries = scene.billing.credit_entries(acme, everything()).await.unwrap();
    let rows: Vec<_> = entries.iter().rev().map(|row| (row.kind, row.amount)).collect();
    assert_eq!(
        rows,
        [
            (EntryKind::Earned, 5_000),
            (EntryKind::Consumed, -1_000),
            (EntryKind::Expired, -4_000),
            (EntryKind::Earned, 5_000),
        ]
    );
    let Subscription { id, period, .. } = scene.subscription(acme).await;
    assert_eq!(period.start, NOON + MONTH);
    assert_eq!(scene.store.changes(id)[0].what, "period");
    assert_eq!(scene.payments(acme).await.len(), 2);
}

#[tokio::test]
async fn a_trial_grants_one_month_of_credits_and_no_payment() {
    let scene = Scene::with_trials(14);
    let acme = scene.acme().await;
    let request = StartSubscription { interval: Interval::Year, ..a_start(acme, "growth") };
    let page = scene.billing.start_subscription(request).await.unwrap().page;
    let subscription = scene.gateway.pay(&page.session.id).subscription.unwrap();
    scene.hear(About::Checkout(page.session.id)).await;
    let ends_at = NOON + Duration::days(14);
    assert_eq!(scene.subscription(acme).await.status, Status::Trialing { ends_at });
    assert_eq!(scene.balance(acme).await, 5_000);
    assert!(scene.payments(acme).await.is_empty());

    scene.clock.advance(Duration::days(14));
    scene.gateway.renew(&subscription);
    scene.hear(About::Subscription(subscription)).await;
    assert_eq!(scene.subscription(acme).await.status, Status::Active);
    assert_eq!(scene.balance(acme).await, 60_000, "the year is paid, the trial's are gone");
    assert_eq!(scene.payments(acme).await.len(), 1);
}

#[tokio::test]
async fn a_trial_needs_no_invoice_to_grant() {
    let scene = Scene::with_trials(14);
    let acme = scene.acme().await;
    scene.gateway.retouch_subscriptions(|seen| seen.latest_invoice = None);
    scene.subscribe(acme, "growth").await;
    assert_eq!(scene.balance(acme).await, 5_000);
}

#[tokio::test]
async fn a_year_grants_twelve_months_at_once() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    let request = StartSubscription { interval: Interval::Year, ..a_start(acme, "starter") };
    let page = scene.billing.start_subscription(request).await.unwrap().page;
    scene.gateway.pay(&page.session.id);
    scene.hear(About::Checkout(page.session.id)).await;
    let credits = scene.billing.credits(acme).await.unwrap();
    let end = scene.subscription(acme).await.period.end;
    assert_eq!((credits.balance, credits.grants[0].expires_at), (12_000, Some(end)));
}

#[tokio::test]
async fn an_unpaid_invoice_grants_nothing_until_it_is_paid() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    scene.gateway.retouch_subscriptions(|seen| {
        seen.latest_invoice.as_mut().unwrap().paid = false;
    });
    let subscription = scene.subscribe(acme, "growth").await;
    assert_eq!(scene.subscription(acme).await.status, Status::Active);
    assert_eq!(scene.balance(acme).await, 0);
    scene.gateway.retouch_subscriptions(|_| ());
    scene.hear(About::Subscription(subscription)).await;
    assert_eq!(scene.balance(acme).await, 5_000);
}

#[tokio::test]
async fn a_failed_payment_makes_it_past_due_and_a_late_one_makes_it_good() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    let subscription = scene.subscribe(acme, "growth").await;
    scene.clock.advance(MONTH);
    scene.gateway.declining();
    scene.gateway.renew(&subscription);
    scene.hear(About::Subscription(subscription.clone())).await;
    let since = NOON + MONTH;
    assert_eq!(scene.subscription(acme).await.status, Status::PastDue { since });
    let failed = &scene.payments(acme).await[0];
    assert_eq!(
        (failed.status, failed.failure.as_deref()),
        (PaymentStatus::Failed, Some("card_declined"))
    );
    assert_eq!(scene.balance(acme).await, 0, "the former period is over");

    scene.clock.advance(Duration::days(3));
    scene.gateway.working();
    scene.gateway.settle(&subscription);
    scene.hear(About::Subscription(subscription)).await;
    assert_eq!(scene.subscription(acme).await.status, Status::Active);
    assert_eq!(scene.balance(acme).await, 5_000);
    let statuses: Vec<_> = scene.payments(acme).await.iter().map(|it| it.status).collect();
    let (good, bad) = (PaymentStatus::Completed, PaymentStatus::Failed);
    assert_eq!(statuses, [good, bad, good]);
}

#[tokio::test]
async fn cancelled_at_the_gateway_means_the_free_plan_and_another_subscription_may_begin() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    let subscription = scene.subscribe(acme, "growth").await;
    scene.gateway.cancel(&subscription);
    scene.hear(About::Subscription(subscription)).await;
    assert_eq!(scene.subscription(acme).await.status, Status::Cancelled { at: NOON });
    assert_eq!(scene.plan(acme).await, "free");
    assert_eq!(scene.happened().last().unwrap(), "subscription.cancelled");

    scene.subscribe(acme, "scale").await;
    assert_eq!((scene.plan(acme).await.as_str(), scene.payments(acme).await.len()), ("scale", 2));
}

#[tokio::test]
async fn one_that_ends_with_its_period_gives_access_until_then() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    let subscription = scene.subscribe(acme, "growth").await;
    scene.gateway.cancel_at_period_end(&subscription, true);
    scene.hear(About::Subscription(subscription.clone())).await;
    assert!(scene.subscription(acme).await.cancel_at_period_end);
    assert_eq!(scene.plan(acme).await, "growth");
    scene.clock.advance(MONTH);
    scene.gateway.renew(&subscription);
    scene.hear(About::Subscription(subscription)).await;
    assert_eq!(scene.plan(acme).await, "free");
    assert_eq!(scene.balance(acme).await, 0);
}

#[tokio::test]
async fn an_end_is_final_whatever_is_heard_later() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    let subscription = scene.subscribe(acme, "growth").await;
    scene.gateway.cancel(&subscription);
    scene.hear(About::Subscription(subscription.clone())).await;
    scene.clock.advance(Duration::DAY);
    scene.gateway.retouch_subscriptions(|seen| seen.status = Status::Active);
    scene.hear(About::Subscription(subscription)).await;
    assert_eq!(scene.plan(acme).await, "free");
}
