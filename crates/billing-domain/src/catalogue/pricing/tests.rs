use core::num::NonZeroU64;

use proptest::prelude::*;
use rust_decimal::Decimal;

use super::*;
use crate::{
    catalogue::{Aggregation, Feature, FeatureValue, Limit, Meter, Rolling},
    currency::Currency,
    id::{PlanId, PlanVersionId, PriceId},
    period::Interval,
};

fn dec(text: &str) -> Decimal {
    text.parse().unwrap()
}

fn tier(up_to: Option<u64>, unit: &str, flat: &str) -> Tier {
    Tier { up_to, unit_amount: dec(unit), flat_amount: dec(flat) }
}

fn tiers(tiers: &[(Option<u64>, &str, &str)]) -> Tiers {
    let tiers = tiers.iter().map(|(up_to, unit, flat)| tier(*up_to, unit, flat));
    Tiers::new(tiers.collect()).unwrap()
}

/// The first hundred are free, the next nine hundred half a minor unit each, and a fee for those
/// who go on.
fn three() -> Tiers {
    tiers(&[(Some(100), "0", "0"), (Some(1_000), "0.5", "0"), (None, "0.25", "300")])
}

fn each(unit: &str) -> Rate {
    Rate::PerUnit { unit_amount: dec(unit) }
}

fn package(size: u64, amount: &str) -> Rate {
    Rate::Package { size: NonZeroU64::new(size).unwrap(), amount: dec(amount) }
}

fn cost(rate: &Rate, quantity: u64) -> i64 {
    rate.amount(quantity, Currency::USD).unwrap().minor()
}

#[test]
fn each_model_has_its_price() {
    let (graduated, volume) = (Rate::Graduated { tiers: three() }, Rate::Volume { tiers: three() });
    for (rate, quantity, expected) in [
        (each("25"), 0, 0),
        (each("25"), 3, 75),
        (each("0.5"), 1, 0),
        (each("0.5"), 3, 2),
        (each("0.5"), 5, 2),
        (each("0.015"), 100, 2),
        (each("0.000000000001"), 1_500_000_000_000, 2),
        (graduated.clone(), 0, 0),
        (graduated.clone(), 100, 0),
        (graduated.clone(), 101, 0),
        (graduated.clone(), 102, 1),
        (graduated.clone(), 103, 2),
        (graduated.clone(), 1_000, 450),
        (graduated.clone(), 1_001, 750),
        (graduated.clone(), 1_002, 750),
        (graduated, 1_003, 751),
        (volume.clone(), 0, 0),
        (volume.clone(), 100, 0),
        (volume.clone(), 101, 50),
        (volume.clone(), 1_000, 500),
        (volume.clone(), 1_001, 550),
        (volume, 2_000, 800),
        (package(100, "499"), 0, 0),
        (package(100, "499"), 1, 499),
        (package(100, "499"), 100, 499),
        (package(100, "499"), 101, 998),
        (package(3, "0.5"), 8, 2),
    ] {
        assert_eq!(cost(&rate, quantity), expected, "{quantity} at {rate:?}");
    }
}

#[test]
fn amounts_are_minor_units_of_their_currency() {
    for (currency, expected) in [("JPY", "3 JPY"), ("USD", "0.03 USD"), ("KWD", "0.003 KWD")] {
        let amount = each("1.25").amount(2, currency.parse().unwrap()).unwrap();
        // Two and a half are rounded to the even one.
        assert_eq!(amount.to_string(), expected.replace('3', "2"), "{currency}");
        let amount = each("1.25").amount(3, currency.parse().unwrap()).unwrap();
        assert_eq!(amount.to_string(), expected.replace('3', "4"), "{currency}");
    }
}

