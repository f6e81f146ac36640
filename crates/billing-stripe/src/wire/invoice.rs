use std::cmp::Reverse;

use serde::Deserialize;
use time::{OffsetDateTime, serde::timestamp};

use super::{Expandable, InvoiceLine, Link, List, invoice_line::LineParent};

/// An invoice.
#[derive(Deserialize)]
pub(crate) struct Invoice {
    pub(crate) id: String,
    pub(crate) number: Option<String>,
    pub(crate) hosted_invoice_url: Option<String>,
    pub(crate) currency: Option<String>,
    #[serde(default, with = "timestamp::option")]
    pub(crate) created: Option<OffsetDateTime>,
    status: Option<String>,
    #[serde(default, with = "timestamp::option")]
    period_start: Option<OffsetDateTime>,
    #[serde(default, with = "timestamp::option")]
    period_end: Option<OffsetDateTime>,
    pub(crate) lines: Option<List<InvoiceLine>>,
    parent: Option<InvoiceParent>,
    payments: Option<List<InvoicePayment>>,
    total_taxes: Option<Vec<Tax>>,
    /// Before basil, as the next five.
    #[serde(default)]
    paid: bool,
    total_tax_amounts: Option<Vec<Tax>>,
    tax: Option<i64>,
    subscription: Option<Link>,
    payment_intent: Option<Link>,
    charge: Option<Link>,
    // What stands on the document.
    pub(crate) total: Option<i64>,
    pub(crate) amount_due: Option<i64>,
    pub(crate) amount_paid: Option<i64>,
    pub(crate) customer: Option<Link>,
    pub(crate) customer_name: Option<String>,
    pub(crate) customer_email: Option<String>,
    pub(crate) customer_address: Option<Address>,
    customer_tax_ids: Option<Vec<TaxId>>,
    pub(crate) account_name: Option<String>,
    pub(crate) account_country: Option<String>,
    pub(crate) invoice_pdf: Option<String>,
    #[serde(default, with = "timestamp::option")]
    pub(crate) due_date: Option<OffsetDateTime>,
    #[serde(default, with = "timestamp::option")]
    pub(crate) effective_at: Option<OffsetDateTime>,
    pub(crate) status_transitions: Option<Transitions>,
    total_discount_amounts: Option<Vec<Deducted>>,
    total_pretax_credit_amounts: Option<Vec<Deducted>>,
}

/// When an invoice became what it is.
#[derive(Deserialize)]
pub(crate) struct Transitions {
    #[serde(default, with = "timestamp::option")]
    pub(crate) finalized_at: Option<OffsetDateTime>,
    #[serde(default, with = "timestamp::option")]
    pub(crate) paid_at: Option<OffsetDateTime>,
}

/// Where somebody is at home.
#[derive(Deserialize)]
pub(crate) struct Address {
    pub(crate) line1: Option<String>,
    pub(crate) line2: Option<String>,
    pub(crate) postal_code: Option<String>,
    pub(crate) city: Option<String>,
    pub(crate) state: Option<String>,
    pub(crate) country: Option<String>,
}

#[derive(Deserialize)]
struct TaxId {
    value: Option<String>,
}

#[derive(Deserialize)]
struct Deducted {
    amount: i64,
    #[serde(rename = "type")]
    kind: Option<String>,
}

/// A payment of an invoice.
#[derive(Deserialize)]
pub(crate) struct InvoicePayment {
    pub(crate) invoice: Option<Expandable<Invoice>>,
    status: Option<String>,
    #[serde(default)]
    is_default: bool,
    payment: Option<PaymentOfInvoice>,
}

#[derive(Deserialize)]
struct PaymentOfInvoice {
    payment_intent: Option<Link>,
    charge: Option<Link>,
}

#[derive(Deserialize)]
struct InvoiceParent {
    subscription_details: Option<OfSubscription>,
}

#[derive(Deserialize)]
struct OfSubscription {
    subscription: Option<Link>,
}

/// An invoice that is none yet: all of it must be there.
#[derive(Deserialize)]
pub(crate) struct Preview {
    pub(crate) currency: String,
    pub(crate) total: i64,
    pub(crate) amount_due: i64,
    pub(crate) lines: List<PreviewLine>,
}

/// A line of it.
#[derive(Deserialize)]
pub(crate) struct PreviewLine {
    pub(crate) description: Option<String>,
    pub(crate) amount: i64,
    pub(crate) period: Span,
    parent: Option<LineParent>,
}

