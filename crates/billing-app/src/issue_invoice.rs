//! An invoice of ours is issued before its money is taken.

use billing_domain::{
    catalogue::Catalogue,
    collection::Collection,
    id::{InvoiceId, OrganizationId, SubscriptionId},
    invoice::{Bill, Invoice, InvoiceStatus, Issuer, Parts, Party, Series, TaxLine},
    money::Money,
    organization::Organization,
    period::Period,
    tax::{Assessment, NoTax, TaxBehavior, TaxedSale, assess},
};
use time::UtcOffset;

use crate::{Billing, Error, Missing, ports::UnitOfWork};

/// An invoice to be issued.
#[derive(Clone, Debug)]
pub(crate) struct NewInvoice {
    /// Who pays.
    pub(crate) organization_id: OrganizationId,
    /// What for, without tax.
    pub(crate) parts: Parts,
    /// Whether the prices contain tax.
    pub(crate) tax: TaxBehavior,
    /// The subscription that it is for, if any.
    pub(crate) subscription_id: Option<SubscriptionId>,
    /// The period that it is for. A period of a subscription has one invoice: what is for a part of
    /// it only names none.
    pub(crate) period: Option<Period>,
}

impl Billing {
    /// Issues an invoice, final and with its number, and begins to collect it. What comes to nothing
    /// is paid at once, and has no collection. Last in a unit of work of the engine: whoever takes a
    /// number holds up all others who want one. `Conflict` where the period has one.
    pub(crate) async fn issue_invoice(
        &self,
        work: &mut dyn UnitOfWork,
        catalogue: &Catalogue,
        new: NewInvoice,
    ) -> Result<(Invoice, Option<Collection>), Error> {
        let mut invoice = self.drafted(work, catalogue, new).await?;
        let now = self.ports.clock.now();
        let year = now.to_offset(UtcOffset::UTC).year();
        let number = work.invoices().next_number(Series::Invoice, year).await?;
        invoice.finalize(number, now).map_err(fault)?;
        invoice.due_at = Some(now);
        if invoice.due().is_zero() {
            invoice.settle(now).map_err(fault)?;
        }
        let told = self.invoice_told(&invoice);
        work.invoices().save(&invoice, &[told]).await?;
        if invoice.status == InvoiceStatus::Paid {
            return Ok((invoice, None));
        }
        let of = (invoice.organization_id, invoice.id);
        let collection = Collection::begun(of, invoice.subscription_id, now);
        work.collections().save(&collection, &[]).await?;
        Ok((invoice, Some(collection)))
    }

    async fn drafted(
        &self,
        work: &mut dyn UnitOfWork,
        catalogue: &Catalogue,
        new: NewInvoice,
    ) -> Result<Invoice, Error> {
        let NewInvoice { organization_id, mut parts, tax, subscription_id, period } = new;
        let now = self.ports.clock.now();
        let organization = described(work, organization_id).await?;
        let bill = Bill::new(parts.clone()).map_err(fault)?;
        let net = bill.subtotal().minus(bill.discount())?;
        let (taxes, no_tax) = self.taxes_by_table(catalogue, &organization, (net, tax))?;
        parts.taxes = taxes;
        let currency = parts.currency;
        Ok(Invoice {
            id: InvoiceId(self.ports.ids.next()),
            organization_id,
            issuer: Issuer::Us,
            number: None,
            status: InvoiceStatus::Draft,
            bill: Bill::new(parts).map_err(fault)?,
            paid: Money::zero(currency),
            seller: self.settings.seller.clone(),
            buyer: as_buyer(organization),
            no_tax,
            subscription_id,
            payment_id: None,
            checkout_id: None,
            period,
            created_at: now,
            issued_at: None,
            due_at: None,
            paid_at: None,
        })
    }

    /// The tax in an amount by our table of rates, or why there is none.
    pub(crate) fn taxes_by_table(
        &self,
        catalogue: &Catalogue,
        buyer: &Organization,
        (paid, behavior): (Money, TaxBehavior),
    ) -> Result<(Vec<TaxLine>, Option<NoTax>), Error> {
        let sale = TaxedSale {
            seller: self.settings.seller.country,
            buyer: buyer.country,
            tax_id: buyer.tax_id.as_deref(),
            behavior,
            on: self.ports.clock.now().to_offset(UtcOffset::UTC).date(),
            paid,
        };
        match assess(&catalogue.tax_rates, &sale)? {
            Assessment::Taxed(tax) => Ok((vec![tax], None)),
            Assessment::Untaxed(why) => Ok((Vec::new(), Some(why))),
        }
    }
}

/// An organization as it is described.
pub(crate) async fn described(
    work: &mut dyn UnitOfWork,
    id: OrganizationId,
) -> Result<Organization, Error> {
    let found = work.organizations().look(id).await?;
    found.ok_or(Error::NotFound(Missing::Organization))
}

/// How an organization stands on an invoice.
pub(crate) fn as_buyer(organization: Organization) -> Party {
    Party {
        name: organization.name,
        email: organization.billing_email,
        address: None,
        country: organization.country,
        tax_id: organization.tax_id,
    }
}

/// What cannot be by our own rules is a fault of ours.
pub(crate) fn fault(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::Internal(anyhow::Error::new(error))
}
