//! What our engine bills is changed for money: it comes true once that is paid.

use billing_app::{Asked, ChangePreview, ChangeSubscription, NewTerms, ports::InvoiceFilter};
use billing_domain::{
    invoice::{Invoice, InvoiceStatus},
    payment::ChargeFailure,
    subscription::{Actor, ChangeRequest, Fate, NotNow, When},
};
use billing_testkit::Call;

use super::{
    changing::{PAUSE, cancel, converted, nth},
    *,
};
use crate::{change_subscription::to, scene::everything};

fn now(plan: &str) -> Asked {
    let terms =
        NewTerms { plan: Some(plan.to_owned()), when: Some(When::Now), ..NewTerms::default() };
    Asked::Change(terms)
}

fn seats(quantity: u32) -> Asked {
    Asked::Change(NewTerms { quantity: Some(quantity), ..NewTerms::default() })
}

fn every(interval: Interval) -> Asked {
    let terms = NewTerms { interval: Some(interval), when: Some(When::Now), ..NewTerms::default() };
    Asked::Change(terms)
}

pub(super) fn lines(of: &Invoice) -> Vec<(String, i64)> {
    let all = of.bill.parts().lines.iter();
    all.map(|line| (line.description.clone(), line.amount.minor())).collect()
}

pub(super) fn shown(preview: &ChangePreview) -> Vec<(String, i64)> {
    let all = preview.lines.iter();
    all.map(|line| (line.description.clone(), line.amount.minor())).collect()
}

pub(super) fn said(lines: &[(&str, i64)]) -> Vec<(String, i64)> {
    lines.iter().map(|(text, minor)| ((*text).to_owned(), *minor)).collect()
}

impl Scene {
    /// Invoices of ours for a subscription, the newest first.
    pub(super) async fn invoiced(&self, acme: OrganizationId) -> Vec<Invoice> {
        let all = self.billing.invoices(acme, InvoiceFilter::default(), everything()).await;
        all.unwrap().into_iter().filter(|it| it.subscription_id.is_some()).collect()
    }

    pub(super) async fn preview(&self, acme: OrganizationId, asked: &Asked) -> ChangePreview {
        self.billing.preview_change(acme, asked).await.unwrap()
    }

    /// Asks for what was shown, and nothing else.
    pub(super) async fn ask_as_previewed(
        &self,
        acme: OrganizationId,
        asked: Asked,
    ) -> (ChangePreview, Result<ChangeRequest, Error>) {
        let preview = self.preview(acme, &asked).await;
        let wanted = ChangeSubscription {
            organization_id: acme,
            asked,
            actor: Actor::Customer,
            reason: None,
            preview_token: Some(preview.token.clone()),
        };
        (preview, self.billing.change_subscription(wanted).await)
    }

    pub(super) async fn open(&self, acme: OrganizationId) -> Vec<Fate> {
        let open = self.billing.open_changes(acme).await.unwrap();
        open.into_iter().map(|it| it.fate).collect()
    }
}

#[tokio::test]
async fn an_upgrade_is_paid_first_and_is_what_its_preview_said() {
    let (scene, acme) = converted().await;
    let half = day(14) + Duration::days(15);
    scene.pass(half).await;
    let (preview, done) = scene.ask_as_previewed(acme, to("growth")).await;
    assert_eq!(done.unwrap().fate, Fate::Done);
    let expected = said(&[("Unused time on Starter", -465), ("Remaining time on Growth", 1_497)]);
    assert_eq!(shown(&preview), expected);
    assert_eq!((preview.total.minor(), preview.amount_due.minor()), (1_032, 1_032));
    let invoice = scene.invoiced(acme).await.remove(0);
    assert_eq!((lines(&invoice), invoice.status), (expected, InvoiceStatus::Paid));
    assert_eq!(invoice.bill.total(), preview.total);
    assert_eq!(scene.payments(acme).await[0].amount, preview.amount_due);
    assert_eq!(invoice.payment_id, Some(scene.payments(acme).await[0].id));
    let changed = scene.subscription(acme).await;
    assert_eq!((scene.plan(acme).await.as_str(), changed.period), ("growth", nth(0)));
    let kept = scene.store.changes(changed.id).pop().unwrap();
    assert_eq!((kept.what.as_str(), kept.actor), ("plan,price", Actor::Customer));
    assert_eq!(scene.balance(acme).await, 1_100, "credits come with the next period");
    scene.pass(nth(0).end).await;
    assert_eq!(scene.payments(acme).await[0].amount.minor(), 2_900);
    assert_eq!(scene.balance(acme).await, 5_100);
}

