//! What a price is made of: an amount that recurs, and components beside it.

mod exact;
mod rate;

use std::collections::BTreeSet;

use rust_decimal::Decimal;

pub use self::rate::{InvalidTiers, Part, Rate, Tier, Tiers};
use crate::{
    catalogue::{Amount, Catalogue, Overage, Plan, PlanVersion, Price, Window},
    money::{Money, MoneyError},
};

/// How the amount of a price depends on how many there are of the subscription.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Model {
    /// It does not.
    #[default]
    Flat,
    /// So much for each.
    PerSeat,
}

/// No model of a price has this name.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("`{0}` is not a model of a price: use flat or per_seat")]
pub struct UnknownModel(pub String);

impl Model {
    /// Its name in tables and answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Flat => "flat",
            Self::PerSeat => "per_seat",
        }
    }
}

impl core::str::FromStr for Model {
    type Err = UnknownModel;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let found = [Self::Flat, Self::PerSeat].into_iter().find(|model| model.name() == name);
        found.ok_or_else(|| UnknownModel(name.to_owned()))
    }
}

/// What is charged beside the amount of a price, in its currency and as often.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Component {
    /// What people read on the invoice.
    pub name: String,
    /// What is charged for.
    pub charged: Charged,
    /// What that costs.
    pub rate: Rate,
}

/// What a component charges for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Charged {
    /// Seats beyond those that the amount includes, in advance.
    Seats {
        /// How many the amount includes.
        included: u32,
    },
    /// All use of a meter, in arrears.
    Use {
        /// Which one.
        meter: String,
    },
    /// Use of a meter beyond the limit and the bonuses, in arrears.
    Overage {
        /// Which one.
        meter: String,
    },
}

impl Charged {
    /// Its name in tables and answers.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Seats { .. } => "seats",
            Self::Use { .. } => "use",
            Self::Overage { .. } => "overage",
        }
    }

    /// The meter whose use is charged.
    pub fn meter(&self) -> Option<&str> {
        match self {
            Self::Seats { .. } => None,
            Self::Use { meter } | Self::Overage { meter } => Some(meter),
        }
    }

    /// How much of what was used in a period is charged, where bonuses bear some of it.
    pub const fn of_use(&self, limit: Amount, (used, from_bonus): (u64, u64)) -> u64 {
        match (self, limit) {
            (Self::Use { .. }, _) => used,
            (Self::Overage { .. }, Amount::AtMost(limit)) => {
                used.saturating_sub(limit.saturating_add(from_bonus))
            }
            (Self::Overage { .. }, Amount::Unlimited) | (Self::Seats { .. }, _) => 0,
        }
    }
}

/// Why a price cannot be charged.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum InvalidPrice {
    /// Nobody could say which of them holds.
    #[error("there are two prices in {0} for the same interval")]
    Ambiguous(crate::currency::Currency),
    /// A component that would be charged twice.
    #[error("{0} is charged by two components of one price")]
    Twice(String),
    /// An amount that is negative, or finer than is computed.
    #[error("`{0}` must be 0 or more minor units, with 12 decimals at most")]
    Amount(Decimal),
    /// Nothing of this name is counted.
    #[error("the meter `{0}` does not exist")]
    UnknownMeter(String),
    /// Use is charged by what was counted in the billing period.
    #[error("the plan needs a limit on `{0}` in the billing period, or none but `unlimited`")]
    NotByPeriod(String),
    /// Nothing is ever used beyond such a limit.
    #[error("the limit on `{0}` must be a number, and allow more than that")]
    NeverAbove(String),
    /// Only what adds up has a part beyond a limit.
    #[error("overage of `{0}` cannot be charged: only count and sum meters add up")]
    DoesNotAddUp(String),
}

impl Price {
    /// What recurs, for so many of the subscription, without the components.
    pub fn recurring(&self, quantity: u32) -> Result<Money, MoneyError> {
        match self.model {
            Model::Flat => Ok(self.amount),
            Model::PerSeat => self.amount.times(quantity.into()),
        }
    }

    /// Whether nothing is ever to be paid.
    pub fn is_free(&self) -> bool {
        self.amount.is_zero() && self.components.is_empty()
    }

    /// Whether all of it is one amount that recurs: what gateways can bill as well.
    pub fn is_simple(&self) -> bool {
        self.components.is_empty()
    }
}

impl Catalogue {
    /// Whether every price of a plan can be charged.
    pub fn check_prices(&self, plan: &Plan) -> Result<(), InvalidPrice> {
        for version in &plan.versions {
            let mut offered = BTreeSet::new();
            for price in &version.prices {
                let currency = price.amount.currency();
                if price.active && !offered.insert((currency.code().to_owned(), price.interval)) {
                    return Err(InvalidPrice::Ambiguous(currency));
                }
                if price.amount.minor() < 0 {
                    return Err(InvalidPrice::Amount(price.amount.minor().into()));
                }
                let mut charged = BTreeSet::new();
                for component in &price.components {
                    let what = component.charged.meter().unwrap_or("seats");
                    if !charged.insert((component.charged.meter().is_some(), what)) {
                        return Err(InvalidPrice::Twice(what.to_owned()));
                    }
                    component.rate.check()?;
                    self.check_metered(version, &component.charged)?;
                }
            }
        }
        Ok(())
    }

    fn check_metered(&self, version: &PlanVersion, charged: &Charged) -> Result<(), InvalidPrice> {
        let Some(key) = charged.meter() else { return Ok(()) };
        let owned = || key.to_owned();
        let meter = self.meter(key).ok_or_else(|| InvalidPrice::UnknownMeter(owned()))?;
        let limit = version.limit(key).filter(|limit| limit.window == Window::BillingPeriod);
        let limit = limit.ok_or_else(|| InvalidPrice::NotByPeriod(owned()))?;
        match (charged, limit.amount, limit.overage) {
            (Charged::Overage { .. }, _, _) if !meter.aggregation.adds_up() => {
                Err(InvalidPrice::DoesNotAddUp(owned()))
            }
            (Charged::Overage { .. }, Amount::Unlimited, _)
            | (Charged::Overage { .. }, _, Overage::Block) => {
                Err(InvalidPrice::NeverAbove(owned()))
            }
            (
                Charged::Overage { .. } | Charged::Use { .. } | Charged::Seats { .. },
                Amount::AtMost(_) | Amount::Unlimited,
                Overage::Allow | Overage::Block,
            ) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
