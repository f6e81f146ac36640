use billing_app::{RecordUsage, Settings, StartSubscription, ports::About};
use billing_domain::{
    credits::EntryKind,
    id::OrganizationId,
    payment::PaymentStatus,
    period::{Anchor, Interval},
    subscription::{Status, Subscription},
    usage::UsageOperation,
};
use billing_testkit::NOON;
use time::Duration;

use crate::scene::{Scene, a_generation, a_start, everything};

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
    assert_eq!(scene.balance(acme).await, 5_000, "the year is paid, the trial's are gone");
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

/// A year of the plan `starter`, paid; the name of the subscription.
async fn a_paid_year(scene: &Scene, acme: OrganizationId) -> String {
    let request = StartSubscription { interval: Interval::Year, ..a_start(acme, "starter") };
    let page = scene.billing.start_subscription(request).await.expect("a page opens").page;
    let subscription = scene.gateway.pay(&page.session.id).subscription;
    scene.hear(About::Checkout(page.session.id)).await;
    subscription.expect("a subscription began")
}

#[tokio::test]
async fn a_year_grants_its_credits_month_by_month() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    a_paid_year(&scene, acme).await;
    let period = scene.subscription(acme).await.period;
    let months: Vec<_> = (0..12).map(|n| Anchor(period.start).period(Interval::Month, n)).collect();
    assert_eq!(months.last().unwrap().end, period.end);
    scene.consume(acme, ("compute_hour", 3), None).await.unwrap();
    for (n, month) in months.iter().enumerate() {
        scene.clock.advance(month.start - scene.billing.clock().now());
        let credits = scene.billing.credits(acme).await.unwrap();
        let expected = if n == 0 { 700 } else { 1_000 };
        assert_eq!((credits.balance, credits.grants.len()), (expected, 12 - n), "month {n}");
        assert_eq!(credits.grants[0].expires_at, Some(month.end));
    }
    scene.clock.advance(period.end - scene.billing.clock().now());
    assert_eq!(scene.balance(acme).await, 0);
    let entries = scene.billing.credit_entries(acme, everything()).await.unwrap();
    let given: i64 =
        entries.iter().filter(|row| row.kind == EntryKind::Earned).map(|row| row.amount).sum();
    assert_eq!(given, 12_000);
}

#[tokio::test]
async fn hearing_of_a_year_again_grants_no_month_twice() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    let subscription = a_paid_year(&scene, acme).await;
    for _ in 0..3 {
        scene.clock.advance(MONTH);
        scene.hear(About::Subscription(subscription.clone())).await;
        assert_eq!(scene.balance(acme).await, 1_000);
    }
    assert_eq!(scene.billing.credits(acme).await.unwrap().grants.len(), 9);
}

#[tokio::test]
async fn a_year_that_is_cancelled_at_once_grants_no_further_month() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    let subscription = a_paid_year(&scene, acme).await;
    scene.clock.advance(MONTH);
    assert_eq!(scene.balance(acme).await, 1_000);
    scene.gateway.cancel(&subscription);
    for _ in 0..2 {
        scene.hear(About::Subscription(subscription.clone())).await;
    }
    let credits = scene.billing.credits(acme).await.unwrap();
    assert_eq!((credits.balance, credits.grants.len()), (1_000, 1), "the month that runs stays");
    scene.clock.advance(MONTH);
    assert_eq!(scene.balance(acme).await, 0);
}

#[tokio::test]
async fn where_it_is_set_so_a_year_grants_twelve_months_at_once() {
    let scene = Scene::set(Settings { monthly_credits: false, ..Settings::default() });
    let acme = scene.acme().await;
    a_paid_year(&scene, acme).await;
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
    scene.hear(About::Subscription(subscription.clone())).await;
    let told = scene.happened().into_iter().filter(|it| it == "payment.failed");
    assert_eq!(told.count(), 1, "the gateway tries again, and it is told once");
    assert!(scene.gateway.charged().is_empty(), "nobody else does");

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

#[tokio::test]
async fn what_ends_gives_a_week_of_grace() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    let subscription = scene.subscribe(acme, "growth").await;
    let project = |quantity, decrement| RecordUsage {
        meter: "projects".to_owned(),
        quantity,
        decrement,
        operation: UsageOperation::Track,
        ..a_generation(acme)
    };
    scene.billing.record_usage(project(20, false)).await.unwrap();
    scene.gateway.cancel(&subscription);
    for _ in 0..2 {
        scene.hear(About::Subscription(subscription.clone())).await;
    }
    let fits = async || {
        let answer = scene.billing.check_quota(acme, "projects", 1).await.unwrap();
        (answer.plan, answer.answer.allowed)
    };
    assert_eq!(fits().await, ("free".to_owned(), false));
    scene.billing.record_usage(project(1, true)).await.unwrap();
    assert_eq!(fits().await, ("free".to_owned(), true), "what is freed may be used again");
    scene.clock.advance(Duration::days(7));
    assert_eq!(fits().await, ("free".to_owned(), false));
}
