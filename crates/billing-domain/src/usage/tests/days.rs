//! Percentiles, shares and forecasts.

use proptest::prelude::*;
use time::{Date, macros::date};

use super::*;

const TODAY: Date = date!(2026 - 03 - 10);

fn day(days_ago: i64, used: i64) -> DayOfUse {
    DayOfUse { day: TODAY - Duration::days(days_ago), used, events: 1 }
}

#[test]
fn percentiles_are_by_the_nearest_rank() {
    let of = |values: Vec<i64>| Percentiles::of(values).map(|it| (it.p50, it.p90, it.p99));
    assert_eq!(of(Vec::new()), None);
    assert_eq!(of(vec![7]), Some((7, 7, 7)));
    assert_eq!(of(vec![3, 1, 2, 4]), Some((2, 4, 4)));
    assert_eq!(of((1..=100).rev().collect()), Some((50, 90, 99)));
    assert_eq!(of((1..=1000).collect()), Some((500, 900, 990)));
}

#[test]
fn a_share_is_in_hundredths_of_a_percent() {
    for (used, limit, share) in [
        (0, 10, Some(0)),
        (8, 10, Some(8_000)),
        (12, 10, Some(12_000)),
        (1, 3, Some(3_333)),
        (2, 3, Some(6_667)),
        (-1, 4, Some(-2_500)),
        (5, 0, None),
        (i64::MAX, 1, Some(i64::MAX)),
    ] {
        assert_eq!(limit_share(used, limit), share, "{used} of {limit}");
    }
}

#[test]
fn the_pace_is_that_of_the_last_whole_week() {
    let days: Vec<_> = (0..20).map(|ago| day(ago, if ago == 0 { 1_000 } else { ago })).collect();
    let long_ago = TODAY - Duration::days(50);
    assert_eq!(Pace::of(&days, long_ago, TODAY), Some(Pace { used: 28, days: 7 }));
    assert_eq!(Pace::of(&[], long_ago, TODAY), Some(Pace { used: 0, days: 7 }));
    let two_days = TODAY - Duration::days(2);
    assert_eq!(Pace::of(&days, two_days, TODAY), Some(Pace { used: 3, days: 2 }));
    assert_eq!(Pace::of(&days, TODAY, TODAY), None, "nothing is known on the first day");
}

#[test]
fn a_forecast_goes_on_as_the_last_week() {
    let pace = Pace { used: 70, days: 7 };
    assert_eq!(pace.forecast(100, NOON, NOON + Duration::days(3)), 130);
    assert_eq!(pace.forecast(100, NOON, NOON + Duration::hours(36)), 115);
    assert_eq!(pace.forecast(100, NOON, NOON - Duration::DAY), 100, "it is over");
    let third = Pace { used: 1, days: 3 };
    assert_eq!(third.forecast(0, NOON, NOON + Duration::DAY), 0);
    assert_eq!(third.forecast(0, NOON, NOON + Duration::days(2)), 1, "0.67");
    let less = Pace { used: -70, days: 7 };
    assert_eq!(less.forecast(100, NOON, NOON + Duration::days(3)), 70);
    assert_eq!(less.forecast(100, NOON, NOON + Duration::days(30)), 0);
}

#[test]
fn a_limit_is_reached_when_the_pace_says_so() {
    let pace = Pace { used: 70, days: 7 };
    assert_eq!(pace.reaches(130, 100, NOON), Some(NOON + Duration::days(3)));
    assert_eq!(pace.reaches(100, 100, NOON), Some(NOON));
    assert_eq!(pace.reaches(99, 100, NOON), Some(NOON));
    for never in [Pace { used: 0, days: 7 }, Pace { used: -1, days: 1 }] {
        assert_eq!(never.reaches(130, 100, NOON), None);
    }
    let slow = Pace { used: 1, days: 7 };
    assert_eq!(slow.reaches(u64::MAX, 0, NOON), None, "time ends before");
}

proptest! {
    /// What is forecast for the instant at which the limit is reached is the limit.
    #[test]
    fn forecast_and_reach_agree(used in 0_u64..1_000_000, more in 1_u64..1_000_000, pace in 1_i64..1_000_000, days in 1_u8..=7) {
        let pace = Pace { used: pace, days };
        let limit = used + more;
        if let Some(at) = pace.reaches(limit, used, NOON) {
            prop_assert_eq!(pace.forecast(used, NOON, at), limit);
            let before = at - Duration::days(1);
            prop_assert!(pace.forecast(used, NOON, before) <= limit);
        }
    }

    #[test]
    fn percentiles_are_in_order_and_among_the_values(values in prop::collection::vec(any::<i64>(), 1..50)) {
        let found = Percentiles::of(values.clone()).unwrap();
        prop_assert!(found.p50 <= found.p90 && found.p90 <= found.p99);
        prop_assert!([found.p50, found.p90, found.p99].iter().all(|it| values.contains(it)));
    }
}
