//! Lives of subscriptions that our engine bills, made up at random: whatever is asked in whatever
//! order, and however payments end, the records stay sound.

use std::collections::BTreeMap;

use billing_app::{Advance, Asked, NewTerms, ports::InvoiceFilter};
use billing_domain::{
    invoice::{Invoice, InvoiceStatus},
    payment::PaymentStatus,
    subscription::{Change, Fate, Subscription, When},
};
use proptest::prelude::*;

use super::*;
use crate::scene::everything;

/// Something that happens.
#[derive(Clone, Debug)]
enum Step {
    Hours(u16),
    Ask(Asked),
    /// Looked at first, and then exactly that.
    AskAsShown(Asked),
    Payments(Payments),
}

/// How the gateway is.
#[derive(Clone, Copy, Debug)]
enum Payments {
    Succeed,
    Fail,
    TimeOut,
    Down,
}

fn asked() -> impl Strategy<Value = Asked> {
    let when = prop::sample::select(vec![When::Now, When::PeriodEnd]);
    let plan = prop::sample::select(vec![None, Some("starter"), Some("growth"), Some("scale")]);
    let interval = prop::sample::select(vec![None, Some(Interval::Month), Some(Interval::Year)]);
    let quantity = prop::option::of(0_u32..4);
    let terms = (plan, interval, quantity, prop::option::of(when.clone()), prop::bool::ANY)
        .prop_map(|(plan, interval, quantity, when, upgrade)| {
            let plan = plan.map(str::to_owned);
            Asked::Change(NewTerms { plan, interval, quantity, when, upgrade })
        });
    let pause = prop::option::of(-5_i64..80).prop_map(|days| Asked::Pause {
        resumes_at: days.map(|days| NOON + Duration::days(40 + days * 3)),
    });
    prop_oneof![
        6 => terms,
        1 => when.prop_map(|when| Asked::Cancel { when }),
        2 => pause,
        3 => Just(Asked::Resume),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let payments = prop::sample::select(vec![
        Payments::Succeed,
        Payments::Succeed,
        Payments::Succeed,
        Payments::Fail,
        Payments::TimeOut,
        Payments::Down,
    ]);
    prop_oneof![
        5 => (1_u16..1_000).prop_map(Step::Hours),
        3 => asked().prop_map(Step::Ask),
        3 => asked().prop_map(Step::AskAsShown),
        2 => payments.prop_map(Step::Payments),
    ]
}

/// What must hold at any time.
struct Life {
    scene: Scene,
    acme: OrganizationId,
}

impl Life {
    async fn begun(with_card: bool) -> Self {
        let scene = Scene::new();
        let acme = if with_card { scene.with_card(true).await } else { scene.acme().await };
        scene.try_starter(acme).await;
        Self { scene, acme }
    }

    async fn take(&self, step: Step) {
        match step {
            Step::Hours(hours) => {
                let to = self.scene.clock.now() + Duration::hours(i64::from(hours));
                self.scene.billing.advance_clock(Advance::To(to)).await.unwrap();
            }
            Step::Payments(payments) => match payments {
                Payments::Succeed => self.scene.gateway.working(),
                Payments::Fail => self.scene.gateway.declining(),
                Payments::TimeOut => self.scene.gateway.timing_out_after_accepting(),
                Payments::Down => self.scene.gateway.down(),
            },
            Step::Ask(asked) => {
                let before = self.state().await;
                let done = self.scene.ask(self.acme, asked).await;
                self.refused_or_done(before, done).await;
            }
            Step::AskAsShown(asked) => self.ask_as_shown(asked).await,
        }
    }

    /// An invoice that follows is what the preview said, to the minor unit.
    async fn ask_as_shown(&self, asked: Asked) {
        let before = self.state().await;
        let Ok(_) = self.scene.billing.preview_change(self.acme, &asked).await else {
            let done = self.scene.ask(self.acme, asked).await;
            return self.refused_or_done(before, done).await;
        };
        assert_eq!(self.state().await, before, "looking changes nothing");
        let known = self.scene.invoiced(self.acme).await.len();
        let (preview, done) = self.scene.ask_as_previewed(self.acme, asked).await;
        let invoices = self.scene.invoiced(self.acme).await;
        let made = &invoices[..invoices.len() - known];
        if let [invoice] = made {
            let lines = invoice.bill.parts().lines.iter();
            let invoiced: Vec<_> =
                lines.map(|it| (it.description.clone(), it.amount, it.period)).collect();
            let shown: Vec<_> = preview
                .lines
                .iter()
                .zip(&invoiced)
                .map(|(it, (_, _, period))| {
                    (it.description.clone(), it.amount, period.map(|_| it.period))
                })
                .collect();
            assert_eq!((shown, preview.lines.len()), (invoiced.clone(), invoiced.len()));
            assert_eq!(invoice.bill.total(), preview.total);
            assert_eq!(preview.amount_due, preview.total);
        } else {
            assert!(made.is_empty(), "one change makes one invoice: {made:?}");
        }
        self.refused_or_done(before, done).await;
    }

    async fn state(&self) -> (Subscription, Vec<Fate>) {
        let open = self.scene.billing.open_changes(self.acme).await.unwrap();
        let fates = open.into_iter().map(|it| it.fate).collect();
        (self.scene.subscription(self.acme).await, fates)
    }

    /// What is refused changes nothing; nothing is a fault of ours.
    async fn refused_or_done<T: core::fmt::Debug>(
        &self,
        before: (Subscription, Vec<Fate>),
        done: Result<T, Error>,
    ) {
        match done {
            Ok(_) | Err(Error::Unavailable { .. }) => {}
            Err(Error::Refused(_) | Error::Invalid { .. } | Error::Conflict(_)) => {
                let now = self.state().await;
                // What was pending was asked after first, and may have ended.
                let ended = before.1.contains(&Fate::Pending) && !now.1.contains(&Fate::Pending);
                assert!(ended || now == before, "refused, and {before:?} became {now:?}");
            }
            Err(other) => panic!("{other:?}"),
        }
    }

    async fn is_sound(&self) {
        let subscription = self.scene.subscription(self.acme).await;
        let changes = self.scene.store.changes(subscription.id);
        states_are_legal(&changes);
        let periods = periods_tile(&subscription, &changes);
        let invoices = self.scene.invoiced(self.acme).await;
        each_period_is_billed_once(&invoices, &periods);
        self.money_adds_up(&invoices).await;
        let open = self.scene.billing.open_changes(self.acme).await.unwrap();
        let pending = open.iter().filter(|it| it.fate == Fate::Pending).count();
        assert!(pending <= 1 && open.len() - pending <= 1, "{open:?}");
        assert!(subscription.is_live() || open.is_empty(), "{open:?}");
    }

    /// Each invoice is paid by one payment, and nothing else is paid; and no more is to the
    /// customer's credit than was ever paid.
    async fn money_adds_up(&self, invoices: &[Invoice]) {
        let all = self.scene.billing.invoices(self.acme, InvoiceFilter::default(), everything());
        let all = all.await.unwrap();
        let paid = all.iter().filter(|it| it.status == InvoiceStatus::Paid);
        let due: i64 = paid.map(|it| it.bill.total().minor()).sum();
        let payments = self.scene.payments(self.acme).await;
        let came = payments.iter().filter(|it| it.status == PaymentStatus::Completed);
        let came: i64 = came.map(|it| it.amount.minor()).sum();
        // What timed out is known when it is asked for.
        assert!(due <= came || payments.len() == 100, "{due} of {came}");
        let waits: i64 = self.scene.store.waiting_items().iter().map(|it| it.amount.minor()).sum();
        let lines = invoices.iter().filter(|it| it.status == InvoiceStatus::Paid);
        let paid: i64 = lines.map(|it| it.bill.total().minor()).sum();
        assert!((-paid..=0).contains(&waits), "{waits} wait, {paid} were paid");
    }
}

/// Every change of status is a move that there is.
fn states_are_legal(changes: &[Change]) {
    const MOVES: [(&str, &str); 13] = [
        ("trialing", "active"),
        ("trialing", "past_due"),
        ("trialing", "paused"),
        ("trialing", "cancelled"),
        ("trialing", "expired"),
        ("active", "past_due"),
        ("active", "paused"),
        ("active", "cancelled"),
        ("past_due", "active"),
        ("past_due", "cancelled"),
        ("past_due", "expired"),
        ("paused", "active"),
        ("paused", "cancelled"),
    ];
    for change in changes.iter().filter(|it| it.what != "planned" && it.what != "withdrawn") {
        let (from, to) = (change.from.status.name(), change.to.status.name());
        assert!(from == to || MOVES.contains(&(from, to)), "{from} to {to}");
    }
}

/// The periods that were, each up to where the next began. A gap is a pause.
fn periods_tile(subscription: &Subscription, changes: &[Change]) -> Vec<Period> {
    let mut all: Vec<Period> = Vec::new();
    let seen = changes.iter().filter(|it| it.what != "planned" && it.what != "withdrawn");
    let first = changes.first().map_or(subscription.period, |it| it.from.period);
    let mut paused = false;
    for (period, status) in core::iter::once((first, "trialing"))
        .chain(seen.map(|it| (it.to.period, it.to.status.name())))
    {
        match all.last_mut() {
            Some(last) if last.start == period.start => *last = period,
            Some(last) => {
                assert!(last.start < period.start, "{last:?} {period:?}");
                assert!(
                    period.start <= last.end || paused,
                    "a gap without a pause: {last:?} {period:?}"
                );
                last.end = last.end.min(period.start);
                all.push(period);
            }
            None => all.push(period),
        }
        paused = status == "paused";
    }
    all
}

/// The trial is the only period without an invoice, and no other has two.
fn each_period_is_billed_once(invoices: &[Invoice], periods: &[Period]) {
    let mut billed: BTreeMap<_, usize> = BTreeMap::new();
    let counts = |it: &&Invoice| it.status != InvoiceStatus::Void;
    for start in invoices.iter().filter(counts).filter_map(|it| it.period.map(|it| it.start)) {
        *billed.entry(start).or_default() += 1;
    }
    assert!(billed.values().all(|times| *times == 1), "{billed:?}");
    for period in periods.iter().skip(1) {
        assert!(billed.contains_key(&period.start) || voided(invoices, *period), "{period:?}");
    }
}

/// An end at once takes what is not paid yet with it.
fn voided(invoices: &[Invoice], period: Period) -> bool {
    invoices.iter().any(|it| it.period == Some(period) && it.status == InvoiceStatus::Void)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, max_shrink_iters: 400, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_the_records_are_sound(
        with_card in prop::bool::weighted(0.9),
        converts in prop::bool::weighted(0.8),
        steps in prop::collection::vec(step(), 1..24),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let life = Life::begun(with_card).await;
            if converts {
                life.take(Step::Hours(15 * 24)).await;
            }
            for step in steps {
                life.take(step).await;
                life.is_sound().await;
            }
            // When all answers again, nothing stays open.
            life.take(Step::Payments(Payments::Succeed)).await;
            life.take(Step::Hours(30)).await;
            life.is_sound().await;
            let open = life.scene.billing.open_changes(life.acme).await.unwrap();
            assert!(open.iter().all(|it| it.fate != Fate::Pending), "{open:?}");
        });
    }
}
