//! What invoices are made of, as it is answered.

use billing_domain::invoice::{
    Billed, Deduction as DeductionRecord, Line as LineRecord, Party as PartyRecord, TaxLine,
};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{moment::Moment, money::Money};

/// What was bought.
#[derive(Serialize, ToSchema)]
pub(crate) struct Line {
    /// `recurring`, `metered`, `proration`, `one_off` or `adjustment`.
    #[schema(example = "one_off")]
    kind: &'static str,
    description: String,
    quantity: i64,
    unit_amount: Option<Money>,
    amount: Money,
    period_start: Option<Moment>,
    period_end: Option<Moment>,
    bills: Bills,
}

/// What a line bills.
#[derive(Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(crate) enum Bills {
    /// Nothing that has a record.
    Nothing,
    /// A price of a subscription.
    Subscription {
        subscription_id: Option<Uuid>,
        price_id: Option<Uuid>,
        gateway_price: Option<String>,
    },
    /// A pack of credits.
    Credits { credit_product_id: Uuid, credits: i64 },
    /// Use that was counted in a window.
    Use {
        subscription_id: Option<Uuid>,
        price_id: Option<Uuid>,
        meter: String,
        window_start: Moment,
        window_end: Moment,
        /// How much of it the line bills.
        used: u64,
    },
}

/// Something that is taken off.
#[derive(Serialize, ToSchema)]
pub(crate) struct Deduction {
    description: String,
    amount: Money,
}

/// A tax.
#[derive(Serialize, ToSchema)]
pub(crate) struct Tax {
    #[schema(example = "VAT")]
    name: String,
    #[schema(example = "DE")]
    jurisdiction: Option<String>,
    #[schema(example = "19")]
    percent: Option<String>,
    /// Whether the prices contain it.
    inclusive: bool,
    taxable: Option<Money>,
    amount: Money,
}

/// Somebody who stands on it.
#[derive(Serialize, ToSchema)]
pub(crate) struct Party {
    name: String,
    email: Option<String>,
    address: Option<String>,
    country: Option<String>,
    tax_id: Option<String>,
}

impl From<&LineRecord> for Line {
    fn from(line: &LineRecord) -> Self {
        Self {
            kind: line.kind.name(),
            description: line.description.clone(),
            quantity: line.quantity,
            unit_amount: line.unit_amount.map(Money::from),
            amount: line.amount.into(),
            period_start: line.period.map(|it| Moment(it.start)),
            period_end: line.period.map(|it| Moment(it.end)),
            bills: Bills::from(&line.bills),
        }
    }
}

impl From<&Billed> for Bills {
    fn from(bills: &Billed) -> Self {
        match bills {
            Billed::Nothing => Self::Nothing,
            Billed::Subscription { subscription_id, price_id, gateway_price } => {
                Self::Subscription {
                    subscription_id: subscription_id.map(|id| id.0),
                    price_id: price_id.map(|id| id.0),
                    gateway_price: gateway_price.clone(),
                }
            }
            Billed::Credits { credit_product_id, credits } => {
                Self::Credits { credit_product_id: credit_product_id.0, credits: *credits }
            }
            Billed::Use { subscription_id, price_id, meter, window, used } => Self::Use {
                subscription_id: subscription_id.map(|id| id.0),
                price_id: price_id.map(|id| id.0),
                meter: meter.clone(),
                window_start: Moment(window.start),
                window_end: Moment(window.end),
                used: *used,
            },
        }
    }
}

impl From<&DeductionRecord> for Deduction {
    fn from(it: &DeductionRecord) -> Self {
        Self { description: it.description.clone(), amount: it.amount.into() }
    }
}

impl From<&TaxLine> for Tax {
    fn from(tax: &TaxLine) -> Self {
        Self {
            name: tax.name.clone(),
            jurisdiction: tax.jurisdiction.clone(),
            percent: tax.percent.map(|it| it.to_string()),
            inclusive: tax.inclusive,
            taxable: tax.taxable.map(Money::from),
            amount: tax.amount.into(),
        }
    }
}

impl From<PartyRecord> for Party {
    fn from(party: PartyRecord) -> Self {
        let PartyRecord { name, email, address, country, tax_id } = party;
        let country = country.map(|it| it.code().to_owned());
        Self { name, email, address, country, tax_id }
    }
}
