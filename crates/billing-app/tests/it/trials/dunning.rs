//! Money that does not come is tried again, and given up in the end.

use billing_app::ports::{About, InvoiceFilter, Scope, Store};
use billing_domain::{
    collection::Collection,
    invoice::{Invoice, InvoiceStatus},
    payment::ChargeFailure,
};
use billing_testkit::Call;

use super::*;
use crate::scene::everything;

/// Converted on the 28th of March; a month later the bank of the customer says no.
async fn refused(why: ChargeFailure) -> (Scene, OrganizationId) {
    let scene = Scene::new();
    let acme = scene.with_card(true).await;
    scene.try_starter(acme).await;
    scene.on_day(14).await;
    scene.gateway.refuse_as(&scene.customer(), why);
    scene.go_to(scene.subscription(acme).await.period.end).await;
    (scene, acme)
}

impl Scene {
    /// Moves the clock there, and stops wherever something is due.
    async fn go_to(&self, at: OffsetDateTime) {
        self.billing.advance_clock(billing_app::Advance::To(at)).await.unwrap();
    }

    async fn after_days(&self, days: i64) {
        self.go_to(self.failed_at() + Duration::days(days)).await;
    }

    fn failed_at(&self) -> OffsetDateTime {
        self.told("payment.failed").first().map_or_else(|| self.clock.now(), |(at, _)| *at)
    }

    /// The days after the first failure on which an attempt failed, and why.
    fn failures(&self) -> Vec<(i64, String)> {
        let told = self.told("payment.failed").into_iter();
        let days = |at: OffsetDateTime| (at - self.failed_at()).whole_days();
        told.map(|(at, it)| (days(at), it["reason"].as_str().unwrap().to_owned())).collect()
    }

    async fn newest_invoice(&self, of: OrganizationId) -> Invoice {
        let filter = InvoiceFilter::default();
        self.billing.invoices(of, filter, everything()).await.unwrap().remove(0)
    }

    async fn collection(&self, of: OrganizationId) -> Collection {
        let invoice = self.newest_invoice(of).await;
        let mut work = self.store.begin(Scope::Engine).await.unwrap();
        work.collections().find(of, invoice.id).await.unwrap().unwrap()
    }
}

#[tokio::test]
async fn what_is_refused_for_now_is_tried_on_days_1_3_5_and_7_and_given_up() {
    let (scene, acme) = refused(ChargeFailure::InsufficientFunds).await;
    let begins = scene.failed_at();
    assert_eq!(scene.subscription(acme).await.status, Status::PastDue { since: begins });
    let invoice = scene.newest_invoice(acme).await;
    assert_eq!((invoice.status, invoice.due_at), (InvoiceStatus::Open, Some(begins)));
    let told = scene.told("payment.failed").remove(0).1;
    assert_eq!((&told["kind"], &told["attempts"]), (&json!("soft"), &json!(1)));
    assert_eq!(told["amount"]["amount"], 900);
    let next = begins + Duration::DAY;
    let next = next.format(&time::format_description::well_known::Rfc3339).unwrap();
    assert_eq!(told["next_try_at"], json!(next));

    scene.after_days(30).await;
    let expected: Vec<_> = [0, 1, 3, 5, 7].map(|day| (day, "insufficient_funds".to_owned())).into();
    assert_eq!(scene.failures(), expected);
    assert_eq!(scene.told("payment.failed").last().unwrap().1["next_try_at"], Value::Null);
    assert_eq!(scene.newest_invoice(acme).await.status, InvoiceStatus::Uncollectible);
    let over = begins + Duration::days(7);
    assert_eq!(scene.subscription(acme).await.status, Status::Expired { at: over });
    assert_eq!(scene.plan(acme).await, "free");
    let given_up = scene.told("invoice.uncollectible");
    assert_eq!(given_up.iter().map(|(at, _)| *at).collect::<Vec<_>>(), [over]);
    assert_eq!(given_up[0].1["reason"], "insufficient_funds");
    assert_eq!(scene.gateway.calls(Call::Charge), 1 + 5);
    assert!(scene.told("payment.recovered").is_empty());
}

#[tokio::test]
async fn what_is_paid_in_time_is_recovered() {
    let (scene, acme) = refused(ChargeFailure::Declined).await;
    scene.after_days(2).await;
    assert_eq!(scene.balance(acme).await, 100);
    scene.gateway.relent(&scene.customer());
    scene.after_days(3).await;
    let subscription = scene.subscription(acme).await;
    assert_eq!(subscription.status, Status::Active);
    assert_eq!((scene.plan(acme).await.as_str(), scene.balance(acme).await), ("starter", 1_100));
    let invoice = scene.newest_invoice(acme).await;
    assert_eq!((invoice.status, invoice.paid.minor()), (InvoiceStatus::Paid, 900));
    let recovered = scene.told("payment.recovered");
    assert_eq!((recovered.len(), &recovered[0].1["attempts"]), (1, &json!(3)));
    assert_eq!(scene.failures().len(), 2);
    // The next period begins when it would have begun.
    scene.go_to(subscription.period.end).await;
    assert_eq!(scene.subscription(acme).await.period.start, subscription.period.end);
    assert_eq!(scene.gateway.calls(Call::Charge), 1 + 3 + 1);
}

