use proptest::prelude::*;
use time::{Duration, macros::datetime};
use uuid::Uuid;

use super::*;
use crate::{
    currency::Currency,
    id::{CheckoutId, OrganizationId},
};

const NOON: OffsetDateTime = datetime!(2026-03-14 12:00 UTC);

fn usd(minor: i64) -> Money {
    Money::new(minor, Currency::USD)
}

fn a_discount(off: Off, lasts: Lasts) -> Discount {
    Discount {
        id: DiscountId(Uuid::nil()),
        code: "SPRING".parse().unwrap(),
        name: "Spring".to_owned(),
        off,
        lasts,
        conditions: Conditions::default(),
        active: true,
        taken: 0,
        created_at: NOON,
    }
}

fn a_tenth() -> Discount {
    a_discount(Off::Percent(10), Lasts::Once)
}

fn on(conditions: Conditions) -> Discount {
    Discount { conditions, ..a_tenth() }
}

const GROWTH: DiscountedSale<'_> = DiscountedSale {
    plan: "growth",
    price: Money::new(2_900, Currency::USD),
    customer: CustomerHistory { has_paid: false, has_redeemed: false, reserved: 0 },
};

#[test]
fn a_period_is_made_cheaper_and_never_below_nothing() {
    use Lasts::{Forever, Once, Repeating};
    for (off, lasts, period, subtotal, expected) in [
        (Off::Percent(1), Once, 0, 2_900, 29),
        (Off::Percent(15), Once, 0, 999, 150),
        (Off::Percent(50), Once, 0, 5, 2),
        (Off::Percent(100), Once, 0, 2_900, 2_900),
        (Off::Percent(10), Once, 1, 2_900, 0),
        (Off::Percent(10), Repeating(3), 2, 2_900, 290),
        (Off::Percent(10), Repeating(3), 3, 2_900, 0),
        (Off::Percent(10), Forever, u32::MAX, 2_900, 290),
        (Off::Amount(usd(500)), Once, 0, 2_900, 500),
        (Off::Amount(usd(500)), Once, 0, 500, 500),
        (Off::Amount(usd(500)), Once, 0, 499, 499),
        (Off::Amount(usd(500)), Repeating(2), 1, 2_900, 500),
        (Off::Amount(usd(500)), Repeating(2), 2, 2_900, 0),
        (Off::Amount(usd(500)), Forever, 9, 0, 0),
        (Off::Percent(10), Forever, 9, -100, 0),
        (Off::Amount(usd(500)), Forever, 9, -100, 0),
    ] {
        let off = a_discount(off, lasts).discount_for(period, usd(subtotal));
        assert_eq!(off, Ok(usd(expected)), "{lasts:?} {period} {subtotal}");
    }
    let euro = Money::new(2_900, Currency::EUR);
    assert!(a_discount(Off::Amount(usd(500)), Once).discount_for(0, euro).is_err());
    assert_eq!(a_tenth().discount_for(0, euro), Ok(Money::new(290, Currency::EUR)));
}

#[test]
fn each_condition_has_its_reason() {
    let later = NOON + Duration::SECOND;
    let paid = CustomerHistory { has_paid: true, ..GROWTH.customer };
    let used = CustomerHistory { has_redeemed: true, ..GROWTH.customer };
    let any = Conditions::default;
    let euros = Money::new(1, Currency::EUR);
    for (conditions, customer, expected) in [
        (any(), used, None),
        (any(), paid, None),
        (Conditions { starts_at: Some(NOON), ..any() }, paid, None),
        (
            Conditions { starts_at: Some(later), ..any() },
            paid,
            Some(NotDiscounted::NotStarted(later)),
        ),
        (Conditions { ends_at: Some(later), ..any() }, paid, None),
        (Conditions { ends_at: Some(NOON), ..any() }, paid, Some(NotDiscounted::Expired(NOON))),
        (Conditions { plans: vec!["growth".to_owned()], ..any() }, paid, None),
        (
            Conditions { plans: vec!["scale".to_owned()], ..any() },
            paid,
            Some(NotDiscounted::NotForPlan),
        ),
        (Conditions { minimum: Some(usd(2_900)), ..any() }, paid, None),
        (
            Conditions { minimum: Some(usd(2_901)), ..any() },
            paid,
            Some(NotDiscounted::BelowMinimum(usd(2_901))),
        ),
        (Conditions { minimum: Some(euros), ..any() }, paid, Some(NotDiscounted::OtherCurrency)),
        (Conditions { first_time_only: true, ..any() }, used, None),
        (Conditions { first_time_only: true, ..any() }, paid, Some(NotDiscounted::FirstTimeOnly)),
        (Conditions { once_per_customer: true, ..any() }, paid, None),
        (Conditions { once_per_customer: true, ..any() }, used, Some(NotDiscounted::AlreadyUsed)),
    ] {
        let discount = on(conditions);
        let sale = DiscountedSale { customer, ..GROWTH };
        let expected = expected.map_or(Ok(usd(290)), Err);
        assert_eq!(discount.applied_to(&sale, NOON), expected, "{:?}", discount.conditions);
    }
    let off = Discount { active: false, ..a_tenth() };
    assert_eq!(off.applied_to(&GROWTH, NOON), Err(NotDiscounted::Inactive));
    let fixed = a_discount(Off::Amount(euros), Lasts::Once);
    assert_eq!(fixed.applied_to(&GROWTH, NOON), Err(NotDiscounted::OtherCurrency));
}

