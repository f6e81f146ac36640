//! What our engine bills rests, goes on, and is ended while something is not paid.

use billing_app::{Asked, ports::About};
use billing_domain::{
    invoice::InvoiceStatus,
    money::Money,
    subscription::{Fate, NotNow, When},
};

use super::{
    changing::{PAUSE, cancel, converted, nth, until},
    paid_changes::{lines, said, shown},
    *,
};
use crate::change_subscription::to;

#[tokio::test]
async fn who_goes_on_late_pays_a_new_period_first() {
    let (scene, acme) = converted().await;
    let late = nth(0).end + Duration::days(20);
    scene.ask(acme, until(late)).await.unwrap();
    scene.pass(late - Duration::DAY).await;
    let preview = scene.preview(acme, &Asked::Resume).await;
    assert_eq!((shown(&preview), preview.amount_due.minor()), (said(&[("Starter", 900)]), 900));
    assert_eq!(scene.gateway.charged().len(), 1, "nothing is billed meanwhile");
    scene.gateway.declining();
    fails!(scene.ask(acme, Asked::Resume).await, Error::Refused(Refusal::PaymentDeclined(_)));
    assert_eq!(
        (scene.plan(acme).await.as_str(), scene.subscription(acme).await.status.name()),
        ("free", "paused")
    );
    assert_eq!(scene.open(acme).await, [Fate::Scheduled { at: late }], "its end is still planned");
    scene.gateway.working();
    scene.pass(late).await;
    let resumed = scene.subscription(acme).await;
    let start = late.replace_nanosecond(0).unwrap();
    assert_eq!(
        (resumed.status, resumed.period),
        (Status::Active, Anchor(start).period(Interval::Month, 0))
    );
    assert_eq!(scene.open(acme).await, []);
    assert_eq!(scene.payments(acme).await[0].amount.minor(), 900);
    scene.pass(resumed.period.end).await;
    let next = scene.subscription(acme).await;
    assert_eq!(next.period.start, resumed.period.end);
}

#[tokio::test]
async fn a_pause_whose_end_is_not_paid_goes_on() {
    let (scene, acme) = converted().await;
    let late = nth(0).end + Duration::days(20);
    scene.ask(acme, until(late)).await.unwrap();
    scene.gateway.declining();
    scene.pass(late + Duration::days(40)).await;
    assert_eq!(scene.subscription(acme).await.status.name(), "paused");
    assert_eq!(scene.open(acme).await, []);
    assert_eq!(scene.happened().last().unwrap(), "subscription.change_failed");
    scene.gateway.working();
    scene.ask(acme, Asked::Resume).await.unwrap();
    assert_eq!(scene.plan(acme).await, "starter");
}

#[tokio::test]
async fn a_paused_trial_is_over_and_goes_on_with_a_first_payment() {
    let scene = Scene::new();
    let acme = scene.with_card(true).await;
    scene.try_starter(acme).await;
    scene.pass(day(5)).await;
    scene.ask(acme, PAUSE).await.unwrap();
    assert_eq!(scene.trial(acme).await.state, TrialState::Cancelled { at: day(5) });
    assert_eq!(scene.plan(acme).await, "free");
    scene.pass(day(8)).await;
    let (preview, done) = scene.ask_as_previewed(acme, Asked::Resume).await;
    done.unwrap();
    assert_eq!(shown(&preview), said(&[("Starter", 900)]));
    let period = scene.subscription(acme).await.period;
    assert_eq!(period, Anchor(preview.effective_at).period(Interval::Month, 0));
    assert_eq!(lines(&scene.invoiced(acme).await[0]), shown(&preview));
    scene.pass(period.end).await;
    assert_eq!(scene.gateway.charged().len(), 2);
}

#[tokio::test]
async fn what_is_not_paid_comes_first() {
    let (scene, acme) = converted().await;
    scene.gateway.timing_out_after_accepting();
    scene.pass(nth(0).end).await;
    assert_eq!(scene.subscription(acme).await.period, nth(1), "its money is under way");
    for asked in [to("growth"), PAUSE, cancel(When::Now)] {
        let before = scene.subscription(acme).await;
        fails!(scene.ask(acme, asked.clone()).await, Error::Refused(Refusal::PaymentPending));
        fails!(
            scene.billing.preview_change(acme, &asked).await,
            Error::Refused(Refusal::PaymentPending)
        );
        assert_eq!((scene.subscription(acme).await, scene.open(acme).await), (before, vec![]));
    }
    scene.ask(acme, cancel(When::PeriodEnd)).await.unwrap();
    scene.ask(acme, Asked::Resume).await.unwrap();
    scene.gateway.working();
    scene.pass(nth(0).end + Duration::minutes(2)).await;
    scene.ask(acme, to("growth")).await.unwrap();
    assert_eq!(scene.plan(acme).await, "growth");
}

#[tokio::test]
async fn what_is_overdue_is_not_owed_once_it_is_ended() {
    let (scene, acme) = converted().await;
    scene.gateway.declining();
    scene.pass(nth(0).end + Duration::days(2)).await;
    assert_eq!(scene.subscription(acme).await.status.name(), "past_due");
    fails!(
        scene.ask(acme, to("growth")).await,
        Error::Refused(Refusal::NotNow(NotNow::NotFromHere { from: "past_due", .. }))
    );
    scene.ask(acme, cancel(When::Now)).await.unwrap();
    assert_eq!(scene.subscription(acme).await.status.name(), "cancelled");
    assert_eq!(scene.invoiced(acme).await[0].status, InvoiceStatus::Void);
    let charges = scene.gateway.charged().len();
    scene.gateway.working();
    scene.pass(nth(3).end).await;
    assert_eq!(scene.gateway.charged().len(), charges);
}

#[tokio::test]
async fn no_more_is_credited_than_was_paid_and_not_given_back() {
    let (scene, acme) = converted().await;
    let payment = scene.payments(acme).await.remove(0);
    scene.gateway.refund(&payment.reference.id, Money::new(450, payment.amount.currency()));
    scene.hear(About::Payment(payment.reference.id)).await;
    let preview = scene.preview(acme, &to("growth")).await;
    assert_eq!(shown(&preview)[0], ("Unused time on Starter".to_owned(), -450));
}