#[test]
fn parts_name_their_tiers_and_unit_prices() {
    let rate = Rate::Graduated {
        tiers: tiers(&[(Some(10), "5", "0"), (Some(20), "2.5", "0"), (None, "1", "100")]),
    };
    let parts = |quantity| {
        let parts = rate.parts(quantity, Currency::USD).unwrap();
        let shown = parts.into_iter().map(|part| {
            let unit = part.unit_amount.map(Money::minor);
            (part.units, part.sold, unit, part.amount.minor())
        });
        shown.collect::<Vec<_>>()
    };
    assert_eq!(parts(0), [(None, 0, Some(0), 0)]);
    assert_eq!(parts(10), [(Some((1, Some(10))), 10, Some(5), 50)]);
    assert_eq!(
        parts(23),
        [
            (Some((1, Some(10))), 10, Some(5), 50),
            (Some((11, Some(20))), 10, None, 25),
            (Some((21, None)), 3, None, 103),
        ]
    );
    let packages = package(100, "499").parts(250, Currency::USD).unwrap();
    assert_eq!((packages[0].covers, packages[0].sold), (250, 3));
    assert_eq!(packages[0].unit_amount.map(Money::minor), Some(499));
}

#[test]
fn tiers_begin_at_one_grow_and_do_not_end() {
    for (given, expected) in [
        (vec![], InvalidTiers::End),
        (vec![(Some(1), "1")], InvalidTiers::End),
        (vec![(None, "1"), (None, "1")], InvalidTiers::End),
        (vec![(Some(0), "1"), (None, "1")], InvalidTiers::Order),
        (vec![(Some(5), "1"), (Some(5), "1"), (None, "1")], InvalidTiers::Order),
        (vec![(Some(5), "-1"), (None, "1")], InvalidTiers::Amount(dec("-1"))),
    ] {
        let given = given.into_iter().map(|(up_to, unit)| tier(up_to, unit, "0")).collect();
        assert_eq!(Tiers::new(given), Err(expected));
    }
    let fine = dec("0.0000000000001");
    let given = vec![Tier { up_to: None, unit_amount: fine, flat_amount: Decimal::ZERO }];
    assert_eq!(Tiers::new(given), Err(InvalidTiers::Amount(fine)));
}

#[test]
fn what_does_not_fit_is_refused() {
    for rate in [
        each("2"),
        each("79228162514264337593543950335"),
        package(1, "2"),
        Rate::Graduated {
            tiers: tiers(&[(Some(1), "9223372036854775807", "0"), (None, "1", "0")]),
        },
        Rate::Volume { tiers: tiers(&[(None, "0", "9223372036854775808")]) },
    ] {
        assert_eq!(rate.amount(u64::MAX, Currency::USD), Err(MoneyError::Overflow), "{rate:?}");
    }
    assert_eq!(cost(&each("1"), i64::MAX.unsigned_abs()), i64::MAX);
}

#[test]
fn what_is_charged_of_use_is_all_or_what_is_above() {
    let meter = || "calls".to_owned();
    let (all, above) = (Charged::Use { meter: meter() }, Charged::Overage { meter: meter() });
    for (charged, limit, used, from_bonus, expected) in [
        (&all, Amount::AtMost(10), 15, 3, 15),
        (&above, Amount::AtMost(10), 10, 0, 0),
        (&above, Amount::AtMost(10), 15, 3, 2),
        (&above, Amount::AtMost(u64::MAX), 15, 3, 0),
        (&above, Amount::Unlimited, 15, 0, 0),
        (&Charged::Seats { included: 1 }, Amount::AtMost(0), 15, 0, 0),
    ] {
        assert_eq!(charged.of_use(limit, (used, from_bonus)), expected, "{charged:?}");
    }
}

fn a_price(components: Vec<Component>) -> Price {
    Price {
        id: PriceId(uuid::Uuid::nil()),
        interval: Interval::Month,
        amount: Money::new(900, Currency::USD),
        trial_days: 0,
        active: true,
        stripe_price: None,
        model: Model::Flat,
        components,
    }
}

#[test]
fn seats_multiply_what_is_priced_by_the_seat() {
    let flat = a_price(Vec::new());
    assert_eq!(flat.recurring(7).unwrap().minor(), 900);
    let per_seat = Price { model: Model::PerSeat, ..flat };
    assert_eq!(per_seat.recurring(7).unwrap().minor(), 6_300);
}

fn component(charged: Charged) -> Component {
    Component { name: "More".to_owned(), charged, rate: each("1") }
}

