use proptest::prelude::*;
use time::{Duration, macros::datetime};
use uuid::Uuid;

use super::*;
use crate::gateway::Gateway;

const NOW: OffsetDateTime = datetime!(2026-03-01 12:00 UTC);
const VERBS: [Verb; 6] = [
    Verb::Activate,
    Verb::FailPayment,
    Verb::Pause { resumes_at: None },
    Verb::Resume,
    Verb::Cancel,
    Verb::Expire,
];

fn statuses() -> [Status; 7] {
    [
        Status::Incomplete,
        Status::Trialing { ends_at: NOW },
        Status::Active,
        Status::PastDue { since: NOW },
        Status::Paused { resumes_at: None },
        Status::Cancelled { at: NOW },
        Status::Expired { at: NOW },
    ]
}

fn subscription(status: Status) -> Subscription {
    Subscription {
        id: SubscriptionId(Uuid::nil()),
        organization_id: OrganizationId(Uuid::nil()),
        product_group: "main".to_owned(),
        plan_version_id: PlanVersionId(Uuid::from_u128(1)),
        price_id: PriceId(Uuid::from_u128(1)),
        interval: Interval::Month,
        quantity: 1,
        status,
        period: Period { start: NOW, end: NOW + Duration::days(30) },
        cancel_at_period_end: false,
        billed_by: BilledBy::Gateway(GatewayRef::new(Gateway::Stripe, "sub_1")),
        created_at: NOW,
        observed_at: NOW,
    }
}

fn observation(status: Status, seconds: i64) -> Observation {
    let known = subscription(status);
    Observation {
        plan_version_id: known.plan_version_id,
        price_id: known.price_id,
        interval: known.interval,
        quantity: known.quantity,
        status,
        period: known.period,
        cancel_at_period_end: known.cancel_at_period_end,
        observed_at: NOW + Duration::seconds(seconds),
    }
}

/// Every state against every verb: where it leads, `=` where it has led already, `-` where refused.
#[test]
fn every_legal_and_illegal_move() {
    const TABLE: [(&str, [&str; 6]); 7] = [
        // activate, fail, pause, resume, cancel, expire
        ("incomplete", ["active", "-", "-", "-", "-", "expired"]),
        ("trialing", ["active", "past_due", "paused", "-", "cancelled", "expired"]),
        ("active", ["=", "past_due", "paused", "=", "cancelled", "expired"]),
        ("past_due", ["active", "=", "-", "-", "cancelled", "expired"]),
        ("paused", ["-", "-", "=", "active", "cancelled", "expired"]),
        ("cancelled", ["-", "-", "-", "-", "=", "-"]),
        ("expired", ["-", "-", "-", "-", "-", "="]),
    ];
    for (status, (name, expected)) in statuses().into_iter().zip(TABLE) {
        assert_eq!(status.name(), name);
        for (verb, expected) in VERBS.into_iter().zip(expected) {
            let mut subscription = subscription(status);
            let result = subscription.command(verb, Actor::System, NOW);
            let seen = match &result {
                Err(_) => "-",
                Ok(None) => "=",
                Ok(Some(_)) => subscription.status.name(),
            };
            assert_eq!(seen, expected, "{name}: {}", verb.name());
            if !matches!(result, Ok(Some(_))) {
                assert_eq!(subscription.status, status, "nothing moved");
            }
        }
    }
}

#[test]
fn a_change_says_what_who_and_why() {
    let mut subscription = subscription(Status::Active);
    let change = subscription.command(Verb::Cancel, Actor::Admin, NOW).unwrap().unwrap();
    assert_eq!((change.what.as_str(), change.reason.as_str()), ("status", "cancel"));
    assert_eq!((change.from.status, change.to.status), (Status::Active, subscription.status));
    assert_eq!(change.actor, Actor::Admin);
}

#[test]
fn an_end_is_final_and_older_reports_are_ignored() {
    let mut ended = subscription(Status::Cancelled { at: NOW });
    assert_eq!(ended.observe(&observation(Status::Active, 60), NOW), None);

    let mut active = subscription(Status::Active);
    assert_eq!(active.observe(&observation(Status::Incomplete, -1), NOW), None);
    assert_eq!(active.status, Status::Active);
}

