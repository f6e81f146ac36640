use std::cmp::Reverse;

use serde::Deserialize;
use time::{OffsetDateTime, serde::timestamp};

use super::{Expandable, Link, List};

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
    lines: Option<List<Line>>,
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
    #[serde(default)]
    proration: bool,
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
        let parent = self.parent.as_ref();
        let details = parent.and_then(|parent| {
            let item = parent.subscription_item_details.as_ref();
            item.or(parent.invoice_item_details.as_ref())
        });
        details.is_some_and(|details| details.proration)
    }
}

#[derive(Deserialize)]
struct Line {
    period: Option<Span>,
    parent: Option<LineParent>,
    /// Before basil, as the next.
    #[serde(rename = "type")]
    kind: Option<String>,
    #[serde(default)]
    proration: bool,
}

#[derive(Deserialize)]
struct LineParent {
    invoice_item_details: Option<OfSubscription>,
    subscription_item_details: Option<OfSubscription>,
}

/// A stretch of time.
#[derive(Clone, Copy, Deserialize)]
pub(crate) struct Span {
    #[serde(with = "timestamp")]
    pub(crate) start: OffsetDateTime,
    #[serde(with = "timestamp")]
    pub(crate) end: OffsetDateTime,
}

#[derive(Deserialize)]
struct Tax {
    amount: i64,
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
        let taxes = self.total_taxes.as_ref().or(self.total_tax_amounts.as_ref());
        let sum = taxes.map(|taxes| taxes.iter().map(|tax| tax.amount).sum());
        sum.or(self.tax).unwrap_or_default()
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

impl Line {
    fn is_for_a_period(&self) -> bool {
        match self.parent.as_ref().and_then(|parent| parent.subscription_item_details.as_ref()) {
            Some(details) => !details.proration,
            None => self.kind.as_deref() == Some("subscription") && !self.proration,
        }
    }
}
