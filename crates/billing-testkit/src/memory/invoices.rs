//! Invoices and credit notes, inside a unit of work.

use async_trait::async_trait;
use billing_app::{Error, ports::Invoices};
use billing_domain::{
    event::Event,
    gateway::GatewayRef,
    id::{InvoiceId, OrganizationId, PaymentId, SubscriptionId},
    invoice::{
        Billed, BilledUse, CreditNote, DocumentNumber, Invoice, InvoiceStatus, Issuer, Line, Series,
    },
};
use time::OffsetDateTime;

use super::unit::Unit;

#[async_trait]
impl Invoices for Unit {
    async fn by_reference(&mut self, reference: &GatewayRef) -> Result<Option<Invoice>, Error> {
        self.shared.reachable()?;
        let mut all = self.world.invoices.values();
        let found = all.find(|one| named(one) == Some(reference));
        Ok(found.filter(|one| self.sees(one.organization_id)).cloned())
    }

    async fn find(
        &mut self,
        organization: OrganizationId,
        id: InvoiceId,
    ) -> Result<Option<Invoice>, Error> {
        self.shared.reachable()?;
        let found = self.world.invoices.get(&id);
        let own = found.filter(|one| one.organization_id == organization);
        Ok(own.filter(|_| self.sees(organization)).cloned())
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

    async fn of_period(
        &mut self,
        organization: OrganizationId,
        subscription: SubscriptionId,
        start: OffsetDateTime,
    ) -> Result<Option<Invoice>, Error> {
        self.shared.reachable()?;
        let mut all = self.world.invoices.values();
        let found = all.find(|one| {
            one.organization_id == organization
                && one.issuer.is_us()
                && one.subscription_id == Some(subscription)
                && one.period.is_some_and(|period| period.start == start)
                && one.status != InvoiceStatus::Void
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

    async fn billed_use(
        &mut self,
        organization: OrganizationId,
        subscription: SubscriptionId,
        since: OffsetDateTime,
    ) -> Result<Vec<BilledUse>, Error> {
        self.shared.reachable()?;
        let ours = self.world.invoices.values().filter(|one| {
            one.organization_id == organization
                && one.issuer.is_us()
                && one.status != InvoiceStatus::Void
                && self.sees(organization)
        });
        let lines = ours.flat_map(|one| &one.bill.parts().lines);
        let mut all: Vec<BilledUse> = Vec::new();
        for one in lines.filter_map(|line| billed_by(line, subscription)) {
            let same = |it: &&mut BilledUse| {
                (&it.meter, it.price_id, it.window) == (&one.meter, one.price_id, one.window)
            };
            match all.iter_mut().find(same) {
                Some(sum) => {
                    sum.used += one.used;
                    sum.amount = sum.amount.plus(one.amount)?;
                }
                None => all.push(one),
            }
        }
        all.retain(|it| it.window.end > since);
        all.sort_by(|a, b| (a.window, &a.meter).cmp(&(b.window, &b.meter)));
        Ok(all)
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

fn billed_by(line: &Line, subscription: SubscriptionId) -> Option<BilledUse> {
    let Billed::Use { subscription_id, price_id, meter, window, used } = &line.bills else {
        return None;
    };
    (*subscription_id == Some(subscription)).then_some(())?;
    let (meter, price_id) = (meter.clone(), (*price_id)?);
    Some(BilledUse { meter, price_id, window: *window, used: *used, amount: line.amount })
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
    let both_ours =
        one.organization_id == other.organization_id && one.issuer.is_us() && other.issuer.is_us();
    let same_payment = one.payment_id.is_some() && one.payment_id == other.payment_id;
    let begins = |invoice: &Invoice| invoice.period.map(|period| period.start);
    let counts = one.status != InvoiceStatus::Void && other.status != InvoiceStatus::Void;
    let same_period = counts
        && one.subscription_id.is_some()
        && one.subscription_id == other.subscription_id
        && begins(one).is_some()
        && begins(one) == begins(other);
    same_reference || both_ours && (same_payment || same_period)
}
