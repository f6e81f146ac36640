use proptest::prelude::*;
use time::macros::datetime;
use uuid::Uuid;

use super::*;
use crate::{
    id::{PlanVersionId, PriceId},
    period::Interval,
    subscription::{Actor, BilledBy, Verb},
};

const NOON: OffsetDateTime = datetime!(2026-01-31 12:00 UTC);

fn active() -> Subscription {
    Subscription {
        id: SubscriptionId(Uuid::from_u128(1)),
        organization_id: OrganizationId(Uuid::nil()),
        product_group: "main".to_owned(),
        plan_version_id: PlanVersionId(Uuid::from_u128(1)),
        price_id: PriceId(Uuid::from_u128(1)),
        interval: Interval::Month,
        quantity: 1,
        status: Status::Active,
        period: Anchor(NOON).period(Interval::Month, 0),
        cancel_at_period_end: false,
        billed_by: BilledBy::Engine,
        created_at: NOON,
        observed_at: NOON,
    }
}

fn a_renewal(of: &Subscription) -> Renewal {
    let mut renewal = Renewal {
        organization_id: of.organization_id,
        subscription_id: of.id,
        anchor: NOON,
        next_due_at: None,
    };
    renewal.follow(of, 7, NOON);
    renewal
}

#[test]
fn a_period_is_billed_when_it_begins() {
    let subscription = active();
    let renewal = a_renewal(&subscription);
    let end = datetime!(2026-02-28 12:00 UTC);
    assert_eq!(renewal.next_due_at, Some(end));
    let before = renewal.step(&subscription, 7, end - Duration::MICROSECOND);
    assert_eq!(before, RenewalStep::Rest);
    let march = Period { start: end, end: datetime!(2026-03-31 12:00 UTC) };
    assert_eq!(renewal.step(&subscription, 7, end), RenewalStep::Bill(march), "the 31st again");
    let cancelled = Subscription { cancel_at_period_end: true, ..subscription };
    assert_eq!(renewal.step(&cancelled, 7, end), RenewalStep::Cancel);
}

#[test]
fn grace_ends() {
    let mut subscription = active();
    let end = subscription.period.end;
    subscription.command(Verb::FailPayment, Actor::System, end).unwrap();
    let mut renewal = a_renewal(&active());
    renewal.follow(&subscription, 7, end);
    let over = end + Duration::days(7);
    assert_eq!(renewal.step(&subscription, 7, over - Duration::SECOND), RenewalStep::Rest);
    assert_eq!(renewal.step(&subscription, 7, over), RenewalStep::Expire);
    subscription.command(Verb::Expire, Actor::System, over).unwrap();
    renewal.follow(&subscription, 7, over);
    assert_eq!(renewal.next_due_at, None);
}

proptest! {
    /// However late somebody looks, periods follow each other without gap, each once.
    #[test]
    fn periods_begin_one_after_the_other(days in prop::collection::vec(0_i64..80, 1..20)) {
        let mut subscription = active();
        let mut renewal = a_renewal(&subscription);
        let mut now = NOON;
        for days in days {
            now += Duration::days(days);
            while let RenewalStep::Bill(period) = renewal.step(&subscription, 7, now) {
                prop_assert_eq!(period.start, subscription.period.end);
                prop_assert!(period.start <= now);
                subscription.begin_period(period, now).unwrap();
                renewal.follow(&subscription, 7, now);
            }
            prop_assert!(now < subscription.period.end);
        }
    }
}
