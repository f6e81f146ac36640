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
}

#[derive(Deserialize)]
struct Totals {
    amount_tax: Option<i64>,
}

impl Session {
    /// The tax in what is paid, in minor units.
    pub(crate) fn tax(&self) -> i64 {
        self.total_details.as_ref().and_then(|totals| totals.amount_tax).unwrap_or_default()
    }
}
