//! What our engine bills is paid period by period, or ends.

use billing_app::{Advance, ports::InvoiceFilter};
use billing_domain::{
    invoice::{Billed, InvoiceStatus, Issuer, LineKind},
    payment::PaymentStatus,
};
use billing_testkit::Call;

use super::*;
use crate::scene::everything;

/// Converted on the 28th of March.
async fn converted() -> (Scene, OrganizationId) {
    let scene = Scene::new();
    let acme = scene.with_card(true).await;
    scene.try_starter(acme).await;
    scene.on_day(14).await;
    (scene, acme)
}

fn nth(n: i32) -> Period {
    Anchor(day(14)).period(Interval::Month, n)
}

impl Scene {
    async fn at(&self, at: OffsetDateTime) {
        self.clock.advance(at - self.clock.now());
        self.do_what_is_due().await;
    }
}

#[tokio::test]
async fn each_period_is_paid_once() {
    let (scene, acme) = converted().await;
    for n in 0..3 {
        assert_eq!(scene.billing.next_renewal_due_at().await.unwrap(), Some(nth(n).end));
        scene.at(nth(n).end - Duration::MICROSECOND).await;
        assert_eq!(scene.subscription(acme).await.period, nth(n));
        scene.at(nth(n).end).await;
        let subscription = scene.subscription(acme).await;
        assert_eq!((subscription.period, subscription.status), (nth(n + 1), Status::Active));
        assert_eq!(scene.balance(acme).await, 1_100);
    }
    assert_eq!(scene.gateway.charged().len(), 4);
    assert!(scene.payments(acme).await.iter().all(|it| it.status == PaymentStatus::Completed));
}

#[tokio::test]
async fn each_period_has_an_invoice_of_ours() {
    let (scene, acme) = converted().await;
    scene.at(nth(0).end).await;
    let all = scene.billing.invoices(acme, InvoiceFilter::default(), everything()).await.unwrap();
    let numbers: Vec<_> = all.iter().filter_map(|it| it.number.as_deref()).collect();
    assert_eq!(numbers, ["2026-000003", "2026-000002", "2026-000001"], "the pack's came first");
    let (subscription, payments) = (scene.subscription(acme).await, scene.payments(acme).await);
    for (n, nth) in [nth(1), nth(0)].into_iter().enumerate() {
        let invoice = &all[n];
        assert_eq!((&invoice.issuer, invoice.status), (&Issuer::Us, InvoiceStatus::Paid));
        assert_eq!((invoice.bill.total().minor(), invoice.paid.minor()), (900, 900));
        assert_eq!(invoice.payment_id, Some(payments[n].id));
        assert_eq!((invoice.subscription_id, invoice.period), (Some(subscription.id), Some(nth)));
        let [line] = invoice.bill.parts().lines.as_slice() else { panic!("{invoice:?}") };
        assert_eq!((line.kind, line.period), (LineKind::Recurring, Some(nth)));
        let bills = Billed::Subscription {
            subscription_id: Some(subscription.id),
            price_id: Some(subscription.price_id),
            gateway_price: None,
        };
        assert_eq!(line.bills, bills);
    }
}

#[tokio::test]
async fn after_a_long_sleep_every_period_is_paid_in_turn() {
    let (scene, acme) = converted().await;
    scene.at(nth(2).end).await;
    assert_eq!(scene.subscription(acme).await.period, nth(3));
    assert_eq!(scene.gateway.charged().len(), 4);
    assert_eq!(scene.balance(acme).await, 1_100);
}

#[tokio::test]
async fn what_is_refused_is_past_due_and_then_over() {
    let (scene, acme) = converted().await;
    scene.gateway.refuse(&scene.customer());
    scene.at(nth(0).end).await;
    assert_eq!(scene.subscription(acme).await.status, Status::PastDue { since: nth(0).end });
    assert_eq!((scene.plan(acme).await.as_str(), scene.balance(acme).await), ("starter", 100));
    scene.at(nth(0).end + Duration::days(7) - Duration::SECOND).await;
    assert_eq!(scene.plan(acme).await, "starter");
    let over = nth(0).end + Duration::days(7);
    scene.at(over).await;
    assert_eq!(scene.subscription(acme).await.status, Status::Expired { at: over });
    assert_eq!(scene.plan(acme).await, "free");
    assert_eq!(scene.billing.next_renewal_due_at().await.unwrap(), None);
    // At its begin, once late for days 1, 3 and 5, and on the last day.
    assert_eq!(scene.gateway.charged().len(), 1 + 3);
}

