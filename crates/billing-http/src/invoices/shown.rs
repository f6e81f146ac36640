//! Invoices and credit notes, as they are answered.

use billing_domain::invoice::{CreditNote as NoteRecord, Invoice as Record, Issuer};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::parts::{Deduction, Line, Party, Tax};
use crate::{moment::Moment, money::Money};

/// An invoice. `total = subtotal − discount + tax − credit`.
#[derive(Serialize, ToSchema)]
pub(crate) struct Invoice {
    id: Uuid,
    /// Who draws it up: `us`, or the gateway of which it is a copy.
    #[schema(example = "us")]
    issuer: &'static str,
    /// What the gateway calls it.
    gateway_invoice_id: Option<String>,
    /// Ours are numbered without gaps in a year; a draft has none.
    #[schema(example = "2026-000123")]
    number: Option<String>,
    /// `draft`, `open`, `uncollectible`, `paid` or `void`.
    #[schema(example = "paid")]
    status: &'static str,
    lines: Vec<Line>,
    /// The sum of the lines.
    subtotal: Money,
    discount: Money,
    discounts: Vec<Deduction>,
    /// The tax on top of the lines.
    tax: Money,
    /// Every tax, on top or in the prices.
    taxes: Vec<Tax>,
    /// Why there is no tax, where we decided so: `no_seller_country`, `no_buyer_country`,
    /// `no_rate`, `reverse_charge` or `not_charged`.
    no_tax: Option<&'static str>,
    /// What was to the customer's credit.
    credit: Money,
    credits: Vec<Deduction>,
    total: Money,
    amount_paid: Money,
    amount_due: Money,
    seller: Party,
    buyer: Party,
    subscription_id: Option<Uuid>,
    payment_id: Option<Uuid>,
    checkout_id: Option<Uuid>,
    period_start: Option<Moment>,
    period_end: Option<Moment>,
    /// The gateway's page on which it can be looked at and paid.
    hosted_url: Option<String>,
    /// The gateway's document.
    pdf_url: Option<String>,
    created_at: Moment,
    /// When it was made final.
    issued_at: Option<Moment>,
    due_at: Option<Moment>,
    paid_at: Option<Moment>,
}

/// An invoice, with the credit notes on it.
#[derive(Serialize, ToSchema)]
pub(crate) struct InvoiceWithNotes {
    #[serde(flatten)]
    invoice: Invoice,
    /// The newest first.
    credit_notes: Vec<CreditNote>,
}

/// A document on money that was given back.
#[derive(Serialize, ToSchema)]
pub(crate) struct CreditNote {
    id: Uuid,
    /// Without gaps in a year.
    #[schema(example = "CN-2026-000007")]
    number: String,
    invoice_id: Uuid,
    payment_id: Uuid,
    /// How much, tax included.
    amount: Money,
    /// The tax in it.
    taxes: Vec<Tax>,
    issued_at: Moment,
}

impl InvoiceWithNotes {
    pub(crate) fn of(invoice: Record, notes: Vec<NoteRecord>) -> Self {
        Self {
            invoice: invoice.into(),
            credit_notes: notes.into_iter().map(CreditNote::from).collect(),
        }
    }
}

impl From<Record> for Invoice {
    fn from(invoice: Record) -> Self {
        let due = invoice.due();
        let bill = &invoice.bill;
        let parts = bill.parts();
        let (gateway_invoice_id, hosted_url, pdf_url) = match &invoice.issuer {
            Issuer::Us => (None, None, None),
            Issuer::Gateway { reference, hosted_url, pdf_url, observed_at: _ } => {
                (Some(reference.id.clone()), hosted_url.clone(), pdf_url.clone())
            }
        };
        Self {
            id: invoice.id.0,
            issuer: invoice.issuer.name(),
            gateway_invoice_id,
            number: invoice.number.clone(),
            status: invoice.status.name(),
            lines: parts.lines.iter().map(Line::from).collect(),
            subtotal: bill.subtotal().into(),
            discount: bill.discount().into(),
            discounts: parts.discounts.iter().map(Deduction::from).collect(),
            tax: bill.tax().into(),
            taxes: parts.taxes.iter().map(Tax::from).collect(),
            no_tax: invoice.no_tax.map(|why| why.name()),
            credit: bill.credit().into(),
            credits: parts.credits.iter().map(Deduction::from).collect(),
            total: bill.total().into(),
            amount_paid: invoice.paid.into(),
            amount_due: due.into(),
            subscription_id: invoice.subscription_id.map(|id| id.0),
            payment_id: invoice.payment_id.map(|id| id.0),
            checkout_id: invoice.checkout_id.map(|id| id.0),
            period_start: invoice.period.map(|it| Moment(it.start)),
            period_end: invoice.period.map(|it| Moment(it.end)),
            hosted_url,
            pdf_url,
            created_at: Moment(invoice.created_at),
            issued_at: invoice.issued_at.map(Moment),
            due_at: invoice.due_at.map(Moment),
            paid_at: invoice.paid_at.map(Moment),
            seller: invoice.seller.into(),
            buyer: invoice.buyer.into(),
        }
    }
}

impl From<NoteRecord> for CreditNote {
    fn from(note: NoteRecord) -> Self {
        Self {
            id: note.id.0,
            number: note.number,
            invoice_id: note.invoice_id.0,
            payment_id: note.payment_id.0,
            amount: note.amount.into(),
            taxes: note.taxes.iter().map(Tax::from).collect(),
            issued_at: Moment(note.issued_at),
        }
    }
}