fn checked(
    aggregation: Aggregation,
    (amount, window, overage): (Amount, Window, Overage),
    prices: Vec<Price>,
) -> Result<(), InvalidPrice> {
    let key = || "calls".to_owned();
    let limit = Limit { meter: key(), amount, window, overage };
    let version = PlanVersion {
        id: PlanVersionId(uuid::Uuid::nil()),
        number: 1,
        included_credits: 0,
        prices,
        features: vec![Feature { key: key(), value: FeatureValue::Limit(limit) }],
    };
    let plan = Plan {
        id: PlanId(uuid::Uuid::nil()),
        key: "pro".to_owned(),
        name: "Pro".to_owned(),
        description: String::new(),
        product_group: "main".to_owned(),
        active: true,
        versions: vec![version],
    };
    let meters = vec![Meter { key: key(), name: key(), aggregation }];
    Catalogue { meters, ..Catalogue::default() }.check_prices(&plan)
}

#[test]
fn only_what_can_be_counted_can_be_charged() {
    let used = |meter: &str| component(Charged::Use { meter: meter.to_owned() });
    let above = || component(Charged::Overage { meter: "calls".to_owned() });
    let seats = || component(Charged::Seats { included: 1 });
    let calls = || "calls".to_owned();
    let (limit, period) = (Amount::AtMost(5), Window::BillingPeriod);
    let (allow, block) = (Overage::Allow, Overage::Block);
    let sum = Aggregation::Sum;
    let rolling = Window::Rolling(Rolling::Hours(5));
    for (aggregation, rule, components, expected) in [
        (sum.clone(), (limit, period, block), vec![used("calls"), seats()], Ok(())),
        (Aggregation::Max, (Amount::Unlimited, period, block), vec![used("calls")], Ok(())),
        (sum.clone(), (limit, period, allow), vec![above()], Ok(())),
        (
            sum.clone(),
            (limit, period, block),
            vec![used("mails")],
            Err(InvalidPrice::UnknownMeter("mails".to_owned())),
        ),
        (
            sum.clone(),
            (limit, Window::CalendarMonth, block),
            vec![used("calls")],
            Err(InvalidPrice::NotByPeriod(calls())),
        ),
        (
            sum.clone(),
            (limit, rolling, allow),
            vec![above()],
            Err(InvalidPrice::NotByPeriod(calls())),
        ),
        (
            sum.clone(),
            (limit, period, block),
            vec![above()],
            Err(InvalidPrice::NeverAbove(calls())),
        ),
        (
            sum.clone(),
            (Amount::Unlimited, period, allow),
            vec![above()],
            Err(InvalidPrice::NeverAbove(calls())),
        ),
        (
            Aggregation::Latest,
            (limit, period, allow),
            vec![above()],
            Err(InvalidPrice::DoesNotAddUp(calls())),
        ),
        (
            sum.clone(),
            (limit, period, allow),
            vec![used("calls"), above()],
            Err(InvalidPrice::Twice(calls())),
        ),
        (
            sum,
            (limit, period, allow),
            vec![seats(), seats()],
            Err(InvalidPrice::Twice("seats".to_owned())),
        ),
    ] {
        assert_eq!(checked(aggregation, rule, vec![a_price(components)]), expected, "{rule:?}");
    }
}

#[test]
fn a_price_is_the_only_one_of_its_kind_and_not_negative() {
    let rule = (Amount::Unlimited, Window::BillingPeriod, Overage::Block);
    let check = |prices| checked(Aggregation::Sum, rule, prices);
    let price = || a_price(Vec::new());
    assert_eq!(check(vec![price(), price()]), Err(InvalidPrice::Ambiguous(Currency::USD)));
    let former = Price { active: false, ..price() };
    let yearly = Price { interval: Interval::Year, ..price() };
    assert_eq!(check(vec![price(), former, yearly]), Ok(()));
    let negative = Price { amount: Money::new(-1, Currency::USD), ..price() };
    assert_eq!(check(vec![negative]), Err(InvalidPrice::Amount(dec("-1"))));
    let charged = Charged::Seats { included: 0 };
    let fine = Component { rate: each("0.0000000000001"), ..component(charged) };
    let wrong = Err(InvalidPrice::Amount(dec("0.0000000000001")));
    assert_eq!(check(vec![a_price(vec![fine])]), wrong);
}

