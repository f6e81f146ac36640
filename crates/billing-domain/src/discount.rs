//! Discount codes: how much they take off, for how long, and who may use them.
//!
//! What a code takes off never changes: who has it keeps it, also after the code has ended.

mod code;
mod redemption;

use rust_decimal::Decimal;
use time::OffsetDateTime;

pub use self::{
    code::{DiscountCode, InvalidCode},
    redemption::{Redemption, RedemptionState},
};
use crate::{
    id::DiscountId,
    money::{Money, MoneyError},
};

/// A code that makes a plan cheaper.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Discount {
    /// Our id.
    pub id: DiscountId,
    /// What is typed in.
    pub code: DiscountCode,
    /// What stands on pages and invoices.
    pub name: String,
    /// How much it takes off each period.
    pub off: Off,
    /// For how many periods.
    pub lasts: Lasts,
    /// Who may use it, for what, and when.
    pub conditions: Conditions,
    /// Whether it may be used at all.
    pub active: bool,
    /// How often it is redeemed, or reserved for an open checkout.
    pub taken: u32,
    /// When it was made.
    pub created_at: OffsetDateTime,
}

/// How much is taken off.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Off {
    /// So many percent, 1 to 100.
    Percent(u8),
    /// An amount, and no more than there is to pay.
    Amount(Money),
}

/// For how many periods, counted from the first one that is paid.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Lasts {
    /// The first.
    Once,
    /// The first so many, 1 to [`MOST_PERIODS`].
    Repeating(u16),
    /// All.
    Forever,
}

/// The most periods that a discount repeats for.
pub const MOST_PERIODS: u16 = 120;
/// As long as gateways show it whole.
const LONGEST_NAME: usize = 40;

/// Who may use a code, for what, and when.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Conditions {
    /// How often it may be redeemed by all together; nothing for any number.
    pub max_redemptions: Option<u32>,
    /// Whether a customer may redeem it once only.
    pub once_per_customer: bool,
    /// Whether it is only for those who have never paid anything.
    pub first_time_only: bool,
    /// The least price of a period.
    pub minimum: Option<Money>,
    /// The keys of the plans that it is for; none for all.
    pub plans: Vec<String>,
    /// From when.
    pub starts_at: Option<OffsetDateTime>,
    /// Until when, exclusively.
    pub ends_at: Option<OffsetDateTime>,
}

/// What a customer did before.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct CustomerHistory {
    /// Whether a payment of theirs ever came.
    pub has_paid: bool,
    /// Whether they redeemed this code.
    pub has_redeemed: bool,
    /// How many open checkouts of theirs it is reserved for. Opening another page closes these.
    pub reserved: u32,
}

/// A plan that somebody wants at a discount.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DiscountedSale<'a> {
    /// The key of the plan.
    pub plan: &'a str,
    /// What a period costs.
    pub price: Money,
    /// Who wants it.
    pub customer: CustomerHistory,
}

/// Why a code takes nothing off.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NotDiscounted {
    /// Somebody switched it off.
    #[error("the discount code is switched off")]
    Inactive,
    /// It is too early.
    #[error("the discount code is not valid before {0}")]
    NotStarted(OffsetDateTime),
    /// It is too late.
    #[error("the discount code was valid until {0}")]
    Expired(OffsetDateTime),
    /// It is for other plans.
    #[error("the discount code is not for this plan")]
    NotForPlan,
    /// Its amounts are in another currency than the price.
    #[error("the discount code is not for prices in this currency")]
    OtherCurrency,
    /// The price is too low.
    #[error("the discount code is for prices of at least {0}")]
    BelowMinimum(Money),
    /// The customer has paid before.
    #[error("the discount code is for customers who have never paid before")]
    FirstTimeOnly,
    /// The customer has redeemed it.
    #[error("the discount code was used before: each customer may use it once")]
    AlreadyUsed,
    /// It was redeemed as often as it may be.
    #[error("the discount code has been used as often as it may be")]
    Exhausted,
}

/// Terms that are none.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum InvalidDiscount {
    /// More than all, or nothing.
    #[error("`percent` must be from 1 to 100")]
    Percent,
    /// Nothing, or less.
    #[error("`amount` must be more than nothing")]
    Amount,
    /// Too few or too many.
    #[error("`periods` must be from 1 to {MOST_PERIODS}")]
    Periods,
    /// None at all.
    #[error("`max_redemptions` must be at least 1")]
    MaxRedemptions,
    /// Nothing, or less.
    #[error("`minimum` must be more than nothing")]
    Minimum,
    /// Two currencies in one.
    #[error("`minimum` must be in the currency of the amount")]
    MinimumCurrency,
    /// It would end before it begins.
    #[error("`ends_at` must be after `starts_at`")]
    Validity,
    /// Empty, or too long.
    #[error("`name` must have 1 to {LONGEST_NAME} characters")]
    Name,
}

