use time::macros::datetime;
use uuid::Uuid;

use super::*;
use crate::currency::Currency;

fn usd(minor: i64) -> Money {
    Money::new(minor, Currency::USD)
}

fn paid(status: PaymentStatus, amount: Money, refunded: i64) -> Standing {
    let refunded = Money::new(refunded, amount.currency());
    Standing::payment("pi_1", status, (amount, refunded))
}

fn subscribed(status: &Status, quantity: u32, ends: bool) -> Standing {
    let period =
        Period { start: datetime!(2026-03-01 0:00 UTC), end: datetime!(2026-04-01 0:00 UTC) };
    let price_id = Some(PriceId(Uuid::nil()));
    let terms = Terms { price_id, quantity, period, cancel_at_period_end: ends };
    Standing::subscription("sub_1", status, terms)
}

fn kinds(theirs: &Standing, ours: Option<&Standing>) -> Vec<DifferenceKind> {
    compare(theirs, ours).into_iter().map(|it| it.kind).collect()
}

#[test]
fn what_both_say_alike_is_no_difference() {
    let ended = Status::Cancelled { at: datetime!(2026-03-05 0:00 UTC) };
    let elsewhen = Status::Cancelled { at: datetime!(2026-03-06 0:00 UTC) };
    for (theirs, ours) in [
        (paid(PaymentStatus::Completed, usd(900), 0), paid(PaymentStatus::Completed, usd(900), 0)),
        (subscribed(&Status::Active, 2, false), subscribed(&Status::Active, 2, false)),
        (subscribed(&ended, 2, false), subscribed(&elsewhen, 1, true)),
        (
            Standing::invoice("in_1", InvoiceStatus::Paid, usd(900)),
            Standing::invoice("in_1", InvoiceStatus::Paid, usd(900)),
        ),
    ] {
        assert_eq!(compare(&theirs, Some(&ours)), [], "{theirs:?}");
    }
}

#[test]
fn each_difference_has_its_kind() {
    use DifferenceKind::{Amount, Currency as Other, Refund, Status as Stands, Terms as To};
    let egp = Money::new(900, Currency::EGP);
    let completed = |amount| paid(PaymentStatus::Completed, amount, 0);
    let ended = Status::Cancelled { at: datetime!(2026-03-05 0:00 UTC) };
    for (theirs, ours, expected) in [
        (completed(usd(900)), paid(PaymentStatus::Pending, usd(900), 0), vec![Stands]),
        (completed(usd(900)), completed(usd(901)), vec![Amount]),
        (completed(usd(900)), completed(egp), vec![Other, Refund]),
        (
            paid(PaymentStatus::PartiallyRefunded, usd(900), 300),
            completed(usd(900)),
            vec![Stands, Refund],
        ),
        (
            paid(PaymentStatus::PartiallyRefunded, usd(900), 300),
            paid(PaymentStatus::PartiallyRefunded, usd(900), 200),
            vec![Refund],
        ),
        (subscribed(&Status::Active, 2, false), subscribed(&Status::Active, 1, false), vec![To]),
        (subscribed(&Status::Active, 1, true), subscribed(&Status::Active, 1, false), vec![To]),
        (subscribed(&ended, 1, false), subscribed(&Status::Active, 1, false), vec![Stands]),
        (Standing::checkout("cs_1", "completed"), Standing::checkout("cs_1", "open"), vec![Stands]),
    ] {
        assert_eq!(kinds(&theirs, Some(&ours)), expected, "{theirs:?} {ours:?}");
    }
}

#[test]
fn what_may_come_to_nothing_need_not_be_known() {
    use DifferenceKind::MissingHere;
    for (theirs, expected) in [
        (paid(PaymentStatus::Completed, usd(900), 0), vec![MissingHere]),
        (paid(PaymentStatus::Failed, usd(900), 0), vec![MissingHere]),
        (paid(PaymentStatus::Pending, usd(900), 0), vec![]),
        (subscribed(&Status::Active, 1, false), vec![MissingHere]),
        (subscribed(&Status::Incomplete, 1, false), vec![]),
        (Standing::invoice("in_1", InvoiceStatus::Open, usd(0)), vec![MissingHere]),
        (Standing::invoice("in_1", InvoiceStatus::Draft, usd(0)), vec![]),
        (Standing::checkout("cs_1", "completed"), vec![]),
    ] {
        assert_eq!(kinds(&theirs, None), expected, "{theirs:?}");
    }
}

#[test]
fn names_lead_back() {
    for thing in Thing::ALL {
        assert_eq!(thing.name().parse(), Ok(thing));
    }
    for kind in DifferenceKind::ALL {
        assert_eq!(kind.name().parse(), Ok(kind));
    }
    assert!("other".parse::<DifferenceKind>().is_err() && "other".parse::<Thing>().is_err());
}
