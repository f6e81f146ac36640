use time::macros::datetime;
use uuid::Uuid;

use super::*;
use crate::{
    catalogue::Model,
    currency::Currency,
    gateway::{Gateway, GatewayRef},
    id::PlanVersionId,
    money::Money,
    period::{Interval, Period},
    subscription::BilledBy,
};

const NOW: OffsetDateTime = datetime!(2026-03-01 12:00 UTC);
const END: OffsetDateTime = datetime!(2026-04-01 12:00 UTC);
const OLD: PriceId = PriceId(Uuid::from_u128(1));
const NEW: PriceId = PriceId(Uuid::from_u128(2));
const ID: ChangeId = ChangeId(Uuid::from_u128(7));

fn subscription(status: Status) -> Subscription {
    Subscription {
        id: SubscriptionId(Uuid::nil()),
        organization_id: OrganizationId(Uuid::nil()),
        product_group: "main".to_owned(),
        plan_version_id: PlanVersionId(Uuid::nil()),
        price_id: OLD,
        interval: Interval::Month,
        quantity: 1,
        status,
        period: Period { start: NOW, end: END },
        cancel_at_period_end: false,
        billed_by: BilledBy::Gateway(GatewayRef::new(Gateway::Stripe, "sub_1")),
        created_at: NOW,
        observed_at: NOW,
    }
}

fn by_engine(status: Status) -> Subscription {
    Subscription { billed_by: BilledBy::Engine, ..subscription(status) }
}

fn request(wish: Wish, fate: Fate) -> ChangeRequest {
    ChangeRequest {
        id: ID,
        organization_id: OrganizationId(Uuid::nil()),
        subscription_id: SubscriptionId(Uuid::nil()),
        wish,
        fate,
        actor: Actor::Customer,
        reason: String::new(),
        proration_at: NOW,
        invoice_id: None,
        created_at: NOW,
        look_at: NOW,
    }
}

const fn to_new(when: When) -> Wish {
    Wish::Change { price_id: NEW, quantity: 1, when }
}

const PAUSED: Status = Status::Paused { resumes_at: None };
const PAST_DUE: Status = Status::PastDue { since: NOW };
const CANCELLED: Status = Status::Cancelled { at: NOW };
const TRIALING: Status = Status::Trialing { ends_at: END };
const ASKS: [Ask; 5] =
    [Ask::Change, Ask::Cancel(When::Now), Ask::Cancel(When::PeriodEnd), Ask::Pause, Ask::Resume];

/// In each standing every ask: `+` where it may be, `p` where a plan is in the way, `-` where it
/// makes no sense. It makes no difference who bills it.
#[test]
fn what_can_be_asked_from_where() {
    let scheduled = || vec![request(to_new(When::PeriodEnd), Fate::Scheduled { at: END })];
    let pending = || vec![request(to_new(When::Now), Fate::Pending)];
    let until = || vec![request(Wish::Resume(Resumption::Pause), Fate::Scheduled { at: END })];
    let ending = |status| Subscription { cancel_at_period_end: true, ..subscription(status) };
    // Change, cancel now, cancel with the period, pause, resume.
    let table = [
        (subscription(Status::Incomplete), vec![], "-----"),
        (subscription(TRIALING), vec![], "++++-"),
        (subscription(Status::Active), vec![], "++++-"),
        (subscription(PAST_DUE), vec![], "-++--"),
        (subscription(PAUSED), vec![], "-+--+"),
        (subscription(PAUSED), until(), "-+--+"),
        (subscription(CANCELLED), vec![], "-----"),
        (subscription(Status::Expired { at: NOW }), vec![], "-----"),
        (ending(Status::Active), vec![], "p+pp+"),
        (ending(CANCELLED), vec![], "-----"),
        (subscription(Status::Active), scheduled(), "p+pp+"),
        (subscription(CANCELLED), scheduled(), "-----"),
        (subscription(Status::Active), pending(), "ppppp"),
        (by_engine(Status::Active), vec![], "++++-"),
        (by_engine(TRIALING), vec![], "++++-"),
        (by_engine(CANCELLED), vec![], "-----"),
    ];
    for (subscription, open, expected) in table {
        let standing = Standing { subscription: &subscription, open: &open };
        let seen: String = ASKS
            .into_iter()
            .map(|ask| match standing.check(ask) {
                Ok(()) => '+',
                Err(NotNow::ChangePending { allowed }) => {
                    assert_eq!(allowed, standing.allowed());
                    'p'
                }
                Err(NotNow::NotFromHere { from, .. }) => {
                    assert_eq!(from, subscription.status.name());
                    '-'
                }
            })
            .collect();
        assert_eq!(seen, expected, "{} {open:?}", subscription.status);
        for ask in [Ask::Change, Ask::Cancel(When::Now), Ask::Pause, Ask::Resume] {
            let allowed = standing.allowed().contains(&ask.action());
            assert_eq!(allowed, standing.check(ask).is_ok(), "{ask:?} {open:?}");
        }
    }
}

#[test]
fn going_on_takes_back_what_stands_in_its_way() {
    let active = subscription(Status::Active);
    let ending = Subscription { cancel_at_period_end: true, ..active.clone() };
    let paused = subscription(PAUSED);
    let open = [request(to_new(When::PeriodEnd), Fate::Scheduled { at: END })];
    let of = |subscription, open| Standing { subscription, open }.resumption();
    assert_eq!(of(&active, &[]), None);
    assert_eq!(of(&ending, &[]), Some(Resumption::Cancellation));
    assert_eq!(of(&active, &open), Some(Resumption::ScheduledChange));
    assert_eq!(of(&paused, &[]), Some(Resumption::Pause));
}

