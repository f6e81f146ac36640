//! Invoices, credit notes and payments, as people look at them.

use billing_domain::{
    id::{CreditNoteId, InvoiceId, OrganizationId, PaymentId},
    invoice::{CreditNote, Invoice},
    payment::Payment,
};
use uuid::Uuid;

use crate::{
    Billing, Error, Missing,
    ports::{InvoiceFilter, Page},
};

/// More credit notes on one invoice than there will be.
const NOTES_MAX: i64 = 1_000;

/// Something that stands in the billing history.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum HistoryEntry {
    /// A payment, with what was given back of it.
    Payment(Payment),
    /// An invoice, ours or a gateway's.
    Invoice(Box<Invoice>),
    /// A document on money that was given back.
    CreditNote(CreditNote),
}

/// A page of the billing history, by the id of the entry.
pub type HistoryPage = Page<Uuid>;

impl HistoryEntry {
    /// Its id. Ids are made in the order of time, whatever they are of.
    pub fn id(&self) -> Uuid {
        match self {
            Self::Payment(payment) => payment.id.0,
            Self::Invoice(invoice) => invoice.id.0,
            Self::CreditNote(note) => note.id.0,
        }
    }
}

impl Billing {
    /// An organization's payments, invoices and credit notes, the newest first.
    pub async fn history(
        &self,
        id: OrganizationId,
        page: HistoryPage,
    ) -> Result<Vec<HistoryEntry>, Error> {
        let Page { after, limit } = page;
        let money = &self.ports.money;
        let payments = self.payments(id, Page { after: after.map(PaymentId), limit }).await?;
        let invoices = Page { after: after.map(InvoiceId), limit };
        let invoices = money.invoices(id, InvoiceFilter::default(), invoices).await?;
        let notes = Page { after: after.map(CreditNoteId), limit };
        let notes = money.credit_notes(id, None, notes).await?;
        let mut all: Vec<_> = payments.into_iter().map(HistoryEntry::Payment).collect();
        all.extend(invoices.into_iter().map(Box::new).map(HistoryEntry::Invoice));
        all.extend(notes.into_iter().map(HistoryEntry::CreditNote));
        all.sort_by_key(|entry| core::cmp::Reverse(entry.id()));
        all.truncate(usize::try_from(limit).unwrap_or_default());
        Ok(all)
    }

    /// An organization's invoices that a filter lets through, the newest first.
    pub async fn invoices(
        &self,
        id: OrganizationId,
        filter: InvoiceFilter,
        page: Page<InvoiceId>,
    ) -> Result<Vec<Invoice>, Error> {
        self.organization(id).await?;
        self.ports.money.invoices(id, filter, page).await
    }

    /// One of an organization's invoices, with the credit notes on it, the newest first.
    pub async fn invoice(
        &self,
        organization: OrganizationId,
        id: InvoiceId,
    ) -> Result<(Invoice, Vec<CreditNote>), Error> {
        self.organization(organization).await?;
        let found = self.ports.money.invoice(organization, id).await?;
        let invoice = found.ok_or(Error::NotFound(Missing::Invoice))?;
        let all = Page { after: None, limit: NOTES_MAX };
        let notes = self.ports.money.credit_notes(organization, Some(id), all).await?;
        Ok((invoice, notes))
    }
}
