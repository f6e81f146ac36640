//! Invoices: what is to be paid, by whom and for what, whoever draws them up.

mod allocation;
mod bill;
mod credit_note;
mod line;
mod number;
mod pending;
mod status;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

pub use self::{
    allocation::allocate,
    bill::{Bill, Deduction, InvalidBill, Parts, TaxLine},
    credit_note::CreditNote,
    line::{Billed, BilledUse, Line, LineKind, UnknownLineKind},
    number::{DocumentNumber, Series},
    pending::PendingItem,
    status::{IllegalMove, InvoiceStatus, UnknownInvoiceStatus},
};
use crate::{
    gateway::GatewayRef,
    id::{CheckoutId, InvoiceId, OrganizationId, PaymentId, SubscriptionId},
    money::Money,
    organization::Country,
    period::Period,
    tax::NoTax,
};

/// An invoice.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Invoice {
    /// Our id.
    pub id: InvoiceId,
    /// Who pays.
    pub organization_id: OrganizationId,
    /// Who has drawn it up, and so whose number and whose word on its status count.
    pub issuer: Issuer,
    /// Its number: ours, without gaps in a year, or the gateway's. A draft has none.
    pub number: Option<String>,
    /// Where it stands.
    pub status: InvoiceStatus,
    /// What is to be paid, and why.
    pub bill: Bill,
    /// What was paid of it.
    pub paid: Money,
    /// Who sells, as it was when the invoice was drawn up.
    pub seller: Party,
    /// Who buys, as it was when the invoice was drawn up.
    pub buyer: Party,
    /// Why there is no tax on it, where we had to decide and there is none.
    pub no_tax: Option<NoTax>,
    /// The subscription that it is for, if any.
    pub subscription_id: Option<SubscriptionId>,
    /// The payment that pays it, or that was tried for it.
    pub payment_id: Option<PaymentId>,
    /// The checkout on which it was bought, if any.
    pub checkout_id: Option<CheckoutId>,
    /// The period that it is for, if any.
    pub period: Option<Period>,
    /// When it was drawn up.
    pub created_at: OffsetDateTime,
    /// When it was made final, and got its number.
    pub issued_at: Option<OffsetDateTime>,
    /// Until when it is to be paid.
    pub due_at: Option<OffsetDateTime>,
    /// When it was paid.
    pub paid_at: Option<OffsetDateTime>,
}

/// Who draws up an invoice.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Issuer {
    /// We do: nobody else tells of the payment.
    Us,
    /// A gateway does, and this is a copy.
    Gateway {
        /// What the gateway calls it; unique.
        reference: GatewayRef,
        /// Its page on which the invoice can be looked at and paid.
        hosted_url: Option<String>,
        /// Its document.
        pdf_url: Option<String>,
        /// When the gateway was asked, by the wall clock.
        observed_at: OffsetDateTime,
    },
}

impl Issuer {
    /// Its name in answers.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Us => "us",
            Self::Gateway { reference, .. } => reference.gateway.name(),
        }
    }

    /// Whether the number is one of ours.
    pub const fn is_us(&self) -> bool {
        match self {
            Self::Us => true,
            Self::Gateway { .. } => false,
        }
    }
}

/// Somebody who stands on an invoice, as they were called when it was drawn up.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Party {
    /// What they are called.
    pub name: String,
    /// Where they can be written to.
    pub email: Option<String>,
    /// Street and place, in lines.
    pub address: Option<String>,
    /// Where they are at home.
    pub country: Option<Country>,
    /// Under what number they pay tax.
    pub tax_id: Option<String>,
}

impl Invoice {
    /// What is left to pay: nothing on one that is paid or void.
    pub fn due(&self) -> Money {
        let total = self.bill.total();
        match self.status {
            InvoiceStatus::Draft | InvoiceStatus::Open | InvoiceStatus::Uncollectible => {
                Money::new(total.minor().saturating_sub(self.paid.minor()), total.currency())
            }
            InvoiceStatus::Paid | InvoiceStatus::Void => Money::zero(total.currency()),
        }
    }

