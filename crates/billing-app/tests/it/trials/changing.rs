//! What our engine bills is changed, stopped and ended, where nothing is to be paid for it.

use billing_app::{Advance, Asked, ChangeSubscription, NewTerms};
use billing_domain::subscription::{
    Action, Actor, ChangeRequest, Fate, NotNow, Subscription, When, Wish,
};

use super::*;
use crate::change_subscription::to;

pub(super) const fn cancel(when: When) -> Asked {
    Asked::Cancel { when }
}

pub(super) const PAUSE: Asked = Asked::Pause { resumes_at: None };

pub(super) const fn until(resumes_at: OffsetDateTime) -> Asked {
    Asked::Pause { resumes_at: Some(resumes_at) }
}

pub(super) fn later(plan: &str) -> Asked {
    let terms = NewTerms {
        plan: Some(plan.to_owned()),
        when: Some(When::PeriodEnd),
        ..NewTerms::default()
    };
    Asked::Change(terms)
}

/// On trial of `starter`, with a card.
async fn on_trial() -> (Scene, OrganizationId) {
    let scene = Scene::new();
    let acme = scene.with_card(true).await;
    scene.try_starter(acme).await;
    (scene, acme)
}

/// Converted to `starter` on the 28th of March.
pub(super) async fn converted() -> (Scene, OrganizationId) {
    let (scene, acme) = on_trial().await;
    scene.on_day(14).await;
    (scene, acme)
}

pub(super) fn nth(n: i32) -> Period {
    Anchor(day(14)).period(Interval::Month, n)
}

impl Scene {
    /// Moves the clock as in a sandbox, and does what is due on the way.
    pub(super) async fn pass(&self, to: OffsetDateTime) {
        self.billing.advance_clock(Advance::To(to)).await.unwrap();
    }

    /// Refused, with what is allowed instead; and nothing has changed.
    async fn refused(&self, acme: OrganizationId, asked: Asked) -> NotNow {
        let before =
            (self.subscription(acme).await, self.billing.open_changes(acme).await.unwrap());
        let refusals = [
            self.ask(acme, asked.clone()).await.map(|_| ()),
            self.billing.preview_change(acme, &asked).await.map(|_| ()),
        ];
        let [asked, previewed] = refusals.map(|it| match it {
            Err(Error::Refused(Refusal::NotNow(why))) => why,
            other => panic!("{other:?}"),
        });
        assert_eq!(asked, previewed);
        let after = (self.subscription(acme).await, self.billing.open_changes(acme).await.unwrap());
        assert_eq!(after, before);
        asked
    }

    async fn planned(&self, acme: OrganizationId) -> Vec<Fate> {
        let open = self.billing.open_changes(acme).await.unwrap();
        open.into_iter().map(|it| it.fate).collect()
    }

    /// Who changed what of a subscription, and why.
    fn kept(&self, of: &Subscription) -> Vec<(String, Actor, String)> {
        let all = self.store.changes(of.id).into_iter();
        all.map(|it| (it.what, it.actor, it.reason)).collect()
    }
}

#[tokio::test]
async fn a_trial_is_cancelled_now_or_at_its_end() {
    for (when, end) in [(When::Now, day(3)), (When::PeriodEnd, day(14))] {
        let (scene, acme) = on_trial().await;
        scene.pass(day(3)).await;
        let preview = scene.billing.preview_change(acme, &cancel(when)).await.unwrap();
        assert!(preview.lines.is_empty() && preview.amount_due.is_zero());
        let request = scene.ask(acme, cancel(when)).await.unwrap();
        assert_eq!(request.fate, Fate::Done);
        scene.pass(day(30)).await;
        let subscription = scene.subscription(acme).await;
        assert_eq!(subscription.status, Status::Cancelled { at: end });
        assert_eq!(scene.trial(acme).await.state, TrialState::Cancelled { at: end });
        assert_eq!(scene.plan(acme).await, "free");
        assert!(scene.gateway.charged().is_empty() && scene.payments(acme).await.len() == 1);
        let what = if when == When::Now { "status" } else { "cancel_at_period_end" };
        let first = (what.to_owned(), Actor::Customer, "we grow".to_owned());
        assert_eq!(scene.kept(&subscription)[0], first);
    }
}