#[tokio::test]
async fn never_again_after_a_hard_decline() {
    let (scene, acme) = refused(ChargeFailure::LostOrStolen).await;
    scene.after_days(30).await;
    assert_eq!(scene.failures(), [(0, "lost_or_stolen".to_owned())]);
    assert_eq!(scene.gateway.calls(Call::Charge), 1 + 1);
    assert_eq!(scene.subscription(acme).await.status.name(), "expired");
    assert_eq!(scene.newest_invoice(acme).await.status, InvoiceStatus::Uncollectible);
}

#[tokio::test]
async fn another_method_is_charged_at_once() {
    for (why, tried) in [(ChargeFailure::LostOrStolen, 2), (ChargeFailure::Declined, 3)] {
        let (scene, acme) = refused(why).await;
        scene.after_days(2).await;
        let customer = scene.customer();
        scene.gateway.relent(&customer);
        // Something else about the customer changed.
        scene.hear(About::Customer(customer.clone())).await;
        scene.do_what_is_due().await;
        assert_eq!(scene.subscription(acme).await.status.name(), "past_due");
        scene.gateway.save_method(&customer);
        for _ in 0..2 {
            scene.hear(About::Customer(customer.clone())).await;
            scene.do_what_is_due().await;
        }
        assert_eq!(scene.subscription(acme).await.status, Status::Active);
        assert_eq!(scene.newest_invoice(acme).await.status, InvoiceStatus::Paid);
        assert_eq!(scene.collection(acme).await.attempts.len(), tried);
        assert_eq!(scene.told("payment.recovered").len(), 1);
    }
}

#[tokio::test]
async fn who_had_no_method_pays_as_soon_as_there_is_one() {
    let scene = Scene::new();
    let acme = scene.with_card(true).await;
    scene.try_starter(acme).await;
    scene.on_day(14).await;
    let customer = scene.customer();
    scene.gateway.forget_methods(&customer);
    scene.go_to(scene.subscription(acme).await.period.end).await;
    assert_eq!(scene.failures(), [(0, "no_saved_method".to_owned())]);
    scene.after_days(3).await;
    scene.gateway.save_method(&customer);
    scene.hear(About::Customer(customer)).await;
    scene.do_what_is_due().await;
    assert_eq!(scene.subscription(acme).await.status, Status::Active);
}

#[tokio::test]
async fn a_customer_of_somebody_else_is_none_of_our_business() {
    let scene = Scene::new();
    let progress = scene.hear(About::Customer("cus_nobody".to_owned())).await;
    assert_eq!((progress.done, progress.failed), (1, 0));
}

#[tokio::test]
async fn technical_trouble_is_over_in_minutes() {
    let (scene, acme) = refused(ChargeFailure::Unavailable).await;
    scene.go_to(scene.failed_at() + Duration::minutes(19)).await;
    scene.gateway.relent(&scene.customer());
    scene.go_to(scene.failed_at() + Duration::minutes(20)).await;
    assert_eq!(scene.subscription(acme).await.status, Status::Active);
    assert_eq!(scene.collection(acme).await.attempts.len(), 3);
}

#[tokio::test]
async fn who_is_on_trial_waits_for_technical_trouble_as_well() {
    for (back, status) in [(true, "active"), (false, "expired")] {
        let scene = Scene::new();
        let acme = scene.with_card(true).await;
        scene.try_starter(acme).await;
        scene.gateway.refuse_as(&scene.customer(), ChargeFailure::Unavailable);
        scene.go_to(day(14)).await;
        assert_eq!(scene.trial(acme).await.state.name(), "charging");
        assert_eq!(scene.plan(acme).await, "starter");
        if back {
            scene.gateway.relent(&scene.customer());
        }
        scene.go_to(day(15)).await;
        assert_eq!(scene.subscription(acme).await.status.name(), status);
        let expected = if back { InvoiceStatus::Paid } else { InvoiceStatus::Void };
        assert_eq!(scene.newest_invoice(acme).await.status, expected);
        scene.go_to(day(25)).await;
        assert_eq!(scene.failures().len(), if back { 1 } else { 4 });
    }
}

#[tokio::test]
async fn while_nobody_knows_nothing_else_is_tried_and_nobody_is_put_out() {
    let (scene, acme) = refused(ChargeFailure::Declined).await;
    scene.after_days(6).await;
    // The last try goes unanswered; the gateway took the money.
    scene.gateway.relent(&scene.customer());
    scene.gateway.timing_out_after_accepting();
    let last = scene.failed_at() + Duration::days(7);
    scene.clock.advance(last - scene.clock.now());
    scene.do_what_is_due().await;
    assert_eq!(scene.subscription(acme).await.status.name(), "past_due");
    assert_eq!(scene.newest_invoice(acme).await.status, InvoiceStatus::Open);
    scene.gateway.working();
    scene.go_to(last + Duration::HOUR).await;
    assert_eq!(scene.subscription(acme).await.status, Status::Active);
    assert_eq!(scene.newest_invoice(acme).await.status, InvoiceStatus::Paid);
    assert_eq!(scene.gateway.calls(Call::Charge), 1 + 5);
}

#[tokio::test]
async fn who_cancels_is_not_tried_again() {
    let (scene, acme) = refused(ChargeFailure::Declined).await;
    scene.after_days(2).await;
    scene.cancel(acme).await;
    scene.after_days(30).await;
    assert_eq!(scene.failures().len(), 2);
    assert_eq!(scene.newest_invoice(acme).await.status, InvoiceStatus::Uncollectible);
    assert_eq!(scene.subscription(acme).await.status.name(), "cancelled");
}
