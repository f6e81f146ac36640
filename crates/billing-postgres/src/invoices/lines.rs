//! A line of an invoice as a row.

use anyhow::Context;
use billing_app::Error;
use billing_domain::{
    currency::Currency,
    id::{CreditProductId, PriceId, SubscriptionId},
    invoice::{Billed, Invoice, Line},
    money::Money,
    period::Period,
};
use diesel::prelude::*;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{schema::invoice_lines, usage::stored};

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = invoice_lines, check_for_backend(diesel::pg::Pg))]
pub(super) struct LineRow {
    organization_id: Uuid,
    pub(super) invoice_id: Uuid,
    position: i32,
    kind: String,
    description: String,
    quantity: i64,
    unit_amount: Option<i64>,
    amount: i64,
    period_start: Option<OffsetDateTime>,
    period_end: Option<OffsetDateTime>,
    bills: String,
    subscription_id: Option<Uuid>,
    price_id: Option<Uuid>,
    gateway_price: Option<String>,
    credit_product_id: Option<Uuid>,
    credits: Option<i64>,
    meter: Option<String>,
    window_start: Option<OffsetDateTime>,
    window_end: Option<OffsetDateTime>,
    used: Option<i64>,
}

impl LineRow {
    pub(super) fn of(invoice: &Invoice, position: i32, line: &Line) -> Result<Self, Error> {
        let mut row = Self {
            organization_id: invoice.organization_id.0,
            invoice_id: invoice.id.0,
            position,
            kind: line.kind.name().to_owned(),
            description: line.description.clone(),
            quantity: line.quantity,
            unit_amount: line.unit_amount.map(Money::minor),
            amount: line.amount.minor(),
            period_start: line.period.map(|period| period.start),
            period_end: line.period.map(|period| period.end),
            bills: "nothing".to_owned(),
            subscription_id: None,
            price_id: None,
            gateway_price: None,
            credit_product_id: None,
            credits: None,
            meter: None,
            window_start: None,
            window_end: None,
            used: None,
        };
        row.trace(&line.bills)?;
        Ok(row)
    }

    fn trace(&mut self, bills: &Billed) -> Result<(), Error> {
        let kind = match bills {
            Billed::Nothing => "nothing",
            Billed::Subscription { subscription_id, price_id, gateway_price } => {
                self.subscription_id = subscription_id.map(|id| id.0);
                self.price_id = price_id.map(|id| id.0);
                self.gateway_price.clone_from(gateway_price);
                "subscription"
            }
            Billed::Credits { credit_product_id, credits } => {
                self.credit_product_id = Some(credit_product_id.0);
                self.credits = Some(*credits);
                "credits"
            }
            Billed::Use { subscription_id, price_id, meter, window, used } => {
                self.subscription_id = subscription_id.map(|id| id.0);
                self.price_id = price_id.map(|id| id.0);
                self.used = Some(stored(*used)?);
                self.meter = Some(meter.clone());
                self.window_start = Some(window.start);
                self.window_end = Some(window.end);
                "use"
            }
        };
        kind.clone_into(&mut self.bills);
        Ok(())
    }

    pub(super) fn read(self, currency: Currency) -> Result<Line, Error> {
        let (invoice, position) = (self.invoice_id, self.position);
        let read = || -> anyhow::Result<Line> {
            let period = self.period_start.zip(self.period_end);
            let subscription_id = self.subscription_id.map(SubscriptionId);
            let bills = match self.bills.as_str() {
                "subscription" => Billed::Subscription {
                    subscription_id,
                    price_id: self.price_id.map(PriceId),
                    gateway_price: self.gateway_price,
                },
                "credits" => Billed::Credits {
                    credit_product_id: CreditProductId(self.credit_product_id.context("pack")?),
                    credits: self.credits.context("credits")?,
                },
                "use" => Billed::Use {
                    subscription_id,
                    price_id: self.price_id.map(PriceId),
                    used: u64::try_from(self.used.context("used")?)?,
                    meter: self.meter.context("meter")?,
                    window: Period {
                        start: self.window_start.context("window")?,
                        end: self.window_end.context("window")?,
                    },
                },
                _ => Billed::Nothing,
            };
            Ok(Line {
                kind: self.kind.parse()?,
                description: self.description,
                quantity: self.quantity,
                unit_amount: self.unit_amount.map(|minor| Money::new(minor, currency)),
                amount: Money::new(self.amount, currency),
                period: period.map(|(start, end)| Period { start, end }),
                bills,
            })
        };
        Ok(read().with_context(|| format!("line {position} of {invoice} cannot be read"))?)
    }
}
