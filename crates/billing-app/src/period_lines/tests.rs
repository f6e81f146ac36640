use billing_domain::{
    catalogue::{Rate, Tier, Tiers, seed},
    period::{Anchor, Interval},
};
use time::macros::datetime;
use uuid::Uuid;

use super::*;

fn a_plan() -> Plan {
    let mut n = 0;
    let next = &mut || {
        n += 1;
        Uuid::from_u128(n)
    };
    seed(next).plan("starter").unwrap().clone()
}

fn period(n: i32) -> Period {
    Anchor(datetime!(2026-01-31 12:00 UTC)).period(Interval::Month, n)
}

#[test]
fn what_recurs_is_in_advance_and_added_seats_too() {
    let plan = a_plan();
    let price = plan.versions[0].prices[0].clone();
    let (id, tier) = (SubscriptionId(Uuid::nil()), |up_to, unit: i64| Tier {
        up_to,
        unit_amount: unit.into(),
        flat_amount: 0.into(),
    });
    let tiers = Tiers::new(vec![tier(Some(2), 300), tier(None, 200)]).unwrap();
    let seats = |included| Component {
        name: "Seats".to_owned(),
        charged: Charged::Seats { included },
        rate: Rate::Graduated { tiers: tiers.clone() },
    };
    let (flat, per_seat) = (Model::Flat, Model::PerSeat);
    for (model, components, quantity, expected) in [
        (flat, vec![], 4, vec![("Starter", 1, 900)]),
        (per_seat, vec![], 4, vec![("Starter", 4, 3_600)]),
        (flat, vec![seats(4)], 4, vec![("Starter", 1, 900)]),
        (
            flat,
            vec![seats(1)],
            4,
            vec![("Starter", 1, 900), ("Seats (1 to 2)", 2, 600), ("Seats (3 and more)", 1, 200)],
        ),
    ] {
        let price = Price { model, components, ..price.clone() };
        let lines = in_advance((&plan, &price), (id, quantity), period(0)).unwrap();
        let shown: Vec<_> = lines
            .iter()
            .map(|line| (line.description.as_str(), line.quantity, line.amount.minor()))
            .collect();
        assert_eq!(shown, expected);
        assert!(lines.iter().all(|line| line.period == Some(period(0))));
    }
}

#[test]
fn late_use_is_looked_for_where_it_was_counted() {
    let plan = a_plan();
    let price = &plan.versions[0].prices[0];
    let day = |starts: Vec<OffsetDateTime>| {
        starts.iter().map(|at| at.date().to_string()).collect::<Vec<_>>()
    };
    // January's ends on the last of February, from where late use is counted back to the 28th.
    let windows = [period(0), period(1), period(2)];
    assert_eq!(day(starts(windows[0], &[windows[1]], price)), ["2026-01-28", "2026-01-31"]);
    assert_eq!(day(starts(windows[0], &windows[1..], price)), ["2026-01-28", "2026-01-31"]);
    assert_eq!(day(starts(windows[1], &[windows[2]], price)), ["2026-02-28"]);
    assert_eq!(day(starts(windows[1], &[windows[1]], price)), ["2026-02-28"]);
}