#[tokio::test]
async fn a_seat_is_paid_for_the_rest_of_the_period() {
    let (scene, acme) = converted().await;
    scene.pass(day(14) + Duration::days(10)).await;
    let (preview, done) = scene.ask_as_previewed(acme, seats(3)).await;
    done.unwrap();
    let expected = said(&[("Unused time on Starter", -610), ("Remaining time on Starter", 1_829)]);
    assert_eq!(shown(&preview), expected);
    assert_eq!(lines(&scene.invoiced(acme).await[0]), expected);
    assert_eq!(scene.subscription(acme).await.quantity, 3);
    scene.pass(nth(0).end).await;
    assert_eq!(lines(&scene.invoiced(acme).await[0]), said(&[("Starter", 2_700)]));
}

#[tokio::test]
async fn what_is_declined_is_not_had_and_not_owed() {
    let (scene, acme) = converted().await;
    let before = scene.subscription(acme).await;
    scene.gateway.declining();
    for _ in 0..2 {
        let declined = scene.ask(acme, to("scale")).await;
        fails!(declined, Error::Refused(Refusal::PaymentDeclined(ChargeFailure::Declined)));
        assert_eq!(scene.subscription(acme).await, before);
        assert_eq!(scene.open(acme).await, []);
        assert_eq!(scene.invoiced(acme).await[0].status, InvoiceStatus::Void);
        assert_eq!(scene.happened().last().unwrap(), "subscription.change_failed");
    }
    scene.gateway.working();
    scene.pass(day(20)).await;
    assert_eq!(scene.subscription(acme).await, before, "nobody tries it again");
    scene.ask(acme, to("scale")).await.unwrap();
    assert_eq!(scene.plan(acme).await, "scale", "a new request is a new chance");
}

#[tokio::test]
async fn without_a_method_nothing_dearer_is_had() {
    let (scene, acme) = converted().await;
    let before = scene.subscription(acme).await;
    scene.gateway.forget_methods(&scene.customer());
    let refused = scene.ask(acme, to("scale")).await;
    fails!(refused, Error::Refused(Refusal::PaymentDeclined(ChargeFailure::NoSavedMethod)));
    assert_eq!(scene.subscription(acme).await, before);
    assert_eq!((scene.open(acme).await.len(), scene.invoiced(acme).await.len()), (0, 1));
}

#[tokio::test]
async fn what_timed_out_is_asked_for_and_paid_once() {
    let (scene, acme) = converted().await;
    scene.gateway.timing_out_after_accepting();
    fails!(scene.ask(acme, to("growth")).await, Error::Unavailable { .. });
    scene.gateway.working();
    assert_eq!(
        (scene.plan(acme).await.as_str(), scene.open(acme).await),
        ("starter", vec![Fate::Pending])
    );
    for other in [to("scale"), cancel(When::Now), PAUSE, Asked::Resume] {
        let Err(Error::Refused(Refusal::NotNow(NotNow::ChangePending { allowed }))) =
            scene.ask(acme, other).await
        else {
            panic!("a second change is begun")
        };
        assert!(allowed.is_empty());
    }
    assert_eq!(scene.ask(acme, to("growth")).await.unwrap().fate, Fate::Pending, "the same one");
    scene.pass(day(14) + Duration::minutes(2)).await;
    assert_eq!((scene.plan(acme).await.as_str(), scene.open(acme).await), ("growth", vec![]));
    assert_eq!((scene.gateway.calls(Call::Charge), scene.gateway.charged().len()), (2, 2));
}

