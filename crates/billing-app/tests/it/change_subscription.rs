//! Subscriptions are changed: what is asked, what is refused, and what comes true.

mod mishaps;

use billing_app::{
    Asked, ChangeSubscription, Error, Missing, NewTerms, RecordUsage, Refusal, ports::About,
};
use billing_domain::{
    catalogue::{Aggregation, Amount, Feature, FeatureValue, Limit, Meter, Overage, Window},
    currency::Currency,
    id::OrganizationId,
    money::Money,
    period::Interval,
    subscription::{Action, Actor, ChangeRequest, Fate, NotNow, Status, When, Wish},
};
use billing_testkit::{Call, NOON, builders::the_default_catalogue};
use time::Duration;

use crate::scene::{Scene, a_generation};

const MONTH: Duration = Duration::days(31);

pub(crate) fn to(plan: &str) -> Asked {
    Asked::Change(NewTerms { plan: Some(plan.to_owned()), ..NewTerms::default() })
}

fn terms(terms: NewTerms) -> Asked {
    Asked::Change(terms)
}

const fn cancel(when: When) -> Asked {
    Asked::Cancel { when }
}

const PAUSE: Asked = Asked::Pause { resumes_at: None };

impl Scene {
    pub(crate) async fn ask(
        &self,
        organization_id: OrganizationId,
        asked: Asked,
    ) -> Result<ChangeRequest, Error> {
        self.ask_as_shown(organization_id, asked, None).await
    }

    async fn ask_as_shown(
        &self,
        organization_id: OrganizationId,
        asked: Asked,
        preview_token: Option<String>,
    ) -> Result<ChangeRequest, Error> {
        let reason = Some("we grow".to_owned());
        let actor = Actor::Customer;
        let wanted = ChangeSubscription { organization_id, asked, actor, reason, preview_token };
        self.billing.change_subscription(wanted).await
    }

    /// What changed of a subscription, who did it and why.
    async fn changed(&self, organization: OrganizationId) -> Vec<(String, Actor, String)> {
        let id = self.subscription(organization).await.id;
        let all = self.store.changes(id);
        all.into_iter().map(|it| (it.what, it.actor, it.reason)).collect()
    }
}

fn usd(minor: i64) -> Money {
    Money::new(minor, Currency::USD)
}

#[tokio::test]
async fn an_upgrade_is_done_and_charged_as_its_preview_said() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    scene.subscribe(acme, "starter").await;
    scene.clock.advance(Duration::days(10));
    let preview = scene.billing.preview_change(acme, &to("scale")).await.unwrap();
    // 21 of 31 days are left, but for the half second by which instants are cut.
    let amounts: Vec<_> = preview.lines.iter().map(|line| line.amount.minor()).collect();
    assert_eq!((amounts.as_slice(), preview.total), ([-610, 3_997].as_slice(), usd(3_387)));
    assert_eq!(preview.amount_due, usd(3_387));
    assert_eq!(scene.plan(acme).await, "starter", "nothing is changed by asking");

    scene.clock.advance(Duration::minutes(9));
    let token = Some(preview.token);
    let done = scene.ask_as_shown(acme, to("scale"), token).await.unwrap();
    assert_eq!((done.fate, done.proration_at), (Fate::Done, preview.effective_at));
    assert_eq!(scene.plan(acme).await, "scale");
    assert_eq!(scene.payments(acme).await[0].amount, usd(3_387));
    let ours = ("plan,price".to_owned(), Actor::Customer, "we grow".to_owned());
    assert_eq!(scene.changed(acme).await, [ours]);
    assert!(scene.billing.open_changes(acme).await.unwrap().is_empty());
    assert!(scene.happened().contains(&"subscription.updated".to_owned()));
}

#[tokio::test]
async fn a_quantity_is_changed_and_priced() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    let subscription = scene.subscribe(acme, "growth").await;
    let three = terms(NewTerms { quantity: Some(3), ..NewTerms::default() });
    scene.ask(acme, three).await.unwrap();
    let seen = scene.subscription(acme).await;
    assert_eq!(seen.quantity, 3);
    assert_eq!(scene.payments(acme).await[0].amount, usd(2 * 2_900));
    assert_eq!(scene.changed(acme).await[0].0, "quantity");
    scene.clock.advance(MONTH);
    scene.gateway.renew(&subscription);
    scene.hear(About::Subscription(subscription)).await;
    assert_eq!(scene.payments(acme).await[0].amount, usd(3 * 2_900));
}

