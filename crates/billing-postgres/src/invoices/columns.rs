//! An invoice as a row.

use anyhow::Context;
use billing_app::Error;
use billing_domain::{
    currency::Currency,
    gateway::GatewayRef,
    id::{CheckoutId, InvoiceId, OrganizationId, PaymentId, SubscriptionId},
    invoice::{Bill, Invoice, Issuer, Line, Parts},
    money::Money,
    period::Period,
};
use diesel::prelude::*;
use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::schema::invoices;

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = invoices, check_for_backend(diesel::pg::Pg), treat_none_as_null = true)]
pub(crate) struct InvoiceRow {
    organization_id: Uuid,
    pub(super) invoice_id: Uuid,
    gateway: Option<String>,
    gateway_id: Option<String>,
    number: Option<String>,
    status: String,
    pub(super) currency: String,
    discount: i64,
    tax: i64,
    credit: i64,
    total: i64,
    paid: i64,
    discounts: Value,
    taxes: Value,
    credits: Value,
    seller: Value,
    buyer: Value,
    no_tax: Option<String>,
    subscription_id: Option<Uuid>,
    payment_id: Option<Uuid>,
    checkout_id: Option<Uuid>,
    period_start: Option<OffsetDateTime>,
    period_end: Option<OffsetDateTime>,
    hosted_url: Option<String>,
    pdf_url: Option<String>,
    created_at: OffsetDateTime,
    issued_at: Option<OffsetDateTime>,
    due_at: Option<OffsetDateTime>,
    paid_at: Option<OffsetDateTime>,
    observed_at: Option<OffsetDateTime>,
}

/// The columns that only a copy of a gateway's invoice has.
type Copied =
    (Option<String>, Option<String>, Option<String>, Option<String>, Option<OffsetDateTime>);

fn copied(issuer: &Issuer) -> Copied {
    match issuer {
        Issuer::Us => (None, None, None, None, None),
        Issuer::Gateway { reference, hosted_url, pdf_url, observed_at } => (
            Some(reference.gateway.to_string()),
            Some(reference.id.clone()),
            hosted_url.clone(),
            pdf_url.clone(),
            Some(*observed_at),
        ),
    }
}

impl TryFrom<&Invoice> for InvoiceRow {
    type Error = Error;

    fn try_from(it: &Invoice) -> Result<Self, Error> {
        let json = |value: serde_json::Result<Value>| value.map_err(anyhow::Error::new);
        let (gateway, gateway_id, hosted_url, pdf_url, observed_at) = copied(&it.issuer);
        let Parts { currency, lines: _, discounts, taxes, credits } = it.bill.parts();
        Ok(Self {
            organization_id: it.organization_id.0,
            invoice_id: it.id.0,
            gateway,
            gateway_id,
            number: it.number.clone(),
            status: it.status.name().to_owned(),
            currency: currency.to_string(),
            discount: it.bill.discount().minor(),
            tax: it.bill.tax().minor(),
            credit: it.bill.credit().minor(),
            total: it.bill.total().minor(),
            paid: it.paid.minor(),
            discounts: json(serde_json::to_value(discounts))?,
            taxes: json(serde_json::to_value(taxes))?,
            credits: json(serde_json::to_value(credits))?,
            seller: json(serde_json::to_value(&it.seller))?,
            buyer: json(serde_json::to_value(&it.buyer))?,
            no_tax: it.no_tax.map(|why| why.name().to_owned()),
            subscription_id: it.subscription_id.map(|id| id.0),
            payment_id: it.payment_id.map(|id| id.0),
            checkout_id: it.checkout_id.map(|id| id.0),
            period_start: it.period.map(|period| period.start),
            period_end: it.period.map(|period| period.end),
            hosted_url,
            pdf_url,
            created_at: it.created_at,
            issued_at: it.issued_at,
            due_at: it.due_at,
            paid_at: it.paid_at,
            observed_at,
        })
    }
}

impl InvoiceRow {
    /// The invoice with its lines.
    pub(super) fn with(self, lines: Vec<Line>) -> Result<Invoice, Error> {
        let id = self.invoice_id;
        let read = || self.read(lines);
        Ok(read().with_context(|| format!("invoice {id} cannot be read"))?)
    }

    fn read(self, lines: Vec<Line>) -> anyhow::Result<Invoice> {
        let currency: Currency = self.currency.parse()?;
        let parts = Parts {
            currency,
            lines,
            discounts: serde_json::from_value(self.discounts)?,
            taxes: serde_json::from_value(self.taxes)?,
            credits: serde_json::from_value(self.credits)?,
        };
        let issuer = match (self.gateway, self.gateway_id) {
            (Some(gateway), Some(id)) => Issuer::Gateway {
                reference: GatewayRef::new(gateway.parse()?, id),
                hosted_url: self.hosted_url,
                pdf_url: self.pdf_url,
                observed_at: self.observed_at.context("observed")?,
            },
            (_, _) => Issuer::Us,
        };
        let period = self.period_start.zip(self.period_end);
        Ok(Invoice {
            id: InvoiceId(self.invoice_id),
            organization_id: OrganizationId(self.organization_id),
            issuer,
            number: self.number,
            status: self.status.parse()?,
            bill: Bill::stated(parts, Money::new(self.total, currency))?,
            paid: Money::new(self.paid, currency),
            seller: serde_json::from_value(self.seller)?,
            buyer: serde_json::from_value(self.buyer)?,
            no_tax: self.no_tax.map(|why| why.parse()).transpose()?,
            subscription_id: self.subscription_id.map(SubscriptionId),
            payment_id: self.payment_id.map(PaymentId),
            checkout_id: self.checkout_id.map(CheckoutId),
            period: period.map(|(start, end)| Period { start, end }),
            created_at: self.created_at,
            issued_at: self.issued_at,
            due_at: self.due_at,
            paid_at: self.paid_at,
        })
    }
}