#[test]
fn a_rate_comes_back_from_json_and_wrong_tiers_do_not() {
    let rate = Rate::Graduated { tiers: three() };
    let json = serde_json::to_value(&rate).unwrap();
    assert_eq!(json["model"], "graduated");
    assert_eq!(json["tiers"][1]["unit_amount"], "0.5");
    assert_eq!(serde_json::from_value::<Rate>(json.clone()).unwrap(), rate);
    let mut wrong = json;
    wrong["tiers"][0]["up_to"] = 5_000.into();
    assert!(serde_json::from_value::<Rate>(wrong).is_err());
}

fn some_tiers(flats: bool) -> impl Strategy<Value = Tiers> {
    let amount = (0_i64..100_000, 0_u32..6).prop_map(|(n, scale)| Decimal::new(n, scale));
    let flat = if flats { 0_i64..1_000 } else { 0..1 };
    let one = (1_u64..500, amount, flat);
    prop::collection::vec(one, 1..6).prop_map(|given| {
        let (mut end, last) = (0, given.len() - 1);
        let tiers = given.into_iter().enumerate().map(|(n, (length, unit_amount, flat))| {
            end += length;
            let up_to = (n < last).then_some(end);
            Tier { up_to, unit_amount, flat_amount: flat.into() }
        });
        Tiers::new(tiers.collect()).unwrap()
    })
}

proptest! {
    /// Each unit is charged by its own tier, and the sum is rounded once.
    #[test]
    fn graduated_parts_sum_to_the_whole(tiers in some_tiers(true), quantity in 0_u64..3_000) {
        let rate = Rate::Graduated { tiers: tiers.clone() };
        let parts = rate.parts(quantity, Currency::USD).unwrap();
        prop_assert_eq!(parts.iter().map(|part| part.covers).sum::<u64>(), quantity);
        prop_assert!(parts.iter().all(|part| part.amount.minor() >= 0));
        let mut exact = Decimal::ZERO;
        let mut reached = BTreeSet::new();
        for unit in 1..=quantity {
            let within = |tier: &Tier| tier.up_to.is_none_or(|end| unit <= end);
            let n = tiers.as_slice().iter().position(within).unwrap();
            exact += tiers.as_slice()[n].unit_amount;
            if reached.insert(n) {
                exact += tiers.as_slice()[n].flat_amount;
            }
        }
        let sum: i64 = parts.iter().map(|part| part.amount.minor()).sum();
        prop_assert_eq!(Decimal::from(sum), exact.round());
    }

    /// One more never costs less; and without fees never more than the dearest unit.
    #[test]
    fn graduated_is_monotone_and_continuous(tiers in some_tiers(false), quantity in 0_u64..3_000) {
        let dearest = tiers.as_slice().iter().map(|tier| tier.unit_amount).max().unwrap();
        let rate = Rate::Graduated { tiers };
        let step = cost(&rate, quantity + 1) - cost(&rate, quantity);
        prop_assert!(step >= 0);
        prop_assert!(Decimal::from(step) <= dearest.ceil() + Decimal::ONE);
    }

    #[test]
    fn a_package_that_is_begun_is_paid(size in 1_u64..500, amount in 0_i64..10_000, quantity in 0_u64..100_000) {
        let rate = package(size, &amount.to_string());
        let packages = i64::try_from(quantity / size + u64::from(quantity % size != 0)).unwrap();
        prop_assert_eq!(cost(&rate, quantity), packages * amount);
    }

    /// In volume tiers all units cost the same.
    #[test]
    fn volume_is_one_price_for_all(tiers in some_tiers(true), quantity in 1_u64..3_000) {
        let within = |tier: &&Tier| tier.up_to.is_none_or(|end| quantity <= end);
        let tier = *tiers.as_slice().iter().find(within).unwrap();
        let exact = tier.unit_amount * Decimal::from(quantity) + tier.flat_amount;
        let rate = Rate::Volume { tiers };
        prop_assert_eq!(Decimal::from(cost(&rate, quantity)), exact.round());
    }
}
