//! A plan is tried once, extended within limits, and paid or lost at the end.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed, and so do its helpers"
)]

use billing_app::{Error, ExtendTrial, Missing, Refusal, StartTrial, ports::Clock};
use billing_domain::{
    id::OrganizationId,
    period::{Anchor, Interval, Period},
    subscription::{BilledBy, Status},
    trial::{CannotExtend, Extension, Trial, TrialState},
};
use billing_testkit::NOON;
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};

use crate::scene::Scene;

mod changing;
mod dunning;
mod ending;
mod histories;
mod metered;
mod mishaps;
mod paid_changes;
mod renewing;
mod rests;

/// `starter` for two weeks, for Ann.
fn a_start(organization_id: OrganizationId) -> StartTrial {
    StartTrial {
        organization_id,
        plan: "starter".to_owned(),
        interval: Interval::Month,
        currency: None,
        user_id: Some("user_ann".to_owned()),
        email: Some("ann@gmail.com".to_owned()),
    }
}

fn an_extension(organization_id: OrganizationId, by: Extension) -> ExtendTrial {
    ExtendTrial { organization_id, by, reason: "they asked for it".to_owned() }
}

fn day(day: i64) -> OffsetDateTime {
    NOON + Duration::days(day)
}

impl Scene {
    async fn try_starter(&self, organization: OrganizationId) -> Trial {
        self.billing.start_trial(a_start(organization)).await.unwrap()
    }

    async fn extend(&self, organization: OrganizationId, by: Extension) -> Result<Trial, Error> {
        self.billing.extend_trial(an_extension(organization, by)).await
    }

    /// Moves the clock to so many days after noon, and does what is due, to its end.
    async fn on_day(&self, days: i64) -> usize {
        self.clock.advance(day(days) - self.clock.now());
        self.do_what_is_due().await
    }

    async fn do_what_is_due(&self) -> usize {
        let mut all = 0;
        loop {
            let trials = self.billing.end_due_trials(10).await.unwrap();
            let renewals = self.billing.renew_due_subscriptions(10).await.unwrap();
            let collections = self.billing.collect_due_invoices(10).await.unwrap();
            let done = trials + renewals + collections;
            if done == 0 {
                return all;
            }
            all += done;
        }
    }

    async fn trial(&self, organization: OrganizationId) -> Trial {
        self.billing.trial(organization).await.unwrap().unwrap()
    }

    /// What was told under a name, and when.
    fn told(&self, name: &str) -> Vec<(OffsetDateTime, Value)> {
        let told =
            self.store.events().into_iter().map(|event| {
                (event.at, serde_json::to_value(event.what).expect("events can be told"))
            });
        told.filter(|(_, it)| it["type"] == name).map(|(at, it)| (at, it["data"].clone())).collect()
    }

    /// The reminders that were given: the days before the end, and when they were due.
    fn reminders(&self) -> Vec<(i64, i64)> {
        let told = self.told("trial.reminder").into_iter();
        told.map(|(at, it)| (it["days"].as_i64().unwrap(), (at - NOON).whole_days())).collect()
    }
}

#[tokio::test]
async fn a_trial_gives_the_plan_and_a_month_of_its_credits() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    let trial = scene.try_starter(acme).await;
    assert_eq!((trial.started_at, trial.ends_at), (NOON, day(14)));
    assert_eq!(scene.trial(acme).await, trial);
    let subscription = scene.subscription(acme).await;
    assert_eq!(subscription.status, Status::Trialing { ends_at: day(14) });
    assert_eq!(subscription.period, Period { start: NOON, end: day(14) });
    assert_eq!(subscription.billed_by, BilledBy::Engine);
    assert_eq!((scene.plan(acme).await.as_str(), scene.balance(acme).await), ("starter", 1_000));
    assert_eq!(scene.happened(), ["subscription.created", "trial.started"]);
    assert_eq!(scene.billing.next_trial_due_at().await.unwrap(), Some(day(7)));
    assert!(scene.gateway.opened().is_empty(), "nobody was asked to pay");
    scene.consume(acme, ("ai_inference", 1), None).await.unwrap();
    assert_eq!(scene.balance(acme).await, 975);
}

#[tokio::test]
async fn the_price_says_how_long_it_is() {
    let scene = Scene::with_trials(30);
    let acme = scene.acme().await;
    assert_eq!(scene.try_starter(acme).await.ends_at, day(30));
}

#[tokio::test]
async fn an_organization_tries_once() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    scene.try_starter(acme).await;
    let another = |name: &str| StartTrial {
        user_id: Some(format!("user_{name}")),
        email: Some(format!("{name}@example.com")),
        plan: "growth".to_owned(),
        ..a_start(acme)
    };
    let by = "organization";
    for _ in 0..2 {
        let again = scene.billing.start_trial(another("bob")).await;
        assert!(matches!(again, Err(Error::Refused(Refusal::TrialUsed { by: it })) if it == by));
        scene.on_day(30).await;
    }
    assert_eq!(scene.told("trial.started").len(), 1);
}

#[tokio::test]
async fn a_person_tries_once_under_whatever_name() {
    let scene = Scene::new();
    scene.try_starter(scene.acme().await).await;
    let other = scene.acme().await;
    for (user_id, email, expected) in [
        ("user_bob", "A.N.N+again@googlemail.com", "email"),
        ("user_ann", "bob@example.com", "user"),
    ] {
        let (user_id, email) = (Some(user_id.to_owned()), Some(email.to_owned()));
        let request = StartTrial { user_id, email, ..a_start(other) };
        let refused = scene.billing.start_trial(request).await;
        let Err(Error::Refused(Refusal::TrialUsed { by })) = refused else {
            panic!("{refused:?}");
        };
        assert_eq!(by, expected);
    }
    // Nothing was changed by that, not even who has had a trial.
    assert_eq!(scene.billing.trial(other).await.unwrap(), None);
    assert_eq!((scene.plan(other).await.as_str(), scene.balance(other).await), ("free", 0));
    let bob = StartTrial {
        user_id: Some("user_bob".to_owned()),
        email: Some("bob@example.com".to_owned()),
        ..a_start(other)
    };
    scene.billing.start_trial(bob).await.unwrap();
}

