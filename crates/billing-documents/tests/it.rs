//! An invoice as people read it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use billing_documents::{Document, STYLE, html, pdf};
use billing_domain::{
    currency::Currency,
    id::{CreditNoteId, InvoiceId, OrganizationId, PaymentId},
    invoice::{
        Bill, Billed, CreditNote, Deduction, Invoice, InvoiceStatus, Issuer, Line, LineKind, Parts,
        Party, TaxLine,
    },
    locale::Locale,
    money::Money,
    period::Period,
    tax::NoTax,
};
use time::{Duration, OffsetDateTime, macros::datetime};
use uuid::Uuid;

const NOON: OffsetDateTime = datetime!(2026-11-20 12:00 UTC);

fn egp(minor: i64) -> Money {
    Money::new(minor, Currency::EGP)
}

fn a_line(description: &str, amount: i64) -> Line {
    Line {
        kind: LineKind::Recurring,
        description: description.to_owned(),
        quantity: 2,
        unit_amount: Some(egp(amount / 2)),
        amount: egp(amount),
        period: Some(Period { start: NOON, end: NOON + Duration::days(30) }),
        bills: Billed::Nothing,
    }
}

fn an_invoice(lines: Vec<Line>) -> Invoice {
    let parts = Parts {
        currency: Currency::EGP,
        lines,
        discounts: vec![Deduction { description: "Less".to_owned(), amount: egp(1_000) }],
        taxes: vec![TaxLine {
            name: "VAT".to_owned(),
            jurisdiction: Some("EG".to_owned()),
            percent: Some(14.into()),
            inclusive: true,
            taxable: None,
            amount: egp(1_234),
        }],
        credits: Vec::new(),
    };
    Invoice {
        id: InvoiceId(Uuid::from_u128(1)),
        organization_id: OrganizationId(Uuid::from_u128(2)),
        issuer: Issuer::Us,
        number: Some("2026-000123".to_owned()),
        status: InvoiceStatus::Paid,
        bill: Bill::new(parts).unwrap(),
        paid: egp(0),
        seller: Party {
            name: "Müller & Søn GmbH".to_owned(),
            address: Some("Straße 1\n10115 Berlin".to_owned()),
            country: Some("DE".parse().unwrap()),
            tax_id: Some("DE136695976".to_owned()),
            ..Party::default()
        },
        buyer: Party {
            name: "شركة النيل للبرمجيات (Nile)".to_owned(),
            email: Some("billing@nile.example".to_owned()),
            country: Some("EG".parse().unwrap()),
            ..Party::default()
        },
        no_tax: Some(NoTax::ReverseCharge),
        subscription_id: None,
        payment_id: None,
        checkout_id: None,
        period: None,
        created_at: NOON,
        issued_at: Some(NOON),
        due_at: None,
        paid_at: Some(NOON),
    }
}

fn a_note() -> CreditNote {
    CreditNote {
        id: CreditNoteId(Uuid::from_u128(3)),
        organization_id: OrganizationId(Uuid::from_u128(2)),
        number: "CN-2026-000007".to_owned(),
        invoice_id: InvoiceId(Uuid::from_u128(1)),
        payment_id: PaymentId(Uuid::from_u128(4)),
        amount: egp(500),
        taxes: Vec::new(),
        issued_at: NOON,
    }
}

fn a_document(locale: Locale) -> Document {
    let lines = vec![a_line("خطة النمو — Growth plan", 1_234_500), a_line("<b>&\"'", 100)];
    Document::of(&an_invoice(lines), &[a_note()], locale)
}

#[test]
fn html_has_everything_escaped_in_both_languages() {
    let english = html(&a_document(Locale::En)).unwrap();
    for part in [
        "<html lang=\"en\" dir=\"ltr\">",
        "2026-000123",
        "20 November 2026",
        "EGP 12,345.00",
        "EGP -10.00",
        "VAT 14% EG (included)",
        "Müller &#38; Søn GmbH",
        "&#60;b&#62;&#38;&#34;&#39;",
        "Reverse charge",
        "CN-2026-000007",
        STYLE,
    ] {
        assert!(english.contains(part), "{part} in {english}");
    }
    assert!(!english.contains("<b>") && !english.contains("<script"));
    let arabic = html(&a_document(Locale::Ar)).unwrap();
    for part in [
        "<html lang=\"ar\" dir=\"rtl\">",
        "<h1>فاتورة</h1>",
        "20 نوفمبر 2026",
        "EGP 12,345.00",
        "ضريبة القيمة المضافة 14% EG (مشمولة)",
    ] {
        assert!(arabic.contains(part), "{part} in {arabic}");
    }
}

#[test]
fn a_pdf_is_the_same_each_time_and_small() {
    for locale in Locale::ALL {
        let document = a_document(locale);
        let bytes = pdf(&document).unwrap();
        assert_eq!(bytes, pdf(&document).unwrap(), "{locale:?}");
        assert!(bytes.starts_with(b"%PDF-") && bytes.ends_with(b"%%EOF"));
        assert!(bytes.len() < 100_000, "{} bytes", bytes.len());
        let text = String::from_utf8_lossy(&bytes);
        assert_eq!(text.matches("/Type /Page\n").count(), 1);
        assert!(text.contains("/ToUnicode") && text.contains("/Identity-H"));
        assert!(text.contains(&format!("/Lang ({})", locale.name())));
    }
}

#[test]
fn a_long_invoice_goes_on_over_pages() {
    let lines = (0..200).map(|nth| a_line(&format!("Line {nth}"), 1_000)).collect();
    let document = Document::of(&an_invoice(lines), &[], Locale::En);
    let bytes = pdf(&document).unwrap();
    let text = String::from_utf8_lossy(&bytes);
    assert!(text.matches("/Type /Page\n").count() > 5);
    let word = "x".repeat(2_000);
    let strange = format!("{word} \u{202E}\u{0}\u{FFFF}漢字 \u{1F600} {}", "كلمة ".repeat(300));
    let strange = Document::of(&an_invoice(vec![a_line(&strange, 9_999)]), &[], Locale::Ar);
    assert!(pdf(&strange).unwrap().starts_with(b"%PDF-"));
}
