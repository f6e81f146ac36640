//! Invoices of a gateway, as they stand there.

use billing_domain::{
    invoice::{Bill, InvoiceStatus, Party},
    money::Money,
};
use time::OffsetDateTime;

/// What stands on an invoice of a gateway.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SeenDocument {
    /// Its number; a draft may have none.
    pub number: Option<String>,
    /// Where it stands.
    pub status: InvoiceStatus,
    /// What is to be paid, and why. Prices stand there by the gateway's ids.
    pub bill: Bill,
    /// What was paid of it.
    pub amount_paid: Money,
    /// Who sells, in its words.
    pub seller: Party,
    /// Who buys, in its words.
    pub buyer: Party,
    /// Its page on which the invoice can be looked at and paid.
    pub hosted_url: Option<String>,
    /// Its document.
    pub pdf_url: Option<String>,
    /// When it was drawn up.
    pub created_at: OffsetDateTime,
    /// When it was made final.
    pub issued_at: Option<OffsetDateTime>,
    /// Until when it is to be paid.
    pub due_at: Option<OffsetDateTime>,
    /// When it was paid.
    pub paid_at: Option<OffsetDateTime>,
}
