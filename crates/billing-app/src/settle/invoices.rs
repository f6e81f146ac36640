//! Invoices of our own, for payments on pages that no gateway invoices, and credit notes on all of
//! ours.

use billing_domain::{
    catalogue::Catalogue,
    checkout::{Checkout, Purpose},
    event::What,
    id::{CreditNoteId, InvoiceId},
    invoice::{
        Bill, Billed, CreditNote, Deduction, InvalidBill, Invoice, InvoiceStatus, Issuer, Line,
        LineKind, Parts, Series, TaxLine,
    },
    money::Money,
    organization::Organization,
    payment::Payment,
    tax::{NoTax, TaxBehavior},
};
use time::UtcOffset;

use super::Unsettled;
use crate::{
    Billing, Error,
    issue_invoice::{as_buyer, described, fault},
    ports::{SeenPayment, UnitOfWork},
};

/// What was paid for: a line at its price, and whether that contains tax.
struct Sold {
    line: Line,
    tax: TaxBehavior,
}

impl Billing {
    /// Draws up the invoice of a payment that no gateway invoices, once, and notes what was given
    /// back of it.
    pub(super) async fn invoice_payment(
        &self,
        work: &mut dyn UnitOfWork,
        catalogue: &Catalogue,
        payment: &Payment,
        seen: &SeenPayment,
    ) -> Result<(), Unsettled> {
        let organization = payment.organization_id;
        let Some(id) = payment.checkout_id.filter(|_| payment.status.captured()) else {
            return Ok(());
        };
        let Some(checkout) = work.checkouts().find(organization, id).await? else { return Ok(()) };
        let invoice = match work.invoices().paid_by(organization, payment.id).await? {
            Some(known) => known,
            None => {
                let Some(sold) = sold(catalogue, &checkout) else { return Ok(()) };
                let drawn = self.draw_up(work, catalogue, (&checkout, &sold), (payment, seen));
                drawn.await?
            }
        };
        self.credit_refund(work, &invoice, payment).await
    }

    /// A paid invoice of ours.
    async fn draw_up(
        &self,
        work: &mut dyn UnitOfWork,
        catalogue: &Catalogue,
        (checkout, sold): (&Checkout, &Sold),
        (payment, seen): (&Payment, &SeenPayment),
    ) -> Result<Invoice, Unsettled> {
        let now = self.ports.clock.now();
        let organization = described(work, payment.organization_id).await?;
        let (taxes, no_tax) = self.taxes(catalogue, &organization, sold, (payment, seen))?;
        let bill = bill_of(sold, taxes, (payment.amount, seen.discount));
        let mut invoice = Invoice {
            id: InvoiceId(self.ports.ids.next()),
            organization_id: organization.id,
            issuer: Issuer::Us,
            number: None,
            status: InvoiceStatus::Draft,
            bill: bill.map_err(fault)?,
            paid: Money::zero(payment.amount.currency()),
            seller: self.settings.seller.clone(),
            buyer: as_buyer(organization),
            no_tax,
            subscription_id: payment.subscription_id,
            payment_id: None,
            checkout_id: Some(checkout.id),
            period: sold.line.period,
            created_at: now,
            issued_at: None,
            due_at: None,
            paid_at: None,
        };
        let year = now.to_offset(UtcOffset::UTC).year();
        let number = work.invoices().next_number(Series::Invoice, year).await?;
        invoice.finalize(number, now).map_err(fault)?;
        invoice.pay(payment.id, now).map_err(fault)?;
        work.invoices().save(&invoice, &[self.invoice_told(&invoice)]).await?;
        Ok(invoice)
    }

    /// The tax in what was paid: the gateway's where it computed one, else by our table.
    fn taxes(
        &self,
        catalogue: &Catalogue,
        buyer: &Organization,
        sold: &Sold,
        (payment, seen): (&Payment, &SeenPayment),
    ) -> Result<(Vec<TaxLine>, Option<NoTax>), Error> {
        if seen.taxed || !payment.tax.is_zero() {
            let tax = TaxLine {
                name: "Tax".to_owned(),
                jurisdiction: None,
                percent: None,
                inclusive: !comes_on_top(sold.line.amount, payment, seen.discount),
                taxable: Some(payment.amount.minus(payment.tax)?),
                amount: payment.tax,
            };
            let none = tax.amount.is_zero();
            return Ok((if none { Vec::new() } else { vec![tax] }, None));
        }
        self.taxes_by_table(catalogue, buyer, (payment.amount, sold.tax))
    }

