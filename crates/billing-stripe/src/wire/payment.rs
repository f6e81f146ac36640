use serde::Deserialize;
use time::{OffsetDateTime, serde::timestamp};

use super::{Expandable, Link, Metadata};

/// A payment, with all its tries.
#[derive(Deserialize)]
pub(crate) struct PaymentIntent {
    pub(crate) id: String,
    pub(crate) status: String,
    pub(crate) amount: i64,
    pub(crate) amount_received: Option<i64>,
    pub(crate) currency: String,
    #[serde(with = "timestamp")]
    pub(crate) created: OffsetDateTime,
    pub(crate) customer: Option<Link>,
    pub(crate) description: Option<String>,
    #[serde(default)]
    pub(crate) metadata: Metadata,
    pub(crate) latest_charge: Option<Expandable<Charge>>,
    /// Before basil.
    pub(crate) invoice: Option<Link>,
    last_payment_error: Option<PaymentError>,
    cancellation_reason: Option<String>,
}

/// One try that reached the bank.
#[derive(Deserialize)]
pub(crate) struct Charge {
    #[serde(default)]
    pub(crate) amount_refunded: i64,
    #[serde(default)]
    pub(crate) disputed: bool,
    pub(crate) receipt_url: Option<String>,
    pub(crate) payment_intent: Option<Link>,
}

#[derive(Deserialize)]
struct PaymentError {
    decline_code: Option<String>,
    code: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
}

impl PaymentIntent {
    /// The last try, if it came whole.
    pub(crate) fn charge(&self) -> Option<&Charge> {
        match &self.latest_charge {
            Some(Expandable::Object(charge)) => Some(charge),
            Some(Expandable::Id(_)) | None => None,
        }
    }

    /// Whether the last try was refused.
    pub(crate) const fn was_refused(&self) -> bool {
        self.last_payment_error.is_some()
    }

    /// Why there is no money, in one word.
    pub(crate) fn failure(&self) -> Option<&str> {
        let error = self.last_payment_error.as_ref();
        let word = error.and_then(|error| {
            error.decline_code.as_deref().or(error.code.as_deref()).or(error.kind.as_deref())
        });
        word.or(self.cancellation_reason.as_deref())
    }
}