#[tokio::test]
async fn who_thinks_better_of_it_is_converted_nevertheless() {
    let (scene, acme) = on_trial().await;
    scene.ask(acme, cancel(When::PeriodEnd)).await.unwrap();
    let allowed = vec![Action::Cancel, Action::Resume];
    assert_eq!(scene.refused(acme, PAUSE).await, NotNow::ChangePending { allowed });
    scene.ask(acme, Asked::Resume).await.unwrap();
    scene.pass(day(15)).await;
    assert_eq!(scene.subscription(acme).await.status, Status::Active);
    assert_eq!(scene.trial(acme).await.state, TrialState::Converted { at: day(14) });
}

#[tokio::test]
async fn a_trial_is_changed_at_once_and_paid_at_its_end() {
    let (scene, acme) = on_trial().await;
    let preview = scene.billing.preview_change(acme, &to("growth")).await.unwrap();
    assert!(preview.lines.is_empty() && preview.amount_due.is_zero(), "trial time is worth 0");
    let done = scene.ask(acme, to("growth")).await.unwrap();
    assert_eq!(done.fate, Fate::Done);
    assert_eq!(scene.plan(acme).await, "growth");
    fails!(scene.ask(acme, later("starter")).await, Error::Invalid { field: "when", .. });
    scene.pass(day(15)).await;
    assert_eq!(scene.payments(acme).await[0].amount.minor(), 2_900);
}

#[tokio::test]
async fn what_was_paid_is_used_to_its_end_and_then_over() {
    let (scene, acme) = converted().await;
    scene.ask(acme, cancel(When::PeriodEnd)).await.unwrap();
    scene.pass(nth(0).end - Duration::SECOND).await;
    assert_eq!(scene.plan(acme).await, "starter");
    scene.pass(nth(0).end).await;
    assert_eq!(scene.subscription(acme).await.status, Status::Cancelled { at: nth(0).end });
    assert_eq!(scene.billing.next_renewal_due_at().await.unwrap(), None);
    assert_eq!(scene.gateway.charged().len(), 1);
    for late in [PAUSE, Asked::Resume, to("growth"), cancel(When::Now)] {
        let NotNow::NotFromHere { from, allowed, .. } = scene.refused(acme, late).await else {
            panic!("it has ended")
        };
        assert_eq!((from, allowed), ("cancelled", Vec::new()));
    }
}

#[tokio::test]
async fn an_end_at_once_gives_nothing_back() {
    let (scene, acme) = converted().await;
    scene.ask(acme, later("growth")).await.unwrap();
    scene.ask(acme, cancel(When::Now)).await.unwrap();
    assert_eq!(scene.subscription(acme).await.status, Status::Cancelled { at: day(14) });
    assert_eq!(scene.plan(acme).await, "free");
    assert!(scene.planned(acme).await.is_empty(), "what was planned is withdrawn");
    scene.pass(day(90)).await;
    assert_eq!(scene.gateway.charged().len(), 1);
}

#[tokio::test]
async fn who_goes_on_early_goes_on_in_the_paid_period() {
    let (scene, acme) = converted().await;
    let before = scene.subscription(acme).await;
    scene.ask(acme, until(day(20))).await.unwrap();
    let paused = scene.subscription(acme).await;
    assert_eq!(paused.status, Status::Paused { resumes_at: Some(day(20)) });
    assert_eq!(scene.plan(acme).await, "free");
    assert_eq!(scene.planned(acme).await, [Fate::Scheduled { at: day(20) }]);
    scene.pass(day(20) - Duration::SECOND).await;
    assert_eq!(scene.plan(acme).await, "free");
    scene.pass(day(20)).await;
    let resumed = scene.subscription(acme).await;
    assert_eq!((resumed.status, resumed.period), (Status::Active, before.period));
    assert!(scene.planned(acme).await.is_empty());
    assert_eq!(scene.plan(acme).await, "starter");
    assert_eq!(scene.gateway.charged().len(), 1, "what was paid is not paid again");
    scene.pass(nth(0).end).await;
    assert_eq!(scene.subscription(acme).await.period, nth(1), "and it is renewed as before");
    // By hand, before its time.
    scene.ask(acme, until(nth(1).end)).await.unwrap();
    scene.ask(acme, Asked::Resume).await.unwrap();
    assert!(scene.planned(acme).await.is_empty(), "nothing resumes it again");
    scene.pass(nth(1).end).await;
    assert_eq!(scene.subscription(acme).await.period, nth(2));
}