#[tokio::test]
async fn a_refusal_that_timed_out_is_found_as_well() {
    let (scene, acme) = converted().await;
    scene.gateway.refuse(&scene.customer());
    scene.gateway.timing_out_after_accepting();
    fails!(scene.ask(acme, to("growth")).await, Error::Unavailable { .. });
    scene.gateway.working();
    scene.pass(day(14) + Duration::minutes(2)).await;
    assert_eq!((scene.plan(acme).await.as_str(), scene.open(acme).await), ("starter", vec![]));
    assert_eq!(scene.invoiced(acme).await[0].status, InvoiceStatus::Void);
}

#[tokio::test]
async fn a_gateway_that_is_down_is_waited_for_within_a_day() {
    for (hours, plan) in [(3, "growth"), (26, "starter")] {
        let (scene, acme) = converted().await;
        scene.gateway.down();
        fails!(scene.ask(acme, to("growth")).await, Error::Unavailable { .. });
        scene.pass(day(14) + Duration::hours(hours)).await;
        scene.gateway.working();
        scene.pass(day(14) + Duration::hours(hours + 2)).await;
        assert_eq!((scene.plan(acme).await.as_str(), scene.open(acme).await), (plan, vec![]));
    }
}

#[tokio::test]
async fn what_is_cheaper_now_is_a_credit_on_the_next_invoice() {
    let (scene, acme) = converted().await;
    scene.ask(acme, to("scale")).await.unwrap();
    scene.pass(day(14) + Duration::days(15)).await;
    let (preview, done) = scene.ask_as_previewed(acme, now("starter")).await;
    assert_eq!(done.unwrap().fate, Fate::Done);
    assert_eq!((preview.total.minor(), preview.amount_due.minor()), (465 - 3_045, 0));
    assert_eq!(scene.plan(acme).await, "starter");
    let charges = scene.gateway.charged().len();
    // The credit pays for another change as far as it goes.
    let preview = scene.preview(acme, &to("growth")).await;
    assert_eq!((preview.total.minor(), preview.amount_due.minor()), (1_032, 0));
    scene.ask(acme, to("growth")).await.unwrap();
    assert_eq!(scene.gateway.charged().len(), charges);
    scene.pass(nth(0).end).await;
    let renewed = scene.invoiced(acme).await.remove(0);
    let expected = said(&[
        ("Growth", 2_900),
        ("Unused time on Scale", -3_045),
        ("Remaining time on Starter", 465),
        ("Unused time on Starter", -465),
        ("Remaining time on Growth", 1_497),
    ]);
    assert_eq!((lines(&renewed), renewed.bill.total().minor()), (expected, 1_352));
    assert_eq!(scene.payments(acme).await[0].amount.minor(), 1_352);
    scene.pass(nth(1).end).await;
    assert_eq!(lines(&scene.invoiced(acme).await[0]), said(&[("Growth", 2_900)]));
}

#[tokio::test]
async fn a_credit_lasts_for_as_many_invoices_as_it_takes() {
    let (scene, acme) = converted().await;
    scene.ask(acme, to("scale")).await.unwrap();
    scene.ask(acme, now("starter")).await.unwrap();
    let charges = scene.gateway.charged().len();
    for (n, kept) in [(0, 5_000 - 900), (1, 5_000 - 1_800)] {
        scene.pass(nth(n).end).await;
        let invoice = scene.invoiced(acme).await.remove(0);
        assert_eq!((invoice.bill.total().minor(), invoice.status), (0, InvoiceStatus::Paid));
        assert_eq!(lines(&invoice).pop().unwrap().1, kept);
        assert_eq!(scene.subscription(acme).await.period, nth(n + 1));
        assert_eq!(scene.balance(acme).await, 1_100, "its credits are given");
    }
    assert_eq!(scene.gateway.charged().len(), charges);
}

