use serde::Deserialize;
use time::{OffsetDateTime, serde::timestamp};

use super::{Expandable, Link, Metadata, PaymentIntent};

/// A page on which one pays.
#[derive(Deserialize)]
pub(crate) struct Session {
    pub(crate) id: String,
    pub(crate) status: Option<String>,
    pub(crate) payment_status: String,
    pub(crate) url: Option<String>,
    #[serde(with = "timestamp")]
    pub(crate) expires_at: OffsetDateTime,
    pub(crate) client_reference_id: Option<String>,
    #[serde(default)]
    pub(crate) metadata: Metadata,
    pub(crate) subscription: Option<Link>,
    pub(crate) payment_intent: Option<Expandable<PaymentIntent>>,
    pub(crate) currency: Option<String>,
    total_details: Option<Totals>,
    automatic_tax: Option<AutomaticTax>,
}

#[derive(Deserialize)]
struct AutomaticTax {
    #[serde(default)]
    enabled: bool,
}

#[derive(Deserialize)]
struct Totals {
    amount_tax: Option<i64>,
    amount_discount: Option<i64>,
}

impl Session {
    /// The tax in what is paid, in minor units.
    pub(crate) fn tax(&self) -> i64 {
        self.total_details.as_ref().and_then(|totals| totals.amount_tax).unwrap_or_default()
    }

    /// What was given off, in minor units.
    pub(crate) fn discount(&self) -> i64 {
        self.total_details.as_ref().and_then(|totals| totals.amount_discount).unwrap_or_default()
    }

    /// Whether Stripe computed the tax, be it nothing.
    pub(crate) fn is_taxed(&self) -> bool {
        self.automatic_tax.as_ref().is_some_and(|tax| tax.enabled)
    }
}
