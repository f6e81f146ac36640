//! The invariants of invoices: each of them sees what it is there for.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use billing_app::ports::{Scope, Store, UnitOfWork};
use billing_domain::{
    event::{Event, What},
    invoice::{CreditNote, Deduction, Invoice, InvoiceStatus, Issuer, Parts, Series, TaxLine},
    money::Money,
    payment::{Payment, PaymentStatus},
};
use billing_postgres::{Database, INVARIANTS};
use billing_testkit::{
    NOON,
    builders::{a_fresh_id, a_payment, an_invoice, an_organization},
};
use diesel::{QueryableByName, sql_query, sql_types::BigInt};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};

use crate::scratch::Scratch;

/// How each invariant can be broken, by the beginning of its name.
const TAMPERING: &[(&str, &str)] = &[
    ("I1 an invoice adds up", "UPDATE invoices SET total = total + 1 WHERE gateway IS NOT NULL"),
    ("I1 an invoice adds up", "UPDATE invoice_lines SET amount = amount - 1"),
    ("I1 an invoice adds up", "DELETE FROM invoice_lines"),
    ("I1 an invoice adds up", "UPDATE invoices SET discounts = '[]' WHERE gateway IS NULL"),
    ("I1 an invoice adds up", "UPDATE invoices SET credits = '[]' WHERE gateway IS NULL"),
    ("I1 an invoice adds up", "UPDATE invoices SET taxes = '[]' WHERE gateway IS NULL"),
    ("I2 invoices of ours", "UPDATE document_numbers SET last = last + 1"),
    ("I2 invoices of ours", "DELETE FROM credit_notes"),
    ("I2 invoices of ours", "DELETE FROM document_numbers WHERE series = 'invoice'"),
    ("I2 invoices of ours", "UPDATE invoices SET number = '2026-000003' WHERE gateway IS NULL"),
    ("I3 an invoice of ours", "UPDATE invoices SET payment_id = NULL WHERE gateway IS NULL"),
    ("I3 an invoice of ours", "UPDATE payments SET amount = amount + 1"),
    ("I3 an invoice of ours", "UPDATE payments SET status = 'failed'"),
    ("I4 what was given back", "UPDATE credit_notes SET amount = amount + 1"),
    ("I4 what was given back", "UPDATE payments SET refunded = 0"),
    ("I4 what was given back", "UPDATE credit_notes SET taxes = '[]'"),
    ("I5 append only", "GRANT UPDATE ON credit_notes TO billing_engine"),
    ("I5 append only", "GRANT DELETE ON invoices TO billing_app"),
    ("O1 outbox: every invoice", "DELETE FROM outbox WHERE type = 'invoice.updated'"),
    ("O1 outbox: every invoice", "UPDATE invoices SET status = 'void' WHERE gateway IS NOT NULL"),
    ("T1 tenant: an invoice", "DELETE FROM gateway_objects WHERE kind = 'invoice'"),
    (
        "T1 tenant: an invoice",
        "UPDATE gateway_objects SET organization_id = gen_random_uuid() WHERE kind = 'invoice'",
    ),
];

#[derive(QueryableByName)]
struct Found {
    #[diesel(sql_type = BigInt)]
    rows: i64,
}

fn told(invoice: &Invoice) -> Event {
    Event {
        id: a_fresh_id(),
        organization_id: invoice.organization_id,
        at: NOON,
        what: What::InvoiceUpdated {
            invoice_id: invoice.id,
            number: invoice.number.clone(),
            status: invoice.status,
            total: invoice.bill.total(),
        },
    }
}

/// An invoice of ours with everything on it, given back in full, and a copy.
async fn invoices(database: &Database) {
    let organization = an_organization();
    let organization_id = organization.id;
    let mut work = database.begin(Scope::Engine).await.unwrap();
    work.organizations().insert(&organization, &[]).await.unwrap();
    let copy = Invoice { organization_id, ..an_invoice() };
    work.invoices().save(&copy, &[told(&copy)]).await.unwrap();

    let usd = |minor| Money::new(minor, a_payment().amount.currency());
    let less = |minor| vec![Deduction { description: "Less".to_owned(), amount: usd(minor) }];
    let tax = |inclusive, minor| TaxLine {
        name: "VAT".to_owned(),
        jurisdiction: None,
        percent: None,
        inclusive,
        taxable: None,
        amount: usd(minor),
    };
    let parts = Parts {
        discounts: less(100),
        taxes: vec![tax(false, 50), tax(true, 30)],
        credits: less(25),
        ..an_invoice().bill.parts().clone()
    };
    let bill = billing_domain::invoice::Bill::new(parts).unwrap();
    let amount = bill.total();
    let payment = Payment {
        organization_id,
        amount,
        refunded: amount,
        status: PaymentStatus::Refunded,
        ..a_payment()
    };
    let paid = What::PaymentUpdated { payment_id: payment.id, status: payment.status, amount };
    let paid = Event { id: a_fresh_id(), organization_id, at: NOON, what: paid };
    work.payments().save(&payment, &[paid]).await.unwrap();
    let number = work.invoices().next_number(Series::Invoice, 2026).await.unwrap();
    let own = Invoice {
        organization_id,
        issuer: Issuer::Us,
        number: Some(number.to_string()),
        status: InvoiceStatus::Paid,
        bill,
        paid: amount,
        payment_id: Some(payment.id),
        ..an_invoice()
    };
    work.invoices().save(&own, &[told(&own)]).await.unwrap();
    give_back(&mut *work, &own, &payment).await;
    work.commit().await.unwrap();
}

async fn give_back(work: &mut dyn UnitOfWork, invoice: &Invoice, payment: &Payment) {
    let nothing = Money::zero(payment.amount.currency());
    let number = work.invoices().next_number(Series::CreditNote, 2026).await.unwrap();
    let note = CreditNote {
        id: a_fresh_id(),
        organization_id: invoice.organization_id,
        number: number.to_string(),
        invoice_id: invoice.id,
        payment_id: payment.id,
        amount: payment.refunded,
        taxes: invoice.tax_given_back((nothing, payment.refunded)),
        issued_at: NOON,
    };
    work.invoices().issue(&note, &[]).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn every_invariant_of_invoices_sees_what_it_is_there_for() {
    let scratch = Scratch::new().await;
    let database = scratch.database();
    invoices(&database).await;
    assert_eq!(database.violations().await.unwrap(), []);
    let mut admin = AsyncPgConnection::establish(&scratch.admin_url).await.unwrap();
    let of_invoices = |name: &str| {
        name.starts_with('I') || name.contains(": an invoice") || name.contains(": every invoice")
    };
    for (name, query) in INVARIANTS.iter().filter(|(name, _)| of_invoices(name)) {
        let ways = || TAMPERING.iter().filter(|(begins, _)| name.starts_with(begins));
        assert!(ways().count() > 0, "nobody breaks \"{name}\"");
        for (_, tampering) in ways() {
            admin.batch_execute(&format!("BEGIN; {tampering}")).await.unwrap();
            let count = sql_query(format!("SELECT count(*) AS rows FROM ({query}) broken"));
            let found: Found = count.get_result(&mut admin).await.unwrap();
            assert!(found.rows > 0, "{name} does not see: {tampering}");
            admin.batch_execute("ROLLBACK").await.unwrap();
        }
    }
    assert_eq!(database.violations().await.unwrap(), []);
}