#[test]
fn a_later_report_of_past_due_keeps_the_first_instant() {
    let mut subscription = subscription(Status::PastDue { since: NOW });
    let later = Status::PastDue { since: NOW + Duration::days(3) };
    subscription.observe(&observation(later, 1), NOW);
    assert_eq!(subscription.status, Status::PastDue { since: NOW });
}

#[test]
fn access_lasts_through_the_grace_period() {
    let past_due = subscription(Status::PastDue { since: NOW });
    assert!(past_due.gives_access(NOW + Duration::days(7) - Duration::SECOND, 7));
    assert!(!past_due.gives_access(NOW + Duration::days(7), 7));
    assert!(!subscription(Status::Paused { resumes_at: None }).gives_access(NOW, 7));
}

#[test]
fn a_status_comes_back_from_its_parts() {
    for status in statuses() {
        assert_eq!(Status::from_parts(status.name(), status.instant()), Ok(status));
    }
    assert!(Status::from_parts("trialing", None).is_err());
    assert!(Status::from_parts("canceled", Some(NOW)).is_err());
}

proptest! {
    /// The same reports, in any order and twice, end in the state of the latest live report,
    /// or in the first end that was seen.
    #[test]
    fn the_order_of_reports_does_not_matter(
        order in Just((0..5_usize).collect::<Vec<_>>()).prop_shuffle(),
        repeated in prop::collection::vec(0..5_usize, 0..5),
    ) {
        let live = [
            Status::Incomplete,
            Status::Trialing { ends_at: NOW },
            Status::Active,
            Status::Paused { resumes_at: None },
            Status::Active,
        ];
        let mut subscription = subscription(Status::Incomplete);
        for step in order.into_iter().chain(repeated) {
            let seconds = i64::try_from(step).unwrap();
            subscription.observe(&observation(live[step], seconds), NOW);
        }
        prop_assert_eq!(subscription.status, Status::Active);
        prop_assert_eq!(subscription.observed_at, NOW + Duration::seconds(4));
    }

    #[test]
    fn a_repeated_report_is_no_news(index in 0..5_usize) {
        let status = statuses()[index];
        let mut subscription = subscription(Status::Incomplete);
        subscription.observe(&observation(status, 5), NOW);
        prop_assert_eq!(subscription.observe(&observation(status, 5), NOW), None);
    }
}

#[test]
fn only_a_trial_is_extended() {
    let end = NOW + Duration::days(20);
    for status in statuses() {
        let mut subscription = subscription(status);
        let extended = subscription.extend_trial(end, (Actor::Admin, "asked for it"), NOW);
        match status {
            Status::Trialing { .. } => {
                let change = extended.unwrap().unwrap();
                assert_eq!((change.what.as_str(), change.actor), ("status,period", Actor::Admin));
                assert_eq!(subscription.status, Status::Trialing { ends_at: end });
                assert_eq!(subscription.period.end, end);
            }
            Status::Incomplete
            | Status::Active
            | Status::PastDue { .. }
            | Status::Paused { .. }
            | Status::Cancelled { .. }
            | Status::Expired { .. } => assert!(extended.is_err(), "{status}"),
        }
    }
}

#[test]
fn a_paid_period_makes_active() {
    let period = Period { start: NOW + Duration::days(30), end: NOW + Duration::days(60) };
    for status in statuses() {
        let mut subscription = subscription(status);
        let may = match status {
            Status::Incomplete
            | Status::Trialing { .. }
            | Status::Active
            | Status::PastDue { .. } => true,
            Status::Paused { .. } | Status::Cancelled { .. } | Status::Expired { .. } => false,
        };
        let renewed = subscription.renew(period, NOW);
        assert_eq!(renewed.is_ok_and(|change| change.is_some()), may, "{status}");
        assert_eq!(subscription.status == Status::Active && subscription.period == period, may);
    }
}