impl Discount {
    /// Whether its terms make sense.
    pub fn checked(self) -> Result<Self, InvalidDiscount> {
        let Conditions { max_redemptions, minimum, starts_at, ends_at, .. } = &self.conditions;
        let wrong = match (self.off, self.lasts) {
            (Off::Percent(percent), _) if !(1..=100).contains(&percent) => InvalidDiscount::Percent,
            (Off::Amount(amount), _) if amount.minor() <= 0 => InvalidDiscount::Amount,
            (_, Lasts::Repeating(periods)) if !(1..=MOST_PERIODS).contains(&periods) => {
                InvalidDiscount::Periods
            }
            _ if *max_redemptions == Some(0) => InvalidDiscount::MaxRedemptions,
            _ if minimum.is_some_and(|it| it.minor() <= 0) => InvalidDiscount::Minimum,
            (Off::Amount(amount), _)
                if minimum.is_some_and(|it| it.currency() != amount.currency()) =>
            {
                InvalidDiscount::MinimumCurrency
            }
            _ if starts_at.zip(*ends_at).is_some_and(|(start, end)| end <= start) => {
                InvalidDiscount::Validity
            }
            _ if !(1..=LONGEST_NAME).contains(&self.name.trim().chars().count()) => {
                InvalidDiscount::Name
            }
            (Off::Percent(_) | Off::Amount(_), _) => return Ok(self),
        };
        Err(wrong)
    }

    /// What it takes off a sale that is made now, or why it does not.
    pub fn applied_to(
        &self,
        sale: &DiscountedSale<'_>,
        now: OffsetDateTime,
    ) -> Result<Money, NotDiscounted> {
        let Conditions {
            max_redemptions,
            once_per_customer,
            first_time_only,
            minimum,
            plans,
            starts_at,
            ends_at,
        } = &self.conditions;
        if !self.active {
            return Err(NotDiscounted::Inactive);
        }
        if let Some(start) = starts_at.filter(|start| now < *start) {
            return Err(NotDiscounted::NotStarted(start));
        }
        if let Some(end) = ends_at.filter(|end| *end <= now) {
            return Err(NotDiscounted::Expired(end));
        }
        if !plans.is_empty() && !plans.iter().any(|key| key == sale.plan) {
            return Err(NotDiscounted::NotForPlan);
        }
        let off = self.discount_for(0, sale.price).map_err(|_| NotDiscounted::OtherCurrency)?;
        if let Some(minimum) = minimum {
            let above = sale.price.minus(*minimum).map_err(|_| NotDiscounted::OtherCurrency)?;
            if above.minor() < 0 {
                return Err(NotDiscounted::BelowMinimum(*minimum));
            }
        }
        if *first_time_only && sale.customer.has_paid {
            return Err(NotDiscounted::FirstTimeOnly);
        }
        if *once_per_customer && sale.customer.has_redeemed {
            return Err(NotDiscounted::AlreadyUsed);
        }
        let by_others = self.taken.saturating_sub(sale.customer.reserved);
        if max_redemptions.is_some_and(|most| most <= by_others) {
            return Err(NotDiscounted::Exhausted);
        }
        Ok(off)
    }

    /// What it takes off a period of a subscription, counted from 0: never more than there is to
    /// pay, and nothing after its last period. An error where it is in another currency.
    pub fn discount_for(&self, period: u32, subtotal: Money) -> Result<Money, MoneyError> {
        let off = match self.off {
            Off::Percent(percent) => subtotal.times(Decimal::new(percent.into(), 2))?,
            Off::Amount(amount) => {
                let left = subtotal.minus(amount)?;
                if left.minor() < 0 { subtotal } else { amount }
            }
        };
        let over = self.lasts.periods().is_some_and(|periods| u32::from(periods) <= period);
        let nothing = over || subtotal.minor() <= 0;
        Ok(if nothing { Money::zero(subtotal.currency()) } else { off })
    }
}

impl Off {
    /// Its name in tables and answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Percent(_) => "percent",
            Self::Amount(_) => "amount",
        }
    }
}

impl Lasts {
    /// Its name in tables and answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Once => "once",
            Self::Repeating(_) => "repeating",
            Self::Forever => "forever",
        }
    }

    /// For how many periods; nothing for all.
    pub const fn periods(self) -> Option<u16> {
        match self {
            Self::Once => Some(1),
            Self::Repeating(periods) => Some(periods),
            Self::Forever => None,
        }
    }
}

#[cfg(test)]
mod tests;
