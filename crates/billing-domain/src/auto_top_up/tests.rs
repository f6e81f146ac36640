use time::macros::datetime;
use uuid::Uuid;

use super::*;
use crate::{
    checkout::PaidBy,
    currency::Currency,
    gateway::{Gateway, GatewayRef},
};

const NOON: OffsetDateTime = datetime!(2026-03-10 12:00 UTC);

const fn usd(minor: i64) -> Money {
    Money::new(minor, Currency::USD)
}

fn a_top_up() -> AutoTopUp {
    AutoTopUp {
        organization_id: OrganizationId(Uuid::nil()),
        enabled: true,
        threshold: 100,
        credit_product_id: CreditProductId(Uuid::from_u128(1)),
        monthly_cap: usd(5_000),
        pending: None,
        failures: 0,
        look_at: NOON,
    }
}

fn id(number: u128) -> CheckoutId {
    CheckoutId(Uuid::from_u128(number))
}

fn a_charge(price: Money, status: CheckoutStatus, created_at: OffsetDateTime) -> Checkout {
    Checkout {
        id: id(7),
        organization_id: OrganizationId(Uuid::nil()),
        gateway: Gateway::Stripe,
        purpose: Purpose::Credits {
            credit_product_id: CreditProductId(Uuid::from_u128(1)),
            credits: 1_000,
            price,
        },
        paid_by: PaidBy::SavedMethod(GatewayRef::new(Gateway::Stripe, "pm_1")),
        status,
        created_at,
    }
}

fn paid() -> CheckoutStatus {
    CheckoutStatus::Completed(GatewayRef::new(Gateway::Stripe, "pi_1"))
}

const fn low(charges: &[Checkout]) -> Standing<'_> {
    Standing { balance: 99, price: Some(usd(2_500)), charges }
}

const BUY: Verdict = Verdict::Buy(usd(2_500));
const AGAIN: Verdict = Verdict::LookAgain(datetime!(2026-03-10 13:00 UTC));

#[test]
fn it_buys_strictly_below_the_threshold_while_it_is_on_and_due() {
    let at = |balance| a_top_up().decide(Standing { balance, ..low(&[]) }, NOON);
    assert_eq!([at(-5), at(99), at(100), at(101)], [BUY, BUY, Verdict::Rest, Verdict::Rest]);
    for resting in [
        AutoTopUp { enabled: false, ..a_top_up() },
        AutoTopUp { pending: Some(id(1)), ..a_top_up() },
        AutoTopUp { look_at: NOON + Duration::MICROSECOND, ..a_top_up() },
    ] {
        assert_eq!(resting.decide(low(&[]), NOON), Verdict::Rest, "{resting:?}");
    }
}

#[test]
fn the_cap_is_exact_and_counts_what_may_have_been_paid_this_month() {
    let march = datetime!(2026-03-01 0:00 UTC);
    let decided = |charge: Checkout| a_top_up().decide(low(&[charge]), NOON);
    assert_eq!(decided(a_charge(usd(2_500), paid(), march)), BUY);
    assert_eq!(decided(a_charge(usd(2_501), paid(), march)), AGAIN);
    assert_eq!(decided(a_charge(usd(2_501), CheckoutStatus::Pending, NOON)), AGAIN);
    assert_eq!(decided(a_charge(usd(2_501), CheckoutStatus::Expired, NOON)), BUY);
    assert_eq!(decided(a_charge(usd(2_501), paid(), march - Duration::MICROSECOND)), BUY);
    let by_hand = Checkout {
        paid_by: PaidBy::Page { saves_method: true },
        ..a_charge(usd(2_501), paid(), NOON)
    };
    assert_eq!(decided(by_hand), BUY, "what somebody buys on a page is not capped");
}

#[test]
fn it_looks_again_when_the_month_begins() {
    let charges = [a_charge(usd(5_000), paid(), NOON)];
    let late = datetime!(2026-03-31 23:30 UTC);
    let april = datetime!(2026-04-01 0:00 UTC);
    assert_eq!(a_top_up().decide(low(&charges), late), Verdict::LookAgain(april));
    assert_eq!(a_top_up().decide(low(&charges), april), BUY);
}

#[test]
fn what_is_not_on_sale_or_in_another_currency_than_the_cap_is_not_bought() {
    let priced = |price| a_top_up().decide(Standing { price, ..low(&[]) }, NOON);
    assert_eq!(priced(None), AGAIN);
    assert_eq!(priced(Some(Money::new(1, Currency::EUR))), AGAIN);
    assert_eq!(priced(Some(usd(5_001))), AGAIN, "the price has risen above the cap");
    assert_eq!(priced(Some(usd(i64::MAX))), AGAIN);
}

#[test]
fn after_a_failure_it_waits_a_day_and_after_two_it_is_off() {
    let mut top_up = a_top_up();
    top_up.begin(id(1), NOON);
    assert!(!top_up.failed(Some(id(1)), NOON));
    assert_eq!((top_up.pending, top_up.look_at), (None, NOON + Duration::DAY));
    assert_eq!(top_up.decide(low(&[]), NOON + Duration::hours(23)), Verdict::Rest);
    let next = NOON + Duration::DAY;
    assert_eq!(top_up.decide(low(&[]), next), BUY);
    assert!(top_up.failed(None, next), "it was switched off");
    assert!(!top_up.enabled);
    assert!(!top_up.failed(None, next), "it is switched off once");
}

#[test]
fn a_success_between_failures_begins_the_count_anew() {
    let mut top_up = AutoTopUp { failures: 1, ..a_top_up() };
    top_up.begin(id(1), NOON);
    top_up.succeeded(id(1), NOON);
    assert_eq!((top_up.pending, top_up.failures, top_up.look_at), (None, 0, NOON));
    assert!(!top_up.failed(None, NOON));
}

#[test]
fn news_of_another_charge_leaves_the_one_under_way() {
    let mut top_up = a_top_up();
    top_up.begin(id(1), NOON);
    top_up.succeeded(id(2), NOON);
    assert_eq!(top_up.pending, Some(id(1)));
    top_up.failed(Some(id(2)), NOON);
    assert_eq!(top_up.pending, Some(id(1)));
    top_up.close(id(1), NOON);
    assert_eq!(top_up.pending, None);
}

#[test]
fn the_longer_nobody_knows_the_rarer_it_is_asked() {
    let pause = |age| {
        let mut top_up = a_top_up();
        top_up.ask_again(NOON, NOON + age);
        top_up.look_at - NOON - age
    };
    assert_eq!(pause(Duration::minutes(1)), Duration::minutes(1));
    assert_eq!(pause(Duration::minutes(5)), Duration::minutes(5));
    assert_eq!(pause(Duration::hours(1)), Duration::hours(1));
    assert_eq!(pause(Duration::hours(24)), Duration::DAY);
}

#[test]
fn a_new_wish_forgets_failures_and_the_same_wish_changes_nothing() {
    let before = AutoTopUp { failures: 1, look_at: NOON + Duration::DAY, ..a_top_up() };
    assert_eq!(a_top_up().wished(None), a_top_up());
    assert_eq!(a_top_up().wished(Some(&before)), before);
    let higher = AutoTopUp { threshold: 200, ..a_top_up() };
    assert_eq!(higher.clone().wished(Some(&before)), higher);

    let under_way = AutoTopUp { pending: Some(id(1)), ..before };
    let wished = higher.wished(Some(&under_way));
    assert_eq!((wished.pending, wished.look_at), (under_way.pending, under_way.look_at));
}
