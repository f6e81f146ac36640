//! What was given back of an invoice.

use time::OffsetDateTime;

use super::{Invoice, TaxLine, allocate};
use crate::{
    id::{CreditNoteId, InvoiceId, OrganizationId, PaymentId},
    money::Money,
};

/// A document on money that was given back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CreditNote {
    /// Our id.
    pub id: CreditNoteId,
    /// Who got it.
    pub organization_id: OrganizationId,
    /// Its number, without gaps in a year.
    pub number: String,
    /// Of what.
    pub invoice_id: InvoiceId,
    /// The payment that was given back.
    pub payment_id: PaymentId,
    /// How much, tax included.
    pub amount: Money,
    /// The tax in it, one for each of the invoice.
    pub taxes: Vec<TaxLine>,
    /// When it was issued.
    pub issued_at: OffsetDateTime,
}

impl Invoice {
    /// The tax in what is given back when it goes from one level to another, in all: over any
    /// steps from nothing to the whole it comes to exactly the tax of the invoice.
    pub fn tax_given_back(&self, (from, to): (Money, Money)) -> Vec<TaxLine> {
        let taxes = &self.bill.parts().taxes;
        let (from, to) = (self.tax_at(from), self.tax_at(to));
        let steps = from.into_iter().zip(to).map(|(from, to)| to.saturating_sub(from));
        let shares = taxes.iter().zip(steps).map(|(tax, amount)| TaxLine {
            taxable: None,
            amount: Money::new(amount, tax.amount.currency()),
            ..tax.clone()
        });
        shares.collect()
    }

    /// How much of each tax is given back when so much is in all, in minor units.
    fn tax_at(&self, level: Money) -> Vec<i64> {
        let total = self.bill.total().minor();
        let rest = total.saturating_sub(level.minor());
        let weights = [level.minor(), rest].map(|part| u64::try_from(part).unwrap_or_default());
        let share = |tax: &TaxLine| {
            // Nothing of a tax is given back with nothing of the total.
            let shares = if level.is_zero() { Vec::new() } else { allocate(tax.amount, &weights) };
            shares.first().map_or(0, |share| share.minor())
        };
        self.bill.parts().taxes.iter().map(share).collect()
    }
}