    /// Issues a credit note on what was given back and stands on none yet: a level, not a step, so
    /// reports in any order end in the same sum.
    async fn credit_refund(
        &self,
        work: &mut dyn UnitOfWork,
        invoice: &Invoice,
        payment: &Payment,
    ) -> Result<(), Unsettled> {
        if payment.refunded.is_zero() {
            return Ok(());
        }
        let organization_id = invoice.organization_id;
        let notes = work.invoices().credit_notes(organization_id, invoice.id).await?;
        let none = Money::zero(payment.refunded.currency());
        let noted = notes.iter().try_fold(none, |sum, note| sum.plus(note.amount));
        let noted = noted.map_err(Error::from)?;
        let amount = payment.refunded.minus(noted).map_err(Error::from)?;
        if amount.minor() <= 0 {
            return Ok(());
        }
        let now = self.ports.clock.now();
        let year = now.to_offset(UtcOffset::UTC).year();
        let number = work.invoices().next_number(Series::CreditNote, year).await?;
        let note = CreditNote {
            id: CreditNoteId(self.ports.ids.next()),
            organization_id,
            number: number.to_string(),
            invoice_id: invoice.id,
            payment_id: payment.id,
            amount,
            taxes: invoice.tax_given_back((noted, payment.refunded)),
            issued_at: now,
        };
        let told = What::CreditNoteIssued {
            credit_note_id: note.id,
            invoice_id: invoice.id,
            number: note.number.clone(),
            amount,
        };
        let told = self.what(organization_id, now, told);
        work.invoices().issue(&note, &[told]).await?;
        Ok(())
    }
}

/// Whether tax came on top of a price: only then does price, discount and tax come to what was
/// paid.
fn comes_on_top(price: Money, payment: &Payment, discount: Money) -> bool {
    let sum = price.minus(discount).and_then(|it| it.plus(payment.tax));
    sum == Ok(payment.amount)
}

/// What a checkout sold; nothing where its gateway draws up the invoice, or it pays one of ours.
fn sold(catalogue: &Catalogue, checkout: &Checkout) -> Option<Sold> {
    match checkout.purpose {
        Purpose::Credits { credit_product_id, credits, price } => {
            let product = catalogue.credit_product(credit_product_id);
            let line = Line {
                kind: LineKind::OneOff,
                description: match product {
                    Some(product) => product.name.clone(),
                    None => format!("{credits} credits"),
                },
                quantity: 1,
                unit_amount: Some(price),
                amount: price,
                period: None,
                bills: Billed::Credits { credit_product_id, credits },
            };
            Some(Sold { line, tax: product.map(|product| product.tax).unwrap_or_default() })
        }
        Purpose::Subscription { .. } | Purpose::Invoice { .. } => None,
    }
}

/// The bill of what was sold. It comes to what was paid: where price and discount do not explain
/// that, as in another currency than the price's, the line is what was paid.
fn bill_of(
    sold: &Sold,
    taxes: Vec<TaxLine>,
    (paid, discount): (Money, Money),
) -> Result<Bill, InvalidBill> {
    let explained = |price: Money, discount: Money| {
        let line = Line { unit_amount: Some(price), amount: price, ..sold.line.clone() };
        let off = Deduction { description: "Discount".to_owned(), amount: discount };
        let parts = Parts {
            currency: paid.currency(),
            lines: vec![line],
            discounts: if discount.is_zero() { Vec::new() } else { vec![off] },
            taxes: taxes.clone(),
            credits: Vec::new(),
        };
        Bill::stated(parts, paid)
    };
    explained(sold.line.amount, discount).or_else(|_| {
        let on_top = taxes.iter().filter(|tax| !tax.inclusive);
        let line = on_top.map(|tax| tax.amount).try_fold(paid, Money::minus)?;
        explained(line, Money::zero(paid.currency()))
    })
}
