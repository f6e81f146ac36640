//! Invoices and credit notes, inside a unit of work.

use async_trait::async_trait;
use billing_app::{Error, ports::Invoices};
use billing_domain::{
    event::Event,
    gateway::GatewayRef,
    id::{InvoiceId, OrganizationId, PaymentId},
    invoice::{CreditNote, DocumentNumber, Invoice, Issuer, Series},
};

use super::unit::Unit;

#[async_trait]
impl Invoices for Unit {
    async fn by_reference(&mut self, reference: &GatewayRef) -> Result<Option<Invoice>, Error> {
        self.shared.reachable()?;
        let mut all = self.world.invoices.values();
        let found = all.find(|one| named(one) == Some(reference));
        Ok(found.filter(|one| self.sees(one.organization_id)).cloned())
    }

    async fn paid_by(
        &mut self,
        organization: OrganizationId,
        payment: PaymentId,
    ) -> Result<Option<Invoice>, Error> {
        self.shared.reachable()?;
        let mut all = self.world.invoices.values();
        let found = all.find(|one| {
            one.organization_id == organization
                && one.issuer.is_us()
                && one.payment_id == Some(payment)
        });
        Ok(found.filter(|_| self.sees(organization)).cloned())
    }

    async fn credit_notes(
        &mut self,
        organization: OrganizationId,
        invoice: InvoiceId,
    ) -> Result<Vec<CreditNote>, Error> {
        self.shared.reachable()?;
        let all = self.world.credit_notes.values();
        let of_it = all.filter(|one| {
            one.organization_id == organization
                && one.invoice_id == invoice
                && self.sees(organization)
        });
        Ok(of_it.cloned().collect())
    }

    async fn next_number(&mut self, series: Series, year: i32) -> Result<DocumentNumber, Error> {
        self.shared.reachable()?;
        let last = self.world.numbers.entry((series, year)).or_default();
        *last += 1;
        Ok(DocumentNumber { series, year, sequence: *last })
    }

    async fn save(&mut self, invoice: &Invoice, events: &[Event]) -> Result<(), Error> {
        let before = self.world.invoices.get(&invoice.id).map(|one| one.organization_id);
        self.may_replace(invoice.organization_id, before)?;
        let mut others = self.world.invoices.values().filter(|one| one.id != invoice.id);
        if others.any(|one| excludes(one, invoice)) {
            return Err(Error::Conflict("the record"));
        }
        self.world.invoices.insert(invoice.id, invoice.clone());
        self.world.events.extend_from_slice(events);
        Ok(())
    }

    async fn issue(&mut self, note: &CreditNote, events: &[Event]) -> Result<(), Error> {
        self.may_write(note.organization_id)?;
        if self.world.credit_notes.insert(note.id, note.clone()).is_some() {
            return Err(Error::Conflict("the record"));
        }
        self.world.events.extend_from_slice(events);
        Ok(())
    }
}

fn named(invoice: &Invoice) -> Option<&GatewayRef> {
    match &invoice.issuer {
        Issuer::Us => None,
        Issuer::Gateway { reference, .. } => Some(reference),
    }
}

/// Whether two invoices cannot both be there.
fn excludes(one: &Invoice, other: &Invoice) -> bool {
    let same_reference = named(one).is_some() && named(one) == named(other);
    let same_payment = one.organization_id == other.organization_id
        && one.issuer.is_us()
        && other.issuer.is_us()
        && one.payment_id.is_some()
        && one.payment_id == other.payment_id;
    same_reference || same_payment
}
