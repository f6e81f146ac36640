use proptest::prelude::*;
use time::macros::datetime;
use uuid::Uuid;

use super::*;
use crate::{currency::Currency, gateway::Gateway};
use PaymentStatus::{Completed, Disputed, Failed, PartiallyRefunded, Pending, Refunded, Unknown};

fn usd(minor: i64) -> Money {
    Money::new(minor, Currency::USD)
}

/// A report that says nothing but a status and what was given back.
fn a_report(status: PaymentStatus, refunded: i64) -> Payment {
    Payment {
        id: PaymentId(Uuid::from_u128(1)),
        organization_id: OrganizationId(Uuid::nil()),
        reference: GatewayRef::new(Gateway::Stripe, "pi_1"),
        status,
        amount: usd(2900),
        tax: usd(0),
        refunded: usd(refunded),
        description: "Growth".to_owned(),
        checkout_id: None,
        subscription_id: None,
        document_url: None,
        failure: (status == Failed).then(|| "card_declined".to_owned()),
        created_at: datetime!(2026-03-01 12:00 UTC),
    }
}

/// What a payment can go through: each report is older than the ones after it.
fn a_history() -> Vec<Payment> {
    let told = |report| Payment {
        subscription_id: Some(SubscriptionId(Uuid::from_u128(5))),
        document_url: Some("https://pay.example/receipt".to_owned()),
        tax: usd(400),
        ..report
    };
    vec![
        Payment { checkout_id: Some(CheckoutId(Uuid::from_u128(4))), ..a_report(Pending, 0) },
        a_report(Unknown, 0),
        a_report(Failed, 0),
        told(a_report(Completed, 0)),
        told(a_report(PartiallyRefunded, 900)),
        told(a_report(PartiallyRefunded, 1900)),
        told(a_report(Refunded, 2900)),
        told(a_report(Disputed, 2900)),
    ]
}

#[test]
fn statuses_come_back_from_their_names_and_are_in_order() {
    for status in PaymentStatus::ALL {
        assert_eq!(status.name().parse(), Ok(status));
    }
    assert!("paid".parse::<PaymentStatus>().is_err());
    assert!(PaymentStatus::ALL.is_sorted());
    let captured: Vec<_> = PaymentStatus::ALL.into_iter().filter(|s| s.captured()).collect();
    assert_eq!(captured, [Completed, PartiallyRefunded, Refunded, Disputed]);
}

/// What is known, what is reported, and what is known then; `true` where that is news.
#[test]
fn reports_move_a_payment_only_forward() {
    for (known, reported, then, news) in [
        ((Pending, 0), (Completed, 0), (Completed, 0), true),
        ((Unknown, 0), (Failed, 0), (Failed, 0), true),
        ((Unknown, 0), (Completed, 0), (Completed, 0), true),
        ((Failed, 0), (Completed, 0), (Completed, 0), true),
        ((Failed, 0), (Pending, 0), (Failed, 0), false),
        ((Completed, 0), (Completed, 0), (Completed, 0), false),
        ((Completed, 0), (Failed, 0), (Completed, 0), false),
        ((Completed, 0), (Unknown, 0), (Completed, 0), false),
        ((Completed, 0), (Disputed, 0), (Disputed, 0), true),
        ((PartiallyRefunded, 5), (Completed, 0), (PartiallyRefunded, 5), false),
        ((PartiallyRefunded, 5), (PartiallyRefunded, 7), (PartiallyRefunded, 7), true),
        ((PartiallyRefunded, 7), (PartiallyRefunded, 5), (PartiallyRefunded, 7), false),
        ((Disputed, 0), (Completed, 0), (Disputed, 0), false),
        ((Disputed, 0), (Refunded, 2900), (Refunded, 2900), true),
    ] {
        let mut payment = a_report(known.0, known.1);
        let seen = payment.observe(&a_report(reported.0, reported.1));
        assert_eq!((payment.status, payment.refunded.minor()), then, "{known:?} {reported:?}");
        assert_eq!(seen, news, "{known:?} {reported:?}");
    }
}

#[test]
fn an_older_report_still_tells_what_it_was_for() {
    let mut payment = a_report(Completed, 0);
    let checkout_id = Some(CheckoutId(Uuid::from_u128(4)));
    let document_url = Some("https://pay.example/receipt".to_owned());
    let older = Payment { checkout_id, document_url, ..a_report(Pending, 0) };
    assert!(payment.observe(&older));
    assert_eq!((payment.status, payment.checkout_id), (Completed, checkout_id));
    assert_eq!(payment.document_url, older.document_url);
}

#[test]
fn of_two_reports_that_tell_of_the_same_the_later_stands() {
    let mut payment = a_report(Failed, 0);
    let failure = Some("insufficient_funds".to_owned());
    assert!(payment.observe(&Payment { failure: failure.clone(), ..a_report(Failed, 0) }));
    assert_eq!(payment.failure, failure);
}

#[test]
fn a_failure_is_forgotten_when_the_money_comes() {
    let mut payment = a_report(Failed, 0);
    payment.observe(&a_report(Completed, 0));
    assert_eq!(payment.failure, None);
    assert!(!payment.observe(&a_report(Failed, 0)));
    assert_eq!(payment.failure, None);
}

proptest! {
    /// Any of the reports, in any order and some of them twice; the first makes the record.
    #[test]
    fn reports_in_any_order_end_in_the_same_state(
        (some, mut shuffled) in prop::sample::subsequence(a_history(), 1..=8)
            .prop_flat_map(|some| (Just(some.clone()), Just(some).prop_shuffle())),
        repeated in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
    ) {
        shuffled.extend(repeated.iter().map(|index| index.get(&some).clone()));
        prop_assert_eq!(observed(&some), observed(&shuffled));
    }

    #[test]
    fn a_repeated_report_is_no_news(
        reports in prop::collection::vec(prop::sample::select(a_history()), 1..10),
    ) {
        let mut payment = observed(&reports);
        for report in &reports {
            prop_assert!(!payment.observe(report));
        }
    }
}

fn observed(reports: &[Payment]) -> Payment {
    let (first, rest) = reports.split_first().unwrap();
    let mut payment = first.clone();
    for report in rest {
        payment.observe(report);
    }
    payment
}
