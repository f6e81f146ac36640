//! Where an invoice stands.

use core::str::FromStr;

use serde::{Deserialize, Serialize};

/// Where an invoice stands; ordered as an invoice can go through them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InvoiceStatus {
    /// Lines may still change. It has no number.
    Draft,
    /// Final, and to be paid.
    Open,
    /// Nobody expects the money any more; it may come nevertheless.
    Uncollectible,
    /// Nothing is left to pay.
    Paid,
    /// It should not have been: nothing is to be paid.
    Void,
}

/// No status of an invoice has this name.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("`{0}` is not a status of an invoice")]
pub struct UnknownInvoiceStatus(pub String);

/// An invoice that stands there cannot do that.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("an invoice that is {} cannot be {verb}", .from.name())]
pub struct IllegalMove {
    /// Where it stands.
    pub from: InvoiceStatus,
    /// What was asked.
    pub verb: &'static str,
}

impl InvoiceStatus {
    /// Every status, in the order in which an invoice can go through them.
    pub const ALL: [Self; 5] =
        [Self::Draft, Self::Open, Self::Uncollectible, Self::Paid, Self::Void];

    /// Its name in tables and answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Open => "open",
            Self::Uncollectible => "uncollectible",
            Self::Paid => "paid",
            Self::Void => "void",
        }
    }

    /// Whether the money may still come.
    pub(super) const fn awaits_payment(self) -> bool {
        match self {
            Self::Open | Self::Uncollectible => true,
            Self::Draft | Self::Paid | Self::Void => false,
        }
    }
}

impl FromStr for InvoiceStatus {
    type Err = UnknownInvoiceStatus;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let mut all = Self::ALL.into_iter();
        let found = all.find(|status| status.name() == name);
        found.ok_or_else(|| UnknownInvoiceStatus(name.to_owned()))
    }
}