#[tokio::test]
async fn what_cannot_be_paid_for_is_not_had() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    scene.subscribe(acme, "starter").await;
    let before = scene.subscription(acme).await;
    scene.gateway.declining();
    fails!(scene.ask(acme, to("scale")).await, Error::Refused(Refusal::PaymentDeclined(_)));
    assert_eq!(scene.subscription(acme).await, before);
    assert_eq!(scene.happened().last().unwrap(), "subscription.change_failed");
    assert!(scene.billing.open_changes(acme).await.unwrap().is_empty());
    scene.gateway.working();
    scene.ask(acme, to("scale")).await.unwrap();
    assert_eq!(scene.plan(acme).await, "scale", "a new request is a new chance");
}

#[tokio::test]
async fn a_cheaper_plan_begins_with_the_next_period() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    let subscription = scene.subscribe(acme, "scale").await;
    let preview = scene.billing.preview_change(acme, &to("starter")).await.unwrap();
    assert_eq!((preview.effective_at, preview.total), (NOON + MONTH, usd(900)));
    let planned = scene.ask(acme, to("starter")).await.unwrap();
    assert_eq!(planned.fate, Fate::Scheduled { at: NOON + MONTH });
    let open = scene.billing.open_changes(acme).await.unwrap();
    assert_eq!(open, core::slice::from_ref(&planned));
    assert_eq!((scene.plan(acme).await.as_str(), scene.payments(acme).await.len()), ("scale", 1));
    assert_eq!(scene.happened().last().unwrap(), "subscription.change_scheduled");

    scene.clock.advance(MONTH);
    scene.gateway.renew(&subscription);
    scene.hear(About::Subscription(subscription)).await;
    assert_eq!(scene.plan(acme).await, "starter");
    assert_eq!(scene.payments(acme).await[0].amount, preview.amount_due);
    assert!(scene.billing.open_changes(acme).await.unwrap().is_empty());
    let changes = scene.changed(acme).await;
    let what: Vec<_> = changes.iter().map(|(what, actor, _)| (what.as_str(), *actor)).collect();
    assert_eq!(what, [("planned", Actor::Customer), ("plan,price,period", Actor::Customer)]);
}

#[tokio::test]
async fn a_cheaper_plan_now_leaves_a_credit() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    scene.subscribe(acme, "scale").await;
    let now =
        NewTerms { plan: Some("starter".to_owned()), when: Some(When::Now), ..NewTerms::default() };
    let preview = scene.billing.preview_change(acme, &terms(now.clone())).await.unwrap();
    assert_eq!((preview.total, preview.amount_due), (usd(900 - 5_900), usd(0)));
    scene.ask(acme, terms(now)).await.unwrap();
    assert_eq!((scene.plan(acme).await.as_str(), scene.payments(acme).await.len()), ("starter", 1));
    let back = scene.billing.preview_change(acme, &to("growth")).await.unwrap();
    assert_eq!((back.total, back.amount_due), (usd(2_000), usd(0)), "the credit pays");
}

#[tokio::test]
async fn what_is_planned_stands_in_the_way_until_it_is_taken_back() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    scene.subscribe(acme, "scale").await;
    for plan in [to("starter"), cancel(When::PeriodEnd)] {
        scene.ask(acme, plan).await.unwrap();
        for second in [to("growth"), cancel(When::PeriodEnd), PAUSE] {
            let Err(Error::Refused(Refusal::NotNow(NotNow::ChangePending { allowed }))) =
                scene.ask(acme, second.clone()).await
            else {
                panic!("{second:?}")
            };
            assert_eq!(allowed, [Action::Cancel, Action::Resume]);
        }
        let back = scene.ask(acme, Asked::Resume).await.unwrap();
        assert_eq!(back.fate, Fate::Done);
        assert!(scene.billing.open_changes(acme).await.unwrap().is_empty());
        assert!(!scene.subscription(acme).await.cancel_at_period_end);
    }
    assert!(scene.happened().contains(&"subscription.change_withdrawn".to_owned()));
    scene.ask(acme, to("starter")).await.unwrap();
    scene.ask(acme, cancel(When::Now)).await.unwrap();
    assert_eq!(scene.plan(acme).await, "free", "an end at once is always possible");
    assert!(scene.billing.open_changes(acme).await.unwrap().is_empty());
    assert_eq!(scene.gateway.calls(Call::ChangeSubscription), 2);
}

