use proptest::prelude::*;
use time::{Duration, macros::datetime};
use uuid::Uuid;

use super::*;
use crate::proration::prorated;
use crate::{
    catalogue::Model,
    currency::Currency,
    id::PriceId,
    period::Interval::{self, Month, Year},
};

const ID: SubscriptionId = SubscriptionId(Uuid::from_u128(1));

fn price(minor: i64, currency: &str, interval: Interval) -> Price {
    Price {
        id: PriceId(Uuid::from_u128(u128::from(minor.unsigned_abs()))),
        interval,
        amount: Money::new(minor, currency.parse().unwrap()),
        model: Model::PerSeat,
        components: Vec::new(),
        trial_days: 0,
        active: true,
        stripe_price: None,
    }
}

const fn sale<'a>(plan: &'a str, price: &'a Price, quantity: u32) -> Sale<'a> {
    Sale { plan, price, quantity }
}

fn change<'a>(
    (from, to): (Sale<'a>, Sale<'a>),
    period: Period,
    at: OffsetDateTime,
) -> TermsChange<'a> {
    let paid = from.whole().unwrap();
    TermsChange { subscription_id: ID, from, to, period, paid, at }
}

fn lines(change: &TermsChange<'_>) -> [Line; 2] {
    [change.credit().unwrap(), change.charge().unwrap()]
}

fn amounts(change: &TermsChange<'_>) -> [i64; 2] {
    lines(change).map(|line| line.amount.minor())
}

fn month_of(anchor: OffsetDateTime) -> Period {
    Anchor(anchor).period(Month, 0)
}

/// Old price, new one, begin of the period, instant of the change, what is given back and charged.
#[test]
fn golden_vectors() {
    let june = datetime!(2026-06-01 0:00 UTC);
    let table = [
        // Ten to twenty at half of the period: 5 back, 10 charged.
        (("USD", 1_000, 2_000), june, datetime!(2026-06-16 0:00 UTC), [-500, 1_000]),
        // 14 of 31 days of 100 are 45.16.
        (
            ("EUR", 10_000, 0),
            datetime!(2026-05-01 0:00 UTC),
            datetime!(2026-05-18 0:00 UTC),
            [-4_516, 0],
        ),
        // All of it, and nothing of it.
        (("USD", 900, 2_900), june, june, [-900, 2_900]),
        (("USD", 900, 2_900), june, datetime!(2026-07-01 0:00 UTC), [0, 0]),
        // The last second.
        (("USD", 900, 5_900_000), june, datetime!(2026-06-30 23:59:59 UTC), [0, 2]),
        // February of 28 and of 29 days, at the same time of the same day.
        (
            ("USD", 2_800, 5_600),
            datetime!(2026-02-01 0:00 UTC),
            datetime!(2026-02-15 0:00 UTC),
            [-1_400, 2_800],
        ),
        (
            ("USD", 2_900, 5_800),
            datetime!(2028-02-01 0:00 UTC),
            datetime!(2028-02-15 0:00 UTC),
            [-1_500, 3_000],
        ),
        // Begun on the 31st, the month ends on the last of February.
        (
            ("USD", 2_800, 5_600),
            datetime!(2026-01-31 0:00 UTC),
            datetime!(2026-02-14 0:00 UTC),
            [-1_400, 2_800],
        ),
        // Currencies without a minor unit, and with one of a thousandth; halves go to even.
        (("JPY", 1_000, 3_333), june, datetime!(2026-06-11 0:00 UTC), [-667, 2_222]),
        (("KWD", 2_750, 9_125), june, datetime!(2026-06-16 0:00 UTC), [-1_375, 4_563]),
        (("JPY", 1, 3), june, datetime!(2026-06-16 0:00 UTC), [-1, 1]),
    ];
    for ((currency, old, new), begin, at, expected) in table {
        let (old, new) = (price(old, currency, Month), price(new, currency, Month));
        let both = (sale("Starter", &old, 1), sale("Scale", &new, 1));
        let seen = amounts(&change(both, month_of(begin), at));
        assert_eq!(seen, expected, "{} to {} at {at}", old.amount, new.amount);
    }
}

#[test]
fn a_quantity_is_a_change_like_any_other() {
    let nine = price(900, "USD", Month);
    let period = month_of(datetime!(2026-06-01 0:00 UTC));
    let half = datetime!(2026-06-16 0:00 UTC);
    let more = change((sale("Team", &nine, 3), sale("Team", &nine, 5)), period, half);
    let lines = lines(&more);
    let said: Vec<_> =
        lines.iter().map(|it| (it.description.as_str(), it.quantity, it.amount.minor())).collect();
    assert_eq!(said, [("Unused time on Team", 3, -1_350), ("Remaining time on Team", 5, 2_250)]);
    assert!(lines.iter().all(|it| it.kind == LineKind::Proration && it.unit_amount.is_none()));
    assert!(lines.iter().all(|it| it.period == Some(Period { start: half, ..period })));
    assert_eq!(more.new_period(), None, "the period goes on");
}

