use time::{Duration, macros::datetime};
use uuid::Uuid;

use super::*;
use crate::{
    id::{OrganizationId, SubscriptionId},
    period::Anchor,
    subscription::BilledBy,
};

const NOON: OffsetDateTime = datetime!(2026-01-31 12:00 UTC);
const BY: (Actor, &str) = (Actor::Customer, "they asked");
const NEW: Terms = Terms {
    plan_version_id: PlanVersionId(Uuid::from_u128(2)),
    price_id: PriceId(Uuid::from_u128(2)),
    interval: Interval::Year,
    quantity: 5,
};
const PAUSED: Status = Status::Paused { resumes_at: None };
const PAUSE: Wish = Wish::Pause { resumes_at: None };

fn subscription(status: Status) -> Subscription {
    Subscription {
        id: SubscriptionId(Uuid::from_u128(1)),
        organization_id: OrganizationId(Uuid::nil()),
        product_group: "main".to_owned(),
        plan_version_id: PlanVersionId(Uuid::from_u128(1)),
        price_id: PriceId(Uuid::from_u128(1)),
        interval: Interval::Month,
        quantity: 1,
        status,
        period: Anchor(NOON).period(Interval::Month, 0),
        cancel_at_period_end: false,
        billed_by: BilledBy::Engine,
        created_at: NOON,
        observed_at: NOON,
    }
}

const fn to_new(when: When) -> Wish {
    Wish::Change { price_id: NEW.price_id, quantity: NEW.quantity, when }
}

/// Each wish from where it can be asked, and what changes by it.
#[test]
fn what_changes_when_a_wish_comes_true() {
    let later = NOON + Duration::days(3);
    let ending = |status| Subscription { cancel_at_period_end: true, ..subscription(status) };
    let trial = Status::Trialing { ends_at: NOON + Duration::days(14) };
    let ended = Status::Cancelled { at: later };
    let table = [
        (subscription(Status::Active), to_new(When::Now), "plan,price,quantity", Status::Active),
        (subscription(Status::Active), to_new(When::PeriodEnd), "", Status::Active),
        (subscription(trial), to_new(When::Now), "plan,price,quantity", trial),
        (subscription(Status::Active), Wish::Cancel { when: When::Now }, "status", ended),
        (subscription(trial), Wish::Cancel { when: When::Now }, "status", ended),
        (subscription(PAUSED), Wish::Cancel { when: When::Now }, "status", ended),
        (
            subscription(trial),
            Wish::Cancel { when: When::PeriodEnd },
            "cancel_at_period_end",
            trial,
        ),
        (subscription(Status::Active), PAUSE, "status", PAUSED),
        (subscription(trial), PAUSE, "status,period", PAUSED),
        (
            ending(Status::Active),
            Wish::Resume(Resumption::Cancellation),
            "cancel_at_period_end",
            Status::Active,
        ),
        (
            subscription(Status::Active),
            Wish::Resume(Resumption::ScheduledChange),
            "",
            Status::Active,
        ),
        (subscription(PAUSED), Wish::Resume(Resumption::Pause), "status", Status::Active),
    ];
    for (mut subscription, wish, expected, status) in table {
        let before = subscription.clone();
        let with = Fulfilment { terms: Some(NEW), period: None };
        let change = subscription.fulfil(&wish, with, BY, later).unwrap();
        let what = change.as_ref().map_or("", |it| it.what.as_str());
        assert_eq!((what, subscription.status), (expected, status), "{wish:?}");
        let terms = (subscription.price_id, subscription.quantity, subscription.interval);
        let taken = expected.contains("price");
        assert_eq!(terms == (NEW.price_id, NEW.quantity, NEW.interval), taken, "{wish:?}");
        let observed_at = if change.is_some() { later } else { NOON };
        assert_eq!(subscription.observed_at, observed_at, "{wish:?}");
        if let Some(change) = change {
            assert_eq!((change.actor, change.reason.as_str(), change.at), (BY.0, BY.1, later));
            assert_eq!(change.from, before.snapshot());
        }
    }
}

#[test]
fn a_paused_trial_is_over() {
    let mut paused = subscription(Status::Trialing { ends_at: NOON + Duration::days(14) });
    let later = NOON + Duration::days(3);
    paused.fulfil(&PAUSE, Fulfilment::default(), BY, later).unwrap();
    assert_eq!(paused.period, Period { start: NOON, end: later });
    let period = Anchor(later).period(Interval::Month, 0);
    let with = Fulfilment { period: Some(period), terms: None };
    paused.fulfil(&Wish::Resume(Resumption::Pause), with, BY, later).unwrap();
    assert_eq!((paused.status, paused.period), (Status::Active, period));
}

#[test]
fn what_makes_no_sense_changes_nothing() {
    let ended = Status::Expired { at: NOON };
    let past_due = Status::PastDue { since: NOON };
    for (status, wish) in [
        (past_due, PAUSE),
        (ended, PAUSE),
        (ended, Wish::Cancel { when: When::Now }),
        (past_due, Wish::Resume(Resumption::Pause)),
    ] {
        let mut seen = subscription(status);
        let refused = seen.fulfil(&wish, Fulfilment::default(), BY, NOON + Duration::DAY);
        assert!(refused.is_err(), "{wish:?}");
        assert_eq!(seen, subscription(status));
    }
}

#[test]
fn planned_terms_are_taken_once() {
    let mut seen = subscription(Status::Active);
    let end = seen.period.end;
    let change = seen.take_planned(NEW, BY, end).unwrap();
    assert_eq!(change.what, "plan,price,quantity");
    assert_eq!(seen.take_planned(NEW, BY, end), None);
}