    /// Makes a draft final, under a number that it alone has.
    pub fn finalize(
        &mut self,
        number: DocumentNumber,
        at: OffsetDateTime,
    ) -> Result<(), IllegalMove> {
        if self.status != InvoiceStatus::Draft {
            return Err(self.illegal("finalized"));
        }
        self.status = InvoiceStatus::Open;
        self.number = Some(number.to_string());
        self.issued_at = Some(at);
        Ok(())
    }

    /// Records that all of it was paid. Whether that is news.
    pub fn pay(&mut self, payment: PaymentId, at: OffsetDateTime) -> Result<bool, IllegalMove> {
        if self.status == InvoiceStatus::Paid {
            return Ok(false);
        }
        if !self.status.awaits_payment() {
            return Err(self.illegal("paid"));
        }
        self.status = InvoiceStatus::Paid;
        self.paid = self.bill.total();
        self.payment_id = Some(payment);
        self.paid_at = Some(at);
        Ok(true)
    }

    /// Records that it is paid where nothing is due on it: no payment is needed. Whether that is
    /// news.
    pub fn settle(&mut self, at: OffsetDateTime) -> Result<bool, IllegalMove> {
        if self.status == InvoiceStatus::Paid {
            return Ok(false);
        }
        if !self.status.awaits_payment() || !self.due().is_zero() {
            return Err(self.illegal("settled"));
        }
        self.status = InvoiceStatus::Paid;
        self.paid_at = Some(at);
        Ok(true)
    }

    /// Records that nothing is to be paid. Whether that is news.
    pub fn void(&mut self) -> Result<bool, IllegalMove> {
        self.close(InvoiceStatus::Void, "voided", self.status.awaits_payment())
    }

    /// Records that the money is not expected any more. Whether that is news.
    pub fn give_up(&mut self) -> Result<bool, IllegalMove> {
        let open = self.status == InvoiceStatus::Open;
        self.close(InvoiceStatus::Uncollectible, "given up", open)
    }

    fn close(
        &mut self,
        to: InvoiceStatus,
        verb: &'static str,
        may: bool,
    ) -> Result<bool, IllegalMove> {
        if self.status == to {
            return Ok(false);
        }
        if !may {
            return Err(self.illegal(verb));
        }
        self.status = to;
        Ok(true)
    }

    /// Adopts what the gateway reports of its own invoice. Whether that is news: when it was
    /// reported is none.
    ///
    /// Reports may come late and in any order, and end in the same state: the later status stands,
    /// and of one status the report that was asked for last. Links to our records are kept once
    /// they are known.
    pub fn observe(&mut self, reported: &Self) -> bool {
        let before = self.clone();
        if reported.progress() >= self.progress() {
            *self = Self {
                id: self.id,
                organization_id: self.organization_id,
                subscription_id: reported.subscription_id.or(self.subscription_id),
                payment_id: reported.payment_id.or(self.payment_id),
                checkout_id: reported.checkout_id.or(self.checkout_id),
                ..reported.clone()
            };
        } else {
            self.subscription_id = self.subscription_id.or(reported.subscription_id);
            self.payment_id = self.payment_id.or(reported.payment_id);
        }
        !self.says_the_same(before)
    }

    fn says_the_same(&self, mut other: Self) -> bool {
        if let (
            Issuer::Gateway { observed_at, .. },
            Issuer::Gateway { observed_at: of_other, .. },
        ) = (&self.issuer, &mut other.issuer)
        {
            *of_other = *observed_at;
        }
        *self == other
    }

    /// How far it has come. Statuses of a gateway go one way, whatever the clocks say.
    fn progress(&self) -> (InvoiceStatus, i64, Option<OffsetDateTime>) {
        let observed_at = match &self.issuer {
            Issuer::Us => None,
            Issuer::Gateway { observed_at, .. } => Some(*observed_at),
        };
        (self.status, self.paid.minor(), observed_at)
    }

    const fn illegal(&self, verb: &'static str) -> IllegalMove {
        IllegalMove { from: self.status, verb }
    }
}

#[cfg(test)]
mod tests;