#[test]
fn another_interval_begins_a_period_that_is_paid_in_full() {
    let (nine, ninety) = (price(900, "USD", Month), price(9_000, "USD", Year));
    let leap_day = datetime!(2028-02-29 12:00 UTC);
    let period = month_of(datetime!(2028-01-31 12:00 UTC));
    assert_eq!(period.end, leap_day, "the month has no 31st");
    let at = datetime!(2028-02-15 0:00 UTC);
    let to_year = change((sale("Starter", &nine, 1), sale("Starter", &ninety, 1)), period, at);
    let year = Period { start: at, end: datetime!(2029-02-15 0:00 UTC) };
    assert_eq!(to_year.new_period(), Some(year));
    let lines = lines(&to_year);
    assert_eq!(amounts(&to_year), [-450, 9_000]);
    assert_eq!((lines[1].kind, lines[1].period), (LineKind::Recurring, Some(year)));
    assert_eq!(lines[0].period, Some(Period { start: at, end: leap_day }), "they tile");

    // And back, a year that began on a leap day: 15 of its 365 days are used.
    let year = Anchor(leap_day).period(Year, 0);
    assert_eq!(year.end, datetime!(2029-02-28 12:00 UTC));
    let at = leap_day + Duration::days(15);
    let back = change((sale("Starter", &ninety, 1), sale("Starter", &nine, 1)), year, at);
    assert_eq!(amounts(&back), [-8_630, 900]);
}

#[test]
fn trial_time_is_worth_nothing_and_no_more_is_given_back_than_was_paid() {
    let (old, new) = (price(900, "USD", Month), price(2_900, "USD", Month));
    let period = month_of(datetime!(2026-06-01 0:00 UTC));
    let half = datetime!(2026-06-16 0:00 UTC);
    let full = change((sale("Starter", &old, 1), sale("Growth", &new, 1)), period, half);
    let whole = full.paid;
    let usd = |minor| Money::new(minor, Currency::USD);
    for (charged, credit) in [
        (None, -450),
        (Some(usd(900)), -450),
        (Some(usd(450)), -225),
        (Some(usd(0)), 0),
        (Some(usd(-5)), 0),
        (Some(usd(9_000)), -450),
        (Some(Money::new(900, Currency::EUR)), 0),
    ] {
        let paid = TermsChange { paid: paid_for(whole, charged), ..full };
        assert_eq!(amounts(&paid), [credit, 1_450], "{charged:?}");
    }
}

#[test]
fn what_is_too_large_is_an_error() {
    let huge = price(i64::MAX, "USD", Month);
    let one = sale("Huge", &huge, 1);
    let period = month_of(datetime!(2026-06-01 0:00 UTC));
    let two =
        TermsChange { to: sale("Huge", &huge, 2), ..change((one, one), period, period.start) };
    assert_eq!(two.charge(), Err(MoneyError::Overflow));
}

proptest! {
    /// However often the terms change, every second is paid once: at the price of then.
    #[test]
    fn changes_of_a_period_sum_to_what_its_time_costs(
        prices in prop::collection::vec((0_i64..10_000_000, 1_u32..50), 1..12),
        seconds in prop::collection::vec(0_i64..2_678_400, 12),
        begin in 0_i64..4_000_000_000,
    ) {
        let begin = OffsetDateTime::from_unix_timestamp(begin).unwrap();
        let period = month_of(begin);
        let length = (period.end - period.start).whole_seconds();
        let mut cuts: Vec<_> = seconds.iter().map(|it| begin + Duration::seconds(it % length)).collect();
        cuts.sort_unstable();
        let prices: Vec<_> =
            prices.iter().map(|(minor, quantity)| (price(*minor, "USD", Month), *quantity)).collect();
        let sales: Vec<_> = prices.iter().map(|(it, quantity)| sale("Plan", it, *quantity)).collect();
        let mut paid = sales[0].whole().unwrap().minor();
        let mut worth = 0;
        let mut since = period.start;
        for (pair, at) in sales.windows(2).zip(&cuts) {
            let change = change((pair[0], pair[1]), period, *at);
            let [credit, charge] = amounts(&change);
            prop_assert!((-pair[0].whole().unwrap().minor()..=0).contains(&credit));
            paid += credit + charge;
            worth += prorated(pair[0].whole().unwrap(), period, (since, *at)).unwrap().minor();
            since = *at;
        }
        let last = sales.last().unwrap().whole().unwrap();
        worth += prorated(last, period, (since, period.end)).unwrap().minor();
        prop_assert_eq!(paid, worth);
    }

    #[test]
    fn there_and_back_at_one_instant_costs_nothing(
        old in (0_i64..10_000_000, 1_u32..50), new in (0_i64..10_000_000, 1_u32..50),
        second in 0_i64..2_592_000,
    ) {
        let period = month_of(datetime!(2026-06-01 0:00 UTC));
        let at = period.start + Duration::seconds(second);
        let (one, other) = (price(old.0, "USD", Month), price(new.0, "USD", Month));
        let (one, other) = (sale("One", &one, old.1), sale("Other", &other, new.1));
        let sum = |both| amounts(&change(both, period, at)).into_iter().sum::<i64>();
        prop_assert_eq!(sum((one, other)) + sum((other, one)), 0);
    }
}
