//! What a plan allows: features that are on or off, and limits on meters.

use serde::{Deserialize, Serialize};
use time::{
    OffsetDateTime,
    macros::datetime,
};

use crate::period::{Anchor, Interval, Period};

/// One thing that a plan version allows.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Feature {
    /// Its key, such as `custom_domain`.
    pub key: String,
    /// Whether, or how much.
    pub value: FeatureValue,
}

/// Whether a feature is on, or how much of it there is.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FeatureValue {
    /// On or off.
    Flag(bool),
    /// So much of a meter.
    Limit(Limit),
}

/// How much of a meter may be used in a window.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Limit {
    /// What is counted.
    pub meter: String,
    /// How much of it.
    pub amount: Amount,
    /// Within what time.
    pub window: Window,
    /// What happens above.
    pub overage: Overage,
}

/// A number, or no end.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Amount {
    /// This much and no more.
    AtMost(u64),
    /// As much as one likes.
    Unlimited,
}

impl Amount {
    /// Whether a total fits.
    pub const fn allows(self, total: u64) -> bool {
        match self {
            Self::AtMost(limit) => total <= limit,
            Self::Unlimited => true,
        }
    }
}

/// What happens above a limit.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Overage {
    /// It is refused.
    Block,
    /// It is allowed and counted.
    Allow,
}

/// The time within which use is counted against a limit.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Window {
    /// The subscription's period; without a subscription the calendar month.
    BillingPeriod,
    /// The calendar month, in UTC.
    CalendarMonth,
    /// From the beginning: what exists now.
    Lifetime,
}

impl Window {
    /// Its name in tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::BillingPeriod => "billing_period",
            Self::CalendarMonth => "calendar_month",
            Self::Lifetime => "lifetime",
        }
    }

    /// The stretch of time in which an instant is counted.
    ///
    /// `billed` is the current period of the subscription and how often it recurs; earlier and
    /// later periods are counted from its start.
    pub fn around(self, at: OffsetDateTime, billed: Option<(Period, Interval)>) -> Period {
        match (self, billed) {
            (Self::Lifetime, _) => ALL_TIME,
            (Self::BillingPeriod, Some((period, _))) if period.contains(at) => period,
            (Self::BillingPeriod, Some((period, interval))) => {
                Anchor(period.start).period_at(interval, at)
            }
            (Self::BillingPeriod, None) | (Self::CalendarMonth, _) => Period::calendar_month(at),
        }
    }
}

/// The window that never resets.
pub const ALL_TIME: Period =
    Period { start: datetime!(1970-01-01 0:00 UTC), end: datetime!(9999-01-01 0:00 UTC) };
