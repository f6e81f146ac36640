//! What was bought.

use core::str::FromStr;

use crate::{
    id::{CreditProductId, PriceId, SubscriptionId},
    money::Money,
    period::Period,
};

/// One line of an invoice.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Line {
    /// Of what sort it is.
    pub kind: LineKind,
    /// What people read.
    pub description: String,
    /// How many.
    pub quantity: i64,
    /// What one costs; nothing where there is no one price, as in tiers, or no whole minor unit.
    pub unit_amount: Option<Money>,
    /// What all of it costs; negative where it gives something back.
    pub amount: Money,
    /// For what time, if it is for one.
    pub period: Option<Period>,
    /// What it bills, so that it can be traced.
    pub bills: Billed,
}

/// Of what sort a line is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum LineKind {
    /// A price of a period.
    Recurring,
    /// Use that was counted.
    Metered,
    /// A part of a period, given back or charged when something changed in the middle of it.
    Proration,
    /// Something that is paid once.
    OneOff,
    /// What a gateway charged and did not itemize.
    Adjustment,
}

/// No kind of a line has this name.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("`{0}` is not a kind of a line")]
pub struct UnknownLineKind(pub String);

/// What a line bills.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Billed {
    /// Nothing that has a record.
    #[default]
    Nothing,
    /// A price of a subscription.
    Subscription {
        /// Ours, where it is known.
        subscription_id: Option<SubscriptionId>,
        /// Ours, where it is known.
        price_id: Option<PriceId>,
        /// What the gateway calls the price.
        gateway_price: Option<String>,
    },
    /// A pack of credits.
    Credits {
        /// Which one.
        credit_product_id: CreditProductId,
        /// How many credits it gave.
        credits: i64,
    },
    /// Use of a meter: the events that were counted in this window.
    Use {
        /// The subscription whose price it is.
        subscription_id: Option<SubscriptionId>,
        /// The price that says what it costs.
        price_id: Option<PriceId>,
        /// Which meter.
        meter: String,
        /// From when to when it was counted.
        window: Period,
        /// How much of it the line bills.
        used: u64,
    },
}

/// What invoices of ours bill of the use of a meter in one window, together.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BilledUse {
    /// Which meter.
    pub meter: String,
    /// At which price.
    pub price_id: PriceId,
    /// When it was counted.
    pub window: Period,
    /// How much.
    pub used: u64,
    /// What that cost.
    pub amount: Money,
}

impl LineKind {
    /// Every kind.
    pub const ALL: [Self; 5] =
        [Self::Recurring, Self::Metered, Self::Proration, Self::OneOff, Self::Adjustment];

    /// Its name in tables and answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Recurring => "recurring",
            Self::Metered => "metered",
            Self::Proration => "proration",
            Self::OneOff => "one_off",
            Self::Adjustment => "adjustment",
        }
    }
}

impl FromStr for LineKind {
    type Err = UnknownLineKind;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|kind| kind.name() == name);
        found.ok_or_else(|| UnknownLineKind(name.to_owned()))
    }
}