/// Each wish, what is seen, what the gateway has planned, and what becomes of it.
#[test]
fn what_was_sent_comes_true_or_not() {
    let active = || subscription(Status::Active);
    let at_new = || Subscription { price_id: NEW, ..active() };
    let ending = || Subscription { cancel_at_period_end: true, ..active() };
    let ended = || subscription(CANCELLED);
    let scheduled = Fate::Scheduled { at: END };
    let table = [
        (to_new(When::Now), active(), None, Fate::Pending),
        (to_new(When::Now), at_new(), None, Fate::Done),
        (to_new(When::Now), Subscription { quantity: 2, ..at_new() }, None, Fate::Pending),
        (to_new(When::Now), ended(), None, Fate::Withdrawn),
        (to_new(When::PeriodEnd), active(), None, Fate::Pending),
        (to_new(When::PeriodEnd), active(), Some(ChangeId(Uuid::nil())), Fate::Pending),
        (to_new(When::PeriodEnd), active(), Some(ID), scheduled),
        (to_new(When::PeriodEnd), at_new(), None, Fate::Done),
        (Wish::Cancel { when: When::Now }, ending(), None, Fate::Pending),
        (Wish::Cancel { when: When::Now }, ended(), None, Fate::Done),
        (Wish::Cancel { when: When::PeriodEnd }, active(), None, Fate::Pending),
        (Wish::Cancel { when: When::PeriodEnd }, ending(), None, Fate::Done),
        (Wish::Cancel { when: When::PeriodEnd }, ended(), None, Fate::Done),
        (Wish::Pause { resumes_at: None }, active(), None, Fate::Pending),
        (Wish::Pause { resumes_at: None }, subscription(PAUSED), None, Fate::Done),
        (Wish::Pause { resumes_at: None }, ended(), None, Fate::Withdrawn),
        (Wish::Resume(Resumption::Cancellation), ending(), None, Fate::Pending),
        (Wish::Resume(Resumption::Cancellation), active(), None, Fate::Done),
        (Wish::Resume(Resumption::ScheduledChange), active(), Some(ID), Fate::Pending),
        (Wish::Resume(Resumption::ScheduledChange), active(), None, Fate::Done),
        (Wish::Resume(Resumption::Pause), subscription(PAUSED), None, Fate::Pending),
        (Wish::Resume(Resumption::Pause), active(), None, Fate::Done),
        (Wish::Resume(Resumption::Pause), ended(), None, Fate::Withdrawn),
    ];
    for (wish, seen, planned, expected) in table {
        let mut sent = request(wish, Fate::Pending);
        let news = sent.observe(&seen, planned);
        assert_eq!(sent.fate, expected, "{wish:?} {}", seen.status);
        assert_eq!(news, expected != Fate::Pending, "{wish:?}");
        let mut once_more = sent.clone();
        assert!(!once_more.observe(&seen, planned), "it is news once: {wish:?}");
        assert_eq!(once_more, sent);
    }
}

#[test]
fn what_is_planned_comes_true_or_is_withdrawn() {
    let active = || subscription(Status::Active);
    let at_new = || Subscription { price_id: NEW, ..active() };
    let table = [
        (to_new(When::PeriodEnd), active(), Some(ID), Fate::Scheduled { at: END }),
        (to_new(When::PeriodEnd), active(), None, Fate::Withdrawn),
        (to_new(When::PeriodEnd), at_new(), None, Fate::Done),
        (to_new(When::PeriodEnd), subscription(CANCELLED), Some(ID), Fate::Withdrawn),
        (Wish::Resume(Resumption::Pause), subscription(PAUSED), None, Fate::Scheduled { at: END }),
        (Wish::Resume(Resumption::Pause), active(), None, Fate::Withdrawn),
    ];
    for (wish, seen, planned, expected) in table {
        let mut planned_before = request(wish, Fate::Scheduled { at: END });
        planned_before.observe(&seen, planned);
        assert_eq!(planned_before.fate, expected, "{wish:?} {}", seen.status);
    }
    for fate in [Fate::Done, Fate::Withdrawn, Fate::Failed { why: "no".to_owned() }] {
        let mut over = request(to_new(When::Now), fate.clone());
        assert!(!over.observe(&at_new(), None) && over.fate == fate, "an end is final");
    }
}

#[test]
fn a_pause_knows_when_it_ends() {
    let of = |wish, fate| request(wish, fate).resumes_at();
    let pause = Wish::Pause { resumes_at: Some(END) };
    let resume = Wish::Resume(Resumption::Pause);
    assert_eq!(of(pause, Fate::Pending), Some(END));
    assert_eq!(of(pause, Fate::Done), None);
    assert_eq!(of(resume, Fate::Scheduled { at: END }), Some(END));
    assert_eq!(of(resume, Fate::Pending), None);
    let mut known = Status::Paused { resumes_at: Some(END) };
    known = known.adopting(PAUSED);
    assert_eq!(known.instant(), Some(END), "the gateway does not know it");
}

#[test]
fn prices_are_compared_by_the_month() {
    let price = |minor, interval| Price {
        id: OLD,
        interval,
        amount: Money::new(minor, Currency::USD),
        trial_days: 0,
        active: true,
        stripe_price: None,
        model: Model::Flat,
        components: Vec::new(),
    };
    let (month, year) = (price(900, Interval::Month), price(9_000, Interval::Year));
    assert_eq!(by_the_month((&year, 1), (&month, 1)), Ordering::Less);
    assert_eq!(by_the_month((&month, 2), (&year, 1)), Ordering::Greater);
    assert_eq!(by_the_month((&month, 1), (&month, 1)), Ordering::Equal);
    let whole = price(10_800, Interval::Year);
    assert_eq!(by_the_month((&whole, 1), (&month, 1)), Ordering::Equal);
}
