use proptest::prelude::*;
use time::{Duration, macros::datetime};
use uuid::Uuid;

use super::*;
use crate::{currency::Currency, gateway::Gateway, money::MoneyError};

const NOON: OffsetDateTime = datetime!(2026-03-14 12:00 UTC);

fn eur(minor: i64) -> Money {
    Money::new(minor, Currency::EUR)
}

fn a_line(amount: Money) -> Line {
    Line {
        kind: LineKind::OneOff,
        description: "A pack".to_owned(),
        quantity: 1,
        unit_amount: Some(amount),
        amount,
        period: None,
        bills: Billed::Nothing,
    }
}

fn a_deduction(amount: Money) -> Deduction {
    Deduction { description: "Less".to_owned(), amount }
}

fn a_tax(amount: Money, inclusive: bool) -> TaxLine {
    TaxLine {
        name: "VAT".to_owned(),
        jurisdiction: Some("DE".to_owned()),
        percent: Some(19.into()),
        inclusive,
        taxable: None,
        amount,
    }
}

fn parts(lines: &[i64]) -> Parts {
    Parts {
        currency: Currency::EUR,
        lines: lines.iter().map(|amount| a_line(eur(*amount))).collect(),
        discounts: Vec::new(),
        taxes: Vec::new(),
        credits: Vec::new(),
    }
}

fn a_draft(parts: Parts) -> Invoice {
    Invoice {
        id: InvoiceId(Uuid::from_u128(1)),
        organization_id: OrganizationId(Uuid::from_u128(2)),
        issuer: Issuer::Us,
        number: None,
        status: InvoiceStatus::Draft,
        bill: Bill::new(parts).unwrap(),
        paid: eur(0),
        seller: Party::default(),
        buyer: Party::default(),
        no_tax: None,
        subscription_id: None,
        payment_id: None,
        checkout_id: None,
        period: None,
        created_at: NOON,
        issued_at: None,
        due_at: None,
        paid_at: None,
    }
}

fn a_number() -> DocumentNumber {
    DocumentNumber { series: Series::Invoice, year: 2026, sequence: 1 }
}

#[test]
fn a_bill_adds_up() {
    let bill = Bill::new(Parts {
        discounts: vec![a_deduction(eur(100))],
        taxes: vec![a_tax(eur(171), false), a_tax(eur(7), true)],
        credits: vec![a_deduction(eur(71))],
        ..parts(&[1_500, -500])
    })
    .unwrap();
    assert_eq!((bill.subtotal(), bill.discount(), bill.tax()), (eur(1_000), eur(100), eur(171)));
    assert_eq!((bill.credit(), bill.total(), bill.tax_in_total()), (eur(71), eur(1_000), eur(178)));
    let stated = |total| Bill::stated(bill.parts().clone(), total);
    assert_eq!(stated(eur(1_000)), Ok(bill.clone()));
    let wrong = InvalidBill::DoesNotAddUp { stated: eur(999), sum: eur(1_000) };
    assert_eq!(stated(eur(999)), Err(wrong));
}

#[test]
fn what_is_no_bill_is_refused() {
    let dollars = a_line(Money::new(1, Currency::USD));
    let mixed = Parts { lines: vec![dollars], ..parts(&[1]) };
    let mismatch = MoneyError::CurrencyMismatch(Currency::EUR, Currency::USD);
    assert_eq!(Bill::new(mixed), Err(InvalidBill::Money(mismatch)));
    assert_eq!(Bill::new(parts(&[i64::MAX, 1])), Err(InvalidBill::Money(MoneyError::Overflow)));
    assert_eq!(Bill::new(parts(&[-1])), Err(InvalidBill::Negative(eur(-1))));
    let dearer = Parts { discounts: vec![a_deduction(eur(-1))], ..parts(&[1]) };
    assert_eq!(Bill::new(dearer), Err(InvalidBill::Discount(eur(-1))));
}

#[test]
fn what_an_invoice_owes_becomes_a_credit() {
    let owes = Parts { credits: vec![a_deduction(eur(-500))], ..parts(&[-500]) };
    assert_eq!(Bill::new(owes).unwrap().total(), eur(0));
}

/// In each status: whether it can be finalized, paid, voided and given up. `None` where that is
/// not news.
#[test]
fn only_legal_moves_are_made() {
    let yes = Some(true);
    let table = [
        (InvoiceStatus::Draft, yes, Some(false), Some(false), Some(false)),
        (InvoiceStatus::Open, Some(false), yes, yes, yes),
        (InvoiceStatus::Uncollectible, Some(false), yes, yes, None),
        (InvoiceStatus::Paid, Some(false), None, Some(false), Some(false)),
        (InvoiceStatus::Void, Some(false), Some(false), None, Some(false)),
    ];
    let outcome = |moved: Result<bool, IllegalMove>| match moved {
        Ok(true) => Some(true),
        Ok(false) => None,
        Err(_) => Some(false),
    };
    for (status, finalizes, pays, voids, gives_up) in table {
        let invoice = Invoice { status, ..a_draft(parts(&[100])) };
        let payment = PaymentId(Uuid::from_u128(3));
        let finalized = invoice.clone().finalize(a_number(), NOON).map(|()| true);
        assert_eq!(outcome(finalized), finalizes, "{status:?} finalized");
        assert_eq!(outcome(invoice.clone().pay(payment, NOON)), pays, "{status:?} paid");
        assert_eq!(outcome(invoice.clone().void()), voids, "{status:?} voided");
        assert_eq!(outcome(invoice.clone().give_up()), gives_up, "{status:?} given up");
        assert_eq!(status.name().parse(), Ok(status));
    }
}