#[tokio::test]
async fn a_credit_pays_a_part_of_what_is_dearer() {
    let (scene, acme) = converted().await;
    scene.ask(acme, to("growth")).await.unwrap();
    scene.ask(acme, now("starter")).await.unwrap();
    let (preview, done) = scene.ask_as_previewed(acme, to("scale")).await;
    done.unwrap();
    assert_eq!(preview.amount_due.minor(), 5_000 - 2_000);
    let invoice = scene.invoiced(acme).await.remove(0);
    assert_eq!((lines(&invoice), invoice.bill.total()), (shown(&preview), preview.amount_due));
    scene.gateway.declining();
    scene.pass(day(15)).await;
    scene.ask(acme, now("starter")).await.unwrap();
    fails!(scene.ask(acme, seats(9)).await, Error::Refused(Refusal::PaymentDeclined(_)));
    scene.gateway.working();
    let (preview, done) = scene.ask_as_previewed(acme, seats(9)).await;
    done.unwrap();
    assert_eq!(lines(&scene.invoiced(acme).await[0]), shown(&preview), "what waited waits again");
    assert_eq!(shown(&preview).len(), 4);
}

#[tokio::test]
async fn another_interval_begins_a_period() {
    let (scene, acme) = converted().await;
    scene.pass(day(14) + Duration::days(15)).await;
    let (preview, done) = scene.ask_as_previewed(acme, every(Interval::Year)).await;
    done.unwrap();
    let expected = said(&[("Unused time on Starter", -465), ("Starter", 9_000)]);
    assert_eq!(shown(&preview), expected);
    let invoice = scene.invoiced(acme).await.remove(0);
    let yearly = scene.subscription(acme).await;
    let year = Anchor(preview.effective_at).period(Interval::Year, 0);
    let at_once = scene.ask(acme, every(Interval::Month)).await;
    fails!(at_once, Error::Conflict(_));
    assert_eq!(scene.open(acme).await, [], "no period is paid for that has no time");
    assert_eq!((yearly.period, yearly.interval), (year, Interval::Year));
    assert_eq!((lines(&invoice), invoice.period), (expected, Some(year)));
    assert_eq!(scene.billing.next_renewal_due_at().await.unwrap(), Some(year.end));
    assert_eq!(scene.balance(acme).await, 2_100, "the month's own are left");

    scene.pass(year.start + Duration::days(100)).await;
    let (preview, done) = scene.ask_as_previewed(acme, every(Interval::Month)).await;
    done.unwrap();
    let back = scene.invoiced(acme).await.remove(0);
    assert_eq!((lines(&back), back.bill.total().minor()), (shown(&preview), 0));
    assert_eq!(shown(&preview)[0].1, -6_534, "265 of 365 days");
    let monthly = scene.subscription(acme).await;
    let month = Anchor(preview.effective_at).period(Interval::Month, 0);
    assert_eq!(monthly.period, month);
    scene.pass(month.end).await;
    let renewed = scene.invoiced(acme).await.remove(0);
    let expected = said(&[
        ("Starter", 900),
        ("Kept from the last invoice", 900 - 6_534),
        ("Kept for the next invoice", 6_534 - 1_800),
    ]);
    assert_eq!(lines(&renewed), expected);
}

#[tokio::test]
async fn a_planned_interval_goes_on_where_the_last_one_ended() {
    let (scene, acme) = converted().await;
    let yearly = NewTerms {
        interval: Some(Interval::Year),
        when: Some(When::PeriodEnd),
        ..NewTerms::default()
    };
    let (preview, done) = scene.ask_as_previewed(acme, Asked::Change(yearly)).await;
    done.unwrap();
    scene.pass(nth(0).end).await;
    let period = scene.subscription(acme).await.period;
    assert_eq!(period, Anchor(nth(0).end).period(Interval::Year, 0));
    let invoice = scene.invoiced(acme).await.remove(0);
    assert_eq!((lines(&invoice), invoice.period), (shown(&preview), Some(period)));
}

#[tokio::test]
async fn a_lost_answer_is_not_paid_twice() {
    let (scene, acme) = converted().await;
    let billing = scene.billing.clone();
    let second = ChangeSubscription {
        organization_id: acme,
        asked: to("scale"),
        actor: Actor::Admin,
        reason: None,
        preview_token: None,
    };
    scene.gateway.meanwhile(Call::Charge, move || async move {
        fails!(
            billing.change_subscription(second).await,
            Error::Refused(Refusal::NotNow(NotNow::ChangePending { .. }))
        );
    });
    scene.ask(acme, to("growth")).await.unwrap();
    assert_eq!((scene.plan(acme).await.as_str(), scene.gateway.charged().len()), ("growth", 2));
}