#[tokio::test]
async fn a_pause_stops_everything_until_its_end() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    scene.subscribe(acme, "growth").await;
    let resumes_at = NOON + Duration::days(60);
    let until = Asked::Pause { resumes_at: Some(resumes_at) };
    scene.ask(acme, until).await.unwrap();
    let paused = scene.subscription(acme).await;
    assert_eq!(paused.status, Status::Paused { resumes_at: Some(resumes_at) });
    assert_eq!(scene.plan(acme).await, "free");
    let open = scene.billing.open_changes(acme).await.unwrap();
    assert_eq!(open[0].fate, Fate::Scheduled { at: resumes_at });
    let id = paused.billed_by.reference().unwrap().id.clone();
    scene.hear(About::Subscription(id)).await;
    assert_eq!(scene.subscription(acme).await.status, paused.status, "it is remembered");

    scene.clock.advance(Duration::days(60) - Duration::SECOND);
    assert_eq!(scene.billing.carry_out_changes().await.unwrap(), 0);
    scene.clock.advance(Duration::SECOND);
    assert_eq!(scene.billing.carry_out_changes().await.unwrap(), 1);
    let seen = scene.subscription(acme).await;
    assert_eq!((seen.status, seen.period.start), (Status::Active, resumes_at));
    assert_eq!((scene.plan(acme).await.as_str(), scene.payments(acme).await.len()), ("growth", 2));
    assert!(scene.billing.open_changes(acme).await.unwrap().is_empty());
}

#[tokio::test]
async fn who_goes_on_early_pays_no_second_time() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    scene.subscribe(acme, "growth").await;
    let until = Asked::Pause { resumes_at: Some(NOON + Duration::days(60)) };
    scene.ask(acme, until).await.unwrap();
    scene.clock.advance(Duration::days(3));
    let preview = scene.billing.preview_change(acme, &Asked::Resume).await.unwrap();
    assert!(preview.lines.is_empty() && preview.total.is_zero());
    scene.ask(acme, Asked::Resume).await.unwrap();
    assert_eq!((scene.plan(acme).await.as_str(), scene.payments(acme).await.len()), ("growth", 1));
    assert!(scene.billing.open_changes(acme).await.unwrap().is_empty(), "nothing resumes it again");
    scene.ask(acme, PAUSE).await.unwrap();
    scene.clock.advance(MONTH);
    let preview = scene.billing.preview_change(acme, &Asked::Resume).await.unwrap();
    assert_eq!(preview.total, usd(2_900), "a new period");
    scene.gateway.declining();
    fails!(scene.ask(acme, Asked::Resume).await, Error::Refused(Refusal::PaymentDeclined(_)));
    assert_eq!(scene.plan(acme).await, "free", "it stays paused");
}