#[test]
fn it_is_exhausted_by_others_and_not_by_ones_own_open_page() {
    for (most, taken, reserved, expected) in [
        (None, u32::MAX, 0, Ok(usd(290))),
        (Some(2), 1, 0, Ok(usd(290))),
        (Some(2), 2, 0, Err(NotDiscounted::Exhausted)),
        (Some(2), 2, 1, Ok(usd(290))),
        (Some(2), 3, 1, Err(NotDiscounted::Exhausted)),
    ] {
        let discount = on(Conditions { max_redemptions: most, ..Conditions::default() });
        let customer = CustomerHistory { reserved, ..GROWTH.customer };
        let sale = DiscountedSale { customer, ..GROWTH };
        let discount = Discount { taken, ..discount };
        assert_eq!(discount.applied_to(&sale, NOON), expected, "{most:?} {taken} {reserved}");
    }
}

#[test]
fn terms_that_make_no_sense_are_refused() {
    let once = |off| a_discount(off, Lasts::Once);
    let fixed = once(Off::Amount(usd(100)));
    let euros = Conditions { minimum: Some(Money::new(1, Currency::EUR)), ..Conditions::default() };
    let none = Conditions { max_redemptions: Some(0), ..Conditions::default() };
    let free = Conditions { minimum: Some(usd(0)), ..Conditions::default() };
    let ended = Conditions { starts_at: Some(NOON), ends_at: Some(NOON), ..Conditions::default() };
    for (discount, expected) in [
        (once(Off::Percent(0)), InvalidDiscount::Percent),
        (once(Off::Percent(101)), InvalidDiscount::Percent),
        (once(Off::Amount(usd(0))), InvalidDiscount::Amount),
        (once(Off::Amount(usd(-1))), InvalidDiscount::Amount),
        (a_discount(Off::Percent(1), Lasts::Repeating(0)), InvalidDiscount::Periods),
        (a_discount(Off::Percent(1), Lasts::Repeating(121)), InvalidDiscount::Periods),
        (on(none), InvalidDiscount::MaxRedemptions),
        (on(free), InvalidDiscount::Minimum),
        (Discount { conditions: euros.clone(), ..fixed }, InvalidDiscount::MinimumCurrency),
        (on(ended), InvalidDiscount::Validity),
        (Discount { name: " ".to_owned(), ..a_tenth() }, InvalidDiscount::Name),
        (Discount { name: "x".repeat(41), ..a_tenth() }, InvalidDiscount::Name),
    ] {
        assert_eq!(discount.checked(), Err(expected));
    }
    assert!(on(euros).checked().is_ok(), "percents go with any currency");
    for percent in [1, 100] {
        assert!(once(Off::Percent(percent)).checked().is_ok());
    }
}

#[test]
fn a_code_is_read_in_any_case() {
    for (text, expected) in [
        ("spring-20", Some("SPRING-20")),
        (" Spring_20 ", Some("SPRING_20")),
        ("ab", None),
        ("über", None),
        ("two words", None),
        ("", None),
    ] {
        let read = text.parse::<DiscountCode>();
        assert_eq!(read.ok().as_ref().map(DiscountCode::as_str), expected, "{text}");
    }
    assert!("x".repeat(40).parse::<DiscountCode>().is_ok());
    assert!("x".repeat(41).parse::<DiscountCode>().is_err());
}

#[test]
fn a_use_is_redeemed_once_and_released_only_unpaid() {
    let until = NOON + Duration::DAY;
    let states = [
        RedemptionState::Reserved { until },
        RedemptionState::Redeemed { at: NOON },
        RedemptionState::Released { at: NOON },
    ];
    // From each state: whether redeeming is news, whether releasing is, and whether it counts.
    const TABLE: [(bool, bool, bool); 3] =
        [(true, true, true), (false, false, true), (true, false, false)];
    for (state, (redeems, releases, counts)) in states.into_iter().zip(TABLE) {
        assert_eq!(state.counts(), counts);
        let of = |state| Redemption {
            organization_id: OrganizationId(Uuid::nil()),
            checkout_id: CheckoutId(Uuid::nil()),
            discount_id: DiscountId(Uuid::nil()),
            state,
            created_at: NOON,
        };
        let mut redeemed = of(state);
        assert_eq!(redeemed.redeem(until), redeems, "{state:?}");
        assert_eq!(redeemed.state.name(), "redeemed");
        assert!(!redeemed.redeem(until) && !redeemed.release(until), "what is paid stays");
        let mut released = of(state);
        assert_eq!(released.release(until), releases, "{state:?}");
    }
}

proptest! {
    /// Whatever the terms, a period costs no less than nothing and no more than before.
    #[test]
    fn what_is_left_lies_between_nothing_and_all(
        percent in 1_u8..=100,
        amount in 1_i64..1_000_000,
        fixed: bool,
        periods in 1_u16..=MOST_PERIODS,
        period in 0_u32..200,
        subtotal in 0_i64..1_000_000_000,
    ) {
        let off = if fixed { Off::Amount(usd(amount)) } else { Off::Percent(percent) };
        let discount = a_discount(off, Lasts::Repeating(periods));
        let off = discount.discount_for(period, usd(subtotal)).unwrap();
        prop_assert!((0..=subtotal).contains(&off.minor()));
        prop_assert!(period < u32::from(periods) || off.is_zero());
    }
}