#[tokio::test]
async fn the_address_of_the_organization_will_do() {
    let scene = Scene::new();
    let [acme, other] = [scene.acme().await, scene.acme().await];
    let nameless = |id| StartTrial { user_id: None, email: None, ..a_start(id) };
    scene.billing.start_trial(nameless(acme)).await.unwrap();
    let second = scene.billing.start_trial(nameless(other)).await;
    fails!(second, Error::Refused(Refusal::TrialUsed { by: "email" }));
}

#[tokio::test]
async fn only_what_is_sold_and_costs_something_is_tried() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    let wish = |plan: &str| StartTrial { plan: plan.to_owned(), ..a_start(acme) };
    fails!(scene.billing.start_trial(wish("platinum")).await, Error::NotFound(Missing::Plan));
    fails!(scene.billing.start_trial(wish("free")).await, Error::Refused(Refusal::PlanIsFree(_)));
    let quarterly = StartTrial { interval: Interval::Quarter, ..a_start(acme) };
    fails!(scene.billing.start_trial(quarterly).await, Error::Refused(Refusal::NoSuchPrice));
    for (user_id, email) in [("", "ann@gmail.com"), ("ann", "ann"), ("ann", "ann@@")] {
        let (user_id, email) = (Some(user_id.to_owned()), Some(email.to_owned()));
        let wrong = StartTrial { user_id, email, ..a_start(acme) };
        fails!(scene.billing.start_trial(wrong).await, Error::Invalid { .. });
    }
    assert_eq!(scene.billing.trial(acme).await.unwrap(), None);
    scene.try_starter(acme).await;
}

#[tokio::test]
async fn who_is_subscribed_does_not_try() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    scene.subscribe(acme, "growth").await;
    let refused = scene.billing.start_trial(a_start(acme)).await;
    fails!(refused, Error::Refused(Refusal::AlreadySubscribed { .. }));
    assert_eq!((scene.balance(acme).await, scene.payments(acme).await.len()), (5_000, 1));
}

#[tokio::test]
async fn nobody_pays_for_what_is_tried() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    let page = scene.start(acme, "growth").await.unwrap();
    scene.try_starter(acme).await;
    assert_eq!(scene.checkout(acme, page.checkout.id).await.status.name(), "expired");
    let again = scene.start(acme, "growth").await;
    fails!(again, Error::Refused(Refusal::AlreadySubscribed { .. }));
}

#[tokio::test]
async fn a_trial_becomes_longer_with_its_credits() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    scene.try_starter(acme).await;
    scene.consume(acme, ("ai_inference", 4), None).await.unwrap();
    scene.on_day(10).await;
    let trial = scene.extend(acme, Extension::Operator).await.unwrap();
    assert_eq!((trial.ends_at, trial.extensions, trial.extra_days), (day(17), 1, 3));
    assert_eq!(scene.subscription(acme).await.status, Status::Trialing { ends_at: day(17) });
    scene.on_day(16).await;
    assert_eq!((scene.plan(acme).await.as_str(), scene.balance(acme).await), ("starter", 900));
    scene.extend(acme, Extension::Referral).await.unwrap();
    scene.consume(acme, ("ai_inference", 1), None).await.unwrap();
    assert_eq!(scene.balance(acme).await, 875);
    let limit = scene.extend(acme, Extension::Promotion).await;
    let Err(Error::Refused(Refusal::CannotExtend(CannotExtend::Limit { extensions_left, .. }))) =
        limit
    else {
        panic!("{limit:?}");
    };
    assert_eq!(extensions_left, 0);
    let told: Vec<_> = scene.told("trial.extended").into_iter().map(|(_, it)| it).collect();
    assert_eq!((&told[0]["by"], &told[0]["days"]), (&json!("operator"), &json!(3)));
    assert_eq!((&told[1]["by"], &told[1]["days"]), (&json!("referral"), &json!(7)));
    let changes = scene.store.changes(trial.subscription_id);
    let kept: Vec<_> = changes.iter().map(|it| (it.actor.name(), it.reason.as_str())).collect();
    assert_eq!(kept, [("admin", "they asked for it"), ("system", "they asked for it")]);

    scene.on_day(23).await;
    assert_eq!(scene.trial(acme).await.state, TrialState::Running);
    scene.on_day(24).await;
    assert_eq!(scene.trial(acme).await.state, TrialState::Expired { at: day(24) });
    assert_eq!((scene.plan(acme).await.as_str(), scene.balance(acme).await), ("free", 0));
}

#[tokio::test]
async fn what_is_over_or_never_was_is_not_extended() {
    let scene = Scene::new();
    let acme = scene.acme().await;
    fails!(scene.extend(acme, Extension::Operator).await, Error::NotFound(Missing::Trial));
    scene.try_starter(acme).await;
    let silent = ExtendTrial { reason: " ".to_owned(), ..an_extension(acme, Extension::Operator) };
    fails!(scene.billing.extend_trial(silent).await, Error::Invalid { field: "reason", .. });
    scene.clock.advance(Duration::days(14));
    for _ in 0..2 {
        let late = scene.extend(acme, Extension::Operator).await;
        fails!(late, Error::Refused(Refusal::CannotExtend(CannotExtend::Over { .. })));
        scene.do_what_is_due().await;
    }
    assert!(scene.told("trial.extended").is_empty());
}