impl PreviewLine {
    /// Whether it settles a part of a period.
    pub(crate) fn is_proration(&self) -> bool {
        self.parent.as_ref().is_some_and(LineParent::is_proration)
    }
}

/// A stretch of time.
#[derive(Clone, Copy, Deserialize)]
pub(crate) struct Span {
    #[serde(with = "timestamp")]
    pub(crate) start: OffsetDateTime,
    #[serde(with = "timestamp")]
    pub(crate) end: OffsetDateTime,
}

/// A tax on all of an invoice.
#[derive(Deserialize)]
pub(crate) struct Tax {
    pub(crate) amount: i64,
    pub(crate) taxable_amount: Option<i64>,
    tax_behavior: Option<String>,
    /// Before basil.
    inclusive: Option<bool>,
}

impl Tax {
    /// Whether the prices contain it.
    pub(crate) fn is_inclusive(&self) -> bool {
        self.inclusive.unwrap_or(self.tax_behavior.as_deref() == Some("inclusive"))
    }
}

impl Invoice {
    /// Whether nothing is left to pay.
    pub(crate) fn is_paid(&self) -> bool {
        self.status.as_deref().map_or(self.paid, |status| status == "paid")
    }

    /// The subscription that it is for.
    pub(crate) fn subscription(&self) -> Option<&str> {
        let details = self.parent.as_ref().and_then(|parent| parent.subscription_details.as_ref());
        let link = details.and_then(|details| details.subscription.as_ref());
        link.or(self.subscription.as_ref()).map(|link| link.0.as_str())
    }

    /// The payment intent or charge: of several the one that was made, else the usual one.
    pub(crate) fn payment(&self) -> Option<&str> {
        let payments = self.payments.as_ref().map(|list| list.data.as_slice()).unwrap_or_default();
        let made = payments
            .iter()
            .filter_map(|payment| payment.link().map(|link| (payment.rank(), link)))
            .max_by_key(|(rank, _)| *rank)
            .map(|(_, link)| link);
        made.or(self.payment_intent.as_ref()).or(self.charge.as_ref()).map(|link| link.0.as_str())
    }

    /// The tax in it, in minor units.
    pub(crate) fn tax(&self) -> i64 {
        let sum = self.taxes().map(|taxes| taxes.iter().map(|tax| tax.amount).sum());
        sum.or(self.tax).unwrap_or_default()
    }

    /// The taxes on all of it, where they are told apart.
    pub(crate) fn taxes(&self) -> Option<&[Tax]> {
        self.total_taxes.as_deref().or(self.total_tax_amounts.as_deref())
    }

    /// What was given off, in minor units.
    pub(crate) fn discounts(&self) -> impl Iterator<Item = i64> {
        self.total_discount_amounts.iter().flatten().map(|it| it.amount)
    }

    /// Credits that were granted and are used before tax, in minor units. Discounts stand in the
    /// same list.
    pub(crate) fn granted_credits(&self) -> impl Iterator<Item = i64> {
        let all = self.total_pretax_credit_amounts.iter().flatten();
        all.filter(|it| it.kind.as_deref() != Some("discount")).map(|it| it.amount)
    }

    /// Where it stands, in Stripe's word; invoices had none before 2018.
    pub(crate) fn status(&self) -> Option<&str> {
        self.status.as_deref()
    }

    /// Under what number the customer pays tax.
    pub(crate) fn tax_id(&self) -> Option<&str> {
        self.customer_tax_ids.iter().flatten().find_map(|it| it.value.as_deref())
    }

    /// The period that it pays: that of a line for the subscription as such, and only if there is
    /// none (all lines correct older ones) its own.
    pub(crate) fn period(&self) -> Option<Span> {
        let lines = self.lines.as_ref().map(|list| list.data.as_slice()).unwrap_or_default();
        let newest = lines
            .iter()
            .filter(|line| line.is_for_a_period())
            .filter_map(|line| line.period)
            .max_by_key(|period| (period.start, Reverse(period.end)));
        newest.or_else(|| Some(Span { start: self.period_start?, end: self.period_end? }))
    }
}

impl InvoicePayment {
    fn link(&self) -> Option<&Link> {
        let payment = self.payment.as_ref()?;
        payment.payment_intent.as_ref().or(payment.charge.as_ref())
    }

    fn rank(&self) -> (bool, bool) {
        (self.status.as_deref() == Some("paid"), self.is_default)
    }
}