#[test]
fn an_invoice_goes_from_draft_to_paid() {
    let mut invoice = a_draft(parts(&[1_500]));
    assert_eq!(invoice.due(), eur(1_500));
    invoice.finalize(a_number(), NOON).unwrap();
    assert_eq!((invoice.number.as_deref(), invoice.issued_at), (Some("2026-000001"), Some(NOON)));
    let payment = PaymentId(Uuid::from_u128(3));
    assert!(invoice.pay(payment, NOON).unwrap());
    assert_eq!((invoice.paid, invoice.due()), (eur(1_500), eur(0)));
    assert_eq!(invoice.payment_id, Some(payment));
    let late = invoice.void().unwrap_err();
    assert_eq!(late.to_string(), "an invoice that is paid cannot be voided");
}

fn a_copy(status: InvoiceStatus, seconds: i64) -> Invoice {
    Invoice {
        issuer: Issuer::Gateway {
            reference: GatewayRef::new(Gateway::Stripe, "in_1"),
            hosted_url: None,
            pdf_url: None,
            observed_at: NOON + Duration::seconds(seconds),
        },
        status,
        number: Some(format!("A-{seconds}")),
        ..a_draft(parts(&[100]))
    }
}

#[test]
fn links_to_our_records_are_kept() {
    let payment_id = Some(PaymentId(Uuid::from_u128(9)));
    let mut known = Invoice { payment_id, ..a_copy(InvoiceStatus::Open, 0) };
    assert!(known.observe(&a_copy(InvoiceStatus::Paid, 1)));
    assert_eq!((known.payment_id, known.status), (payment_id, InvoiceStatus::Paid));
    let mut known = a_copy(InvoiceStatus::Paid, 1);
    assert!(known.observe(&Invoice { payment_id, ..a_copy(InvoiceStatus::Open, 0) }));
    assert_eq!((known.payment_id, known.status), (payment_id, InvoiceStatus::Paid));
}

#[test]
fn being_seen_again_is_no_news() {
    let mut known = a_copy(InvoiceStatus::Open, 0);
    let again = Invoice { number: known.number.clone(), ..a_copy(InvoiceStatus::Open, 5) };
    assert!(!known.observe(&again));
    assert_eq!(known, again, "but later reports count from then");
}

fn a_status() -> impl Strategy<Value = InvoiceStatus> {
    prop::sample::select(vec![
        InvoiceStatus::Draft,
        InvoiceStatus::Open,
        InvoiceStatus::Uncollectible,
        InvoiceStatus::Paid,
    ])
}

proptest! {
    #[test]
    fn reports_in_any_order_and_number_end_in_the_same(
        reports in prop::collection::vec((a_status(), 0_i64..50), 1..8),
        order in prop::collection::vec(any::<prop::sample::Index>(), 0..30),
    ) {
        let mut reports: Vec<_> =
            reports.into_iter().map(|(status, at)| a_copy(status, at)).collect();
        let fold = |all: &[Invoice]| {
            let mut known = all.first().unwrap().clone();
            for report in all.iter().skip(1) {
                known.observe(report);
            }
            known
        };
        let once = fold(&reports);
        let again = order.iter().map(|at| at.get(&reports).clone()).collect::<Vec<_>>();
        reports.reverse();
        reports.extend(again);
        prop_assert_eq!(fold(&reports), once);
    }

    #[test]
    fn a_bill_is_the_sum_of_its_parts(
        lines in prop::collection::vec(-1_000_000_i64..1_000_000, 0..10),
        discounts in prop::collection::vec(0_i64..1_000, 0..3),
        taxes in prop::collection::vec((-1_000_i64..1_000, any::<bool>()), 0..3),
        credits in prop::collection::vec(-1_000_i64..1_000, 0..3),
    ) {
        let on_top: i64 = taxes.iter().filter(|(_, inside)| !inside).map(|(tax, _)| tax).sum();
        let off: i64 = discounts.iter().chain(&credits).sum();
        let sum = lines.iter().sum::<i64>() - off + on_top;
        let parts = Parts {
            discounts: discounts.iter().map(|it| a_deduction(eur(*it))).collect(),
            taxes: taxes.iter().map(|(tax, inside)| a_tax(eur(*tax), *inside)).collect(),
            credits: credits.iter().map(|it| a_deduction(eur(*it))).collect(),
            ..parts(&lines)
        };
        match Bill::new(parts) {
            Ok(bill) => prop_assert_eq!(bill.total(), eur(sum)),
            Err(error) => prop_assert_eq!(error, InvalidBill::Negative(eur(sum))),
        }
    }

    #[test]
    fn all_tax_is_given_back_with_all_money_in_any_steps(
        total in 1_i64..1_000_000,
        shares in prop::collection::vec(0_i64..1_000, 1..4),
        steps in prop::collection::vec(0_i64..=1_000, 0..6),
    ) {
        let taxes: Vec<_> =
            shares.iter().map(|share| a_tax(eur(total * share / 4_000), true)).collect();
        let invoice = a_draft(Parts { taxes: taxes.clone(), ..parts(&[total]) });
        let mut levels: Vec<_> = steps.iter().map(|step| total * step / 1_000).collect();
        levels.extend([0, total]);
        levels.sort_unstable();
        let mut given = vec![0; taxes.len()];
        for step in levels.windows(2) {
            let back = invoice.tax_given_back((eur(step[0]), eur(step[1])));
            for (sum, tax) in given.iter_mut().zip(&back) {
                prop_assert!(tax.amount.minor() >= 0);
                *sum += tax.amount.minor();
            }
        }
        let all: Vec<_> = taxes.iter().map(|tax| tax.amount.minor()).collect();
        prop_assert_eq!(given, all);
    }
}