#[tokio::test]
async fn a_preview_holds_for_a_while_and_while_nothing_changes() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    let subscription = scene.subscribe(acme, "starter").await;
    let token =
        || async { Some(scene.billing.preview_change(acme, &to("growth")).await.unwrap().token) };
    let stale = token().await;
    scene.clock.advance(Duration::minutes(10));
    fails!(
        scene.ask_as_shown(acme, to("growth"), stale).await,
        Error::Refused(Refusal::PreviewStale)
    );
    let of_another = token().await;
    fails!(
        scene.ask_as_shown(acme, to("scale"), of_another).await,
        Error::Refused(Refusal::PreviewStale)
    );
    let before_a_change = token().await;
    scene.gateway.cancel_at_period_end(&subscription, true);
    scene.hear(About::Subscription(subscription.clone())).await;
    scene.ask(acme, Asked::Resume).await.unwrap();
    let three = terms(NewTerms { quantity: Some(3), ..NewTerms::default() });
    scene.ask(acme, three).await.unwrap();
    fails!(
        scene.ask_as_shown(acme, to("growth"), before_a_change).await,
        Error::Refused(Refusal::PreviewStale)
    );
    for nonsense in ["", "x", "1.", "-1.00", "99999999999999999999.0"] {
        let asked = scene.ask_as_shown(acme, to("growth"), Some(nonsense.to_owned())).await;
        assert!(
            matches!(
                asked,
                Err(Error::Invalid { field: "preview_token", .. }
                    | Error::Refused(Refusal::PreviewStale))
            ),
            "{nonsense}: {asked:?}"
        );
    }
    assert_eq!(scene.plan(acme).await, "starter");
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_and_changes_nothing() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    fails!(scene.ask(acme, to("growth")).await, Error::NotFound(Missing::Subscription));
    scene.subscribe(acme, "growth").await;
    let before = scene.subscription(acme).await;
    let with = |new: NewTerms| scene.ask(acme, terms(new));
    let default = NewTerms::default;
    fails!(with(default()).await, Error::Refused(Refusal::NothingToChange));
    fails!(scene.ask(acme, to("growth")).await, Error::Refused(Refusal::NothingToChange));
    fails!(scene.ask(acme, to("platinum")).await, Error::NotFound(Missing::Plan));
    fails!(scene.ask(acme, to("free")).await, Error::Refused(Refusal::PlanIsFree(_)));
    let quarter = NewTerms { interval: Some(Interval::Quarter), ..default() };
    fails!(with(quarter).await, Error::Refused(Refusal::NoSuchPrice));
    let none = NewTerms { quantity: Some(0), ..default() };
    fails!(with(none).await, Error::Invalid { field: "quantity", .. });
    let down = NewTerms { plan: Some("starter".to_owned()), upgrade: true, ..default() };
    fails!(with(down).await, Error::Refused(Refusal::NotAnUpgrade));
    let yesterday = Asked::Pause { resumes_at: Some(NOON - Duration::DAY) };
    fails!(scene.ask(acme, yesterday).await, Error::Invalid { field: "resumes_at", .. });
    let Err(Error::Refused(Refusal::NotNow(NotNow::NotFromHere { from, allowed, .. }))) =
        scene.ask(acme, Asked::Resume).await
    else {
        panic!("an active one resumes")
    };
    assert_eq!((from, allowed), ("active", vec![Action::Change, Action::Cancel, Action::Pause]));
    assert_eq!(scene.subscription(acme).await, before);

    scene.ask(acme, cancel(When::Now)).await.unwrap();
    for late in [cancel(When::Now), cancel(When::PeriodEnd), PAUSE, Asked::Resume, to("scale")] {
        fails!(
            scene.ask(acme, late).await,
            Error::Refused(Refusal::NotNow(NotNow::NotFromHere { from: "cancelled", .. }))
        );
    }
    assert_eq!(scene.gateway.calls(Call::ChangeSubscription), 0);
}

#[tokio::test]
async fn a_trial_is_changed_at_once_and_for_nothing() {
    let scene = Scene::with_trials(14);
    let acme = scene.acme().await;
    scene.subscribe(acme, "scale").await;
    let later = NewTerms {
        plan: Some("starter".to_owned()),
        when: Some(When::PeriodEnd),
        ..NewTerms::default()
    };
    fails!(scene.ask(acme, terms(later)).await, Error::Invalid { field: "when", .. });
    let preview = scene.billing.preview_change(acme, &to("starter")).await.unwrap();
    assert!(preview.lines.is_empty() && preview.amount_due.is_zero());
    let done = scene.ask(acme, to("starter")).await.unwrap();
    assert!(matches!(done.wish, Wish::Change { when: When::Now, .. }));
    assert_eq!((scene.plan(acme).await.as_str(), scene.payments(acme).await.len()), ("starter", 0));
}

/// Sells plans with any number of seats, which are counted.
fn with_seats() -> Scene {
    let mut catalogue = the_default_catalogue();
    catalogue.meters.push(Meter {
        key: "seats".to_owned(),
        name: "Seats".to_owned(),
        aggregation: Aggregation::Sum,
    });
    let seats = Feature {
        key: "seats".to_owned(),
        value: FeatureValue::Limit(Limit {
            meter: "seats".to_owned(),
            amount: Amount::Unlimited,
            window: Window::Lifetime,
            overage: Overage::Block,
        }),
    };
    for version in catalogue.plans.iter_mut().flat_map(|plan| &mut plan.versions) {
        version.features.push(seats.clone());
    }
    Scene::selling(catalogue)
}

#[tokio::test]
async fn no_seat_in_use_is_taken_away() {
    let scene = with_seats();
    let acme = scene.acme().await;
    scene.subscribe(acme, "growth").await;
    let seats = |quantity| terms(NewTerms { quantity: Some(quantity), ..NewTerms::default() });
    scene.ask(acme, seats(5)).await.unwrap();
    let sit = RecordUsage { meter: "seats".to_owned(), quantity: 3, ..a_generation(acme) };
    scene.billing.record_usage(sit).await.unwrap();
    fails!(scene.ask(acme, seats(2)).await, Error::Refused(Refusal::SeatsInUse { used: 3 }));
    assert_eq!(scene.subscription(acme).await.quantity, 5);
    let fewer = scene.ask(acme, seats(3)).await.unwrap();
    assert!(matches!(fewer.fate, Fate::Scheduled { .. }), "it is cheaper: {fewer:?}");
}