#[tokio::test]
async fn a_cheaper_plan_begins_with_the_next_period() {
    let scene = Scene::new();
    let acme = scene.with_card(true).await;
    let growth = StartTrial { plan: "growth".to_owned(), ..a_start(acme) };
    scene.billing.start_trial(growth).await.unwrap();
    scene.on_day(14).await;
    let preview = scene.billing.preview_change(acme, &to("starter")).await.unwrap();
    assert_eq!((preview.effective_at, preview.total.minor()), (nth(0).end, 900));
    assert_eq!(preview.lines[0].period, nth(1));
    let planned: ChangeRequest = scene.ask(acme, to("starter")).await.unwrap();
    assert_eq!(planned.fate, Fate::Scheduled { at: nth(0).end });
    assert!(matches!(planned.wish, Wish::Change { when: When::PeriodEnd, .. }));
    let allowed = vec![Action::Cancel, Action::Resume];
    for second in [to("scale"), cancel(When::PeriodEnd), PAUSE] {
        let refused = scene.refused(acme, second).await;
        assert_eq!(refused, NotNow::ChangePending { allowed: allowed.clone() });
    }
    scene.pass(nth(0).end - Duration::SECOND).await;
    assert_eq!(scene.plan(acme).await, "growth");
    scene.pass(nth(0).end).await;
    let renewed = scene.subscription(acme).await;
    assert_eq!((scene.plan(acme).await.as_str(), renewed.period), ("starter", nth(1)));
    assert_eq!(scene.payments(acme).await[0].amount, preview.amount_due);
    assert!(scene.planned(acme).await.is_empty());
    let kept = scene.kept(&renewed);
    let who: Vec<_> = kept.iter().map(|(what, actor, _)| (what.as_str(), *actor)).collect();
    let ours = Actor::Customer;
    assert_eq!(who[1..], [("planned", ours), ("plan,price", ours), ("period", Actor::System)]);
}

#[tokio::test]
async fn what_is_planned_is_taken_back() {
    let (scene, acme) = converted().await;
    let two = NewTerms { quantity: Some(2), when: Some(When::PeriodEnd), ..NewTerms::default() };
    scene.ask(acme, Asked::Change(two)).await.unwrap();
    scene.ask(acme, Asked::Resume).await.unwrap();
    assert!(scene.planned(acme).await.is_empty());
    scene.pass(nth(0).end).await;
    assert_eq!(scene.subscription(acme).await.quantity, 1);
    assert_eq!(scene.payments(acme).await[0].amount.minor(), 900);
    assert!(scene.happened().contains(&"subscription.change_withdrawn".to_owned()));
}

#[tokio::test]
async fn a_lost_answer_is_found_by_the_job() {
    let (scene, acme) = converted().await;
    scene.store.lose_next_commit();
    let wanted = ChangeSubscription {
        organization_id: acme,
        asked: cancel(When::PeriodEnd),
        actor: Actor::Admin,
        reason: None,
        preview_token: None,
    };
    fails!(scene.billing.change_subscription(wanted).await, Error::Unavailable { .. });
    assert_eq!(scene.planned(acme).await, [Fate::Pending]);
    assert!(!scene.subscription(acme).await.cancel_at_period_end);
    let NotNow::ChangePending { allowed } = scene.refused(acme, PAUSE).await else {
        panic!("another change is begun")
    };
    assert_eq!(allowed, []);
    scene.pass(day(15)).await;
    assert!(scene.planned(acme).await.is_empty());
    assert!(scene.subscription(acme).await.cancel_at_period_end);
}