#[tokio::test]
async fn without_a_card_it_is_past_due_as_well() {
    let (scene, acme) = converted().await;
    scene.gateway.forget_methods(&scene.customer());
    scene.at(nth(0).end).await;
    assert_eq!(scene.subscription(acme).await.status, Status::PastDue { since: nth(0).end });
    assert_eq!(scene.gateway.charged().len(), 1);
}

#[tokio::test]
async fn what_timed_out_is_asked_for() {
    let (scene, acme) = converted().await;
    scene.gateway.timing_out_after_accepting();
    scene.at(nth(0).end).await;
    scene.gateway.working();
    let begun = scene.subscription(acme).await;
    assert_eq!((begun.period, begun.status), (nth(1), Status::Active), "nobody knows yet");
    assert_eq!(scene.balance(acme).await, 100, "its credits come with the money");
    scene.at(nth(0).end + Duration::MINUTE).await;
    assert_eq!(scene.balance(acme).await, 1_100);
    assert_eq!(scene.gateway.calls(Call::Charge), 2);
}

#[tokio::test]
async fn a_gateway_that_is_down_is_waited_for() {
    let (scene, acme) = converted().await;
    scene.gateway.down();
    scene.at(nth(0).end).await;
    assert_eq!(scene.subscription(acme).await.status, Status::Active);
    scene.gateway.working();
    scene.at(nth(0).end + Duration::MINUTE).await;
    assert_eq!(scene.subscription(acme).await.period, nth(1));
    assert_eq!(scene.gateway.charged().len(), 2);
}

#[tokio::test]
async fn many_workers_renew_once() {
    let (scene, acme) = converted().await;
    scene.clock.advance(nth(0).end - scene.clock.now());
    let workers = (0..8).map(|_| {
        let billing = scene.billing.clone();
        tokio::spawn(async move {
            for _ in 0..3 {
                billing.renew_due_subscriptions(10).await.unwrap();
                billing.collect_due_invoices(10).await.unwrap();
            }
        })
    });
    for worker in workers.collect::<Vec<_>>() {
        worker.await.unwrap();
    }
    assert_eq!(scene.subscription(acme).await.period, nth(1));
    assert_eq!((scene.gateway.charged().len(), scene.gateway.calls(Call::Charge)), (2, 2));
}

#[tokio::test]
async fn who_wished_so_is_not_renewed() {
    let (scene, acme) = converted().await;
    scene.end_with_the_period(acme).await;
    scene.at(nth(0).end).await;
    assert_eq!(scene.subscription(acme).await.status, Status::Cancelled { at: nth(0).end });
    assert_eq!(scene.gateway.charged().len(), 1);
    scene.at(nth(5).end).await;
    assert_eq!(scene.gateway.charged().len(), 1);
}

#[tokio::test]
async fn a_clock_that_is_moved_ends_trials_and_renews_in_order() {
    let scene = Scene::new();
    let acme = scene.with_card(true).await;
    scene.try_starter(acme).await;
    let far = Advance::To(nth(0).end + Duration::DAY);
    scene.billing.advance_clock(far).await.unwrap();
    assert_eq!(scene.reminders(), [(7, 7), (3, 11), (1, 13), (0, 14)]);
    let converted = scene.told("trial.converted");
    assert_eq!(converted.iter().map(|(at, _)| *at).collect::<Vec<_>>(), [day(14)]);
    let subscription = scene.subscription(acme).await;
    assert_eq!((subscription.period, subscription.status), (nth(1), Status::Active));
    assert_eq!(scene.gateway.charged().len(), 2);
    assert_eq!(scene.balance(acme).await, 1_100);
}
