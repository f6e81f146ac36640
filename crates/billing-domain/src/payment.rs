//! Payments: one record for each, whatever the gateway.

mod decline;

use core::str::FromStr;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;

pub use self::decline::{ChargeFailure, DeclineKind, UnknownChargeFailure};
use crate::{
    gateway::GatewayRef,
    id::{CheckoutId, OrganizationId, PaymentId, SubscriptionId},
    money::Money,
};

/// One payment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Payment {
    /// Our id.
    pub id: PaymentId,
    /// Who paid.
    pub organization_id: OrganizationId,
    /// What the gateway calls it; unique.
    pub reference: GatewayRef,
    /// Whether the money came.
    pub status: PaymentStatus,
    /// All that was charged, tax included.
    pub amount: Money,
    /// The tax in it.
    pub tax: Money,
    /// How much was given back.
    pub refunded: Money,
    /// What it paid for, in a few words.
    pub description: String,
    /// The checkout on which it was paid, if any.
    pub checkout_id: Option<CheckoutId>,
    /// The subscription that it pays, if any.
    pub subscription_id: Option<SubscriptionId>,
    /// The gateway's page that shows the invoice or receipt.
    pub document_url: Option<String>,
    /// Why it failed, in the gateway's word.
    pub failure: Option<String>,
    /// When it was made.
    pub created_at: OffsetDateTime,
}

/// Whether the money came; ordered as a payment can go through them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaymentStatus {
    /// Under way.
    Pending,
    /// The outcome is not known yet: ask the gateway, never charge again.
    Unknown,
    /// Refused.
    Failed,
    /// The money came.
    Completed,
    /// A part was given back.
    PartiallyRefunded,
    /// All was given back.
    Refunded,
    /// The payer disputes it.
    Disputed,
}

/// No status of a payment has this name.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("`{0}` is not a status of a payment")]
pub struct UnknownPaymentStatus(pub String);

impl PaymentStatus {
    /// Every status, in the order in which a payment can go through them.
    pub const ALL: [Self; 7] = [
        Self::Pending,
        Self::Unknown,
        Self::Failed,
        Self::Completed,
        Self::PartiallyRefunded,
        Self::Refunded,
        Self::Disputed,
    ];

    /// Its name in tables and answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Unknown => "unknown",
            Self::Failed => "failed",
            Self::Completed => "completed",
            Self::PartiallyRefunded => "partially_refunded",
            Self::Refunded => "refunded",
            Self::Disputed => "disputed",
        }
    }

    /// Whether the money came, whatever happened to it later.
    pub const fn captured(self) -> bool {
        match self {
            Self::Completed | Self::PartiallyRefunded | Self::Refunded | Self::Disputed => true,
            Self::Pending | Self::Unknown | Self::Failed => false,
        }
    }
}

impl FromStr for PaymentStatus {
    type Err = UnknownPaymentStatus;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|status| status.name() == name)
            .ok_or_else(|| UnknownPaymentStatus(name.to_owned()))
    }
}

impl Payment {
    /// Adopts what the gateway reports now. Whether that is news.
    ///
    /// Reports may come late and in any order, and end in the same state: the one that tells of
    /// the most progress stands. Money that came is not un-come by an older report, and what was
    /// given back does not shrink. What only some reports know is kept from any of them.
    pub fn observe(&mut self, reported: &Self) -> bool {
        let before = self.clone();
        let newer = reported.progress() >= self.progress();
        if newer {
            self.status = reported.status;
            self.refunded = reported.refunded;
            self.amount = reported.amount;
            self.tax = reported.tax;
            self.failure.clone_from(&reported.failure);
        }
        self.checkout_id = self.checkout_id.or(reported.checkout_id);
        self.subscription_id = self.subscription_id.or(reported.subscription_id);
        if reported.document_url.is_some() && (newer || self.document_url.is_none()) {
            self.document_url.clone_from(&reported.document_url);
        }
        *self != before
    }

    /// How far it has come: how much was given back, and then its status.
    fn progress(&self) -> (i64, PaymentStatus) {
        (self.refunded.minor(), self.status)
    }
}

#[cfg(test)]
mod tests;
