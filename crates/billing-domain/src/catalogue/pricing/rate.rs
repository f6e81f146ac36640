//! What a quantity costs.

use core::num::NonZeroU64;

use rust_decimal::{Decimal, prelude::ToPrimitive};
use serde::{Deserialize, Serialize};

use super::{InvalidPrice, exact::Exact};
use crate::{
    currency::Currency,
    money::{Money, MoneyError},
};

/// What a quantity costs. Amounts are in minor units of the price's currency, and may have
/// fractions of them: the whole is rounded once, half to even. Nothing costs nothing.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "model", rename_all = "snake_case", deny_unknown_fields)]
pub enum Rate {
    /// So much for each.
    PerUnit {
        /// What one costs.
        unit_amount: Decimal,
    },
    /// Each unit costs what the tier says into which it falls.
    Graduated {
        /// The tiers.
        tiers: Tiers,
    },
    /// All units cost what the tier says into which the last one falls.
    Volume {
        /// The tiers.
        tiers: Tiers,
    },
    /// Whole packages are sold: one that is begun is paid.
    Package {
        /// How many are in one.
        size: NonZeroU64,
        /// What one costs.
        amount: Decimal,
    },
}

/// Tiers that follow each other from the first unit on, the last one without an end.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(try_from = "Vec<Tier>", into = "Vec<Tier>")]
pub struct Tiers(Vec<Tier>);

/// What units cost up to one of them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tier {
    /// The last unit in it; nothing where it has no end.
    pub up_to: Option<u64>,
    /// What each unit in it costs.
    pub unit_amount: Decimal,
    /// What is paid once where a unit falls into it.
    #[serde(default)]
    pub flat_amount: Decimal,
}

/// Why these are no tiers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum InvalidTiers {
    /// Each begins where the one before it ends.
    #[error("tiers must end at growing numbers, from 1 on")]
    Order,
    /// Every quantity must have a price.
    #[error("the last tier, and no other, must have no end")]
    End,
    /// An amount that is negative, or finer than is computed.
    #[error("`{0}` must be 0 or more minor units, with 12 decimals at most")]
    Amount(Decimal),
}

impl Tiers {
    /// Tiers in their order.
    pub fn new(tiers: Vec<Tier>) -> Result<Self, InvalidTiers> {
        let Some((last, before)) = tiers.split_last() else { return Err(InvalidTiers::End) };
        if last.up_to.is_some() || before.iter().any(|tier| tier.up_to.is_none()) {
            return Err(InvalidTiers::End);
        }
        let mut below = 0;
        for end in before.iter().filter_map(|tier| tier.up_to) {
            if end <= below {
                return Err(InvalidTiers::Order);
            }
            below = end;
        }
        let mut amounts = tiers.iter().flat_map(|tier| [tier.unit_amount, tier.flat_amount]);
        match amounts.find(|amount| !is_chargeable(*amount)) {
            Some(wrong) => Err(InvalidTiers::Amount(wrong)),
            None => Ok(Self(tiers)),
        }
    }

    /// In their order.
    pub fn as_slice(&self) -> &[Tier] {
        &self.0
    }
}

impl TryFrom<Vec<Tier>> for Tiers {
    type Error = InvalidTiers;

    fn try_from(tiers: Vec<Tier>) -> Result<Self, InvalidTiers> {
        Self::new(tiers)
    }
}

impl From<Tiers> for Vec<Tier> {
    fn from(tiers: Tiers) -> Self {
        tiers.0
    }
}

/// What a part of a quantity costs. The parts of a quantity are the whole of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Part {
    /// The units that it is of, from the first to the last; nothing where it is of all.
    pub units: Option<(u64, Option<u64>)>,
    /// How much of the quantity it is.
    pub covers: u64,
    /// How many are paid: units, or packages.
    pub sold: u64,
    /// What one of them costs; nothing where that is no whole minor unit, or not all of it.
    pub unit_amount: Option<Money>,
    /// What all of them cost.
    pub amount: Money,
}

impl Rate {
    /// Its name in answers.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::PerUnit { .. } => "per_unit",
            Self::Graduated { .. } => "graduated",
            Self::Volume { .. } => "volume",
            Self::Package { .. } => "package",
        }
    }

    /// Whether it can be charged.
    pub(super) fn check(&self) -> Result<(), InvalidPrice> {
        match self {
            Self::PerUnit { unit_amount: amount } | Self::Package { amount, .. } => {
                is_chargeable(*amount).then_some(()).ok_or(InvalidPrice::Amount(*amount))
            }
            // There are no others.
            Self::Graduated { .. } | Self::Volume { .. } => Ok(()),
        }
    }

    /// What a quantity costs.
    pub fn amount(&self, quantity: u64, currency: Currency) -> Result<Money, MoneyError> {
        let parts = self.parts(quantity, currency)?;
        parts.into_iter().map(|part| part.amount).try_fold(Money::zero(currency), Money::plus)
    }

    /// The same in parts: one for each tier that it reaches where these are graduated, else one.
    pub fn parts(&self, quantity: u64, currency: Currency) -> Result<Vec<Part>, MoneyError> {
        let all = |sold, (unit, flat)| {
            let exact = exact(unit)?.times(sold)?;
            let exact = if sold == 0 { exact } else { exact.plus(self::exact(flat)?)? };
            let amount = Money::new(exact.rounded()?, currency);
            let unit_amount = unit_amount((unit, flat), sold, amount);
            Ok(vec![Part { units: None, covers: quantity, sold, unit_amount, amount }])
        };
        match self {
            Self::PerUnit { unit_amount } => all(quantity, (*unit_amount, Decimal::ZERO)),
            Self::Package { size, amount } => {
                all(quantity.div_ceil(size.get()), (*amount, Decimal::ZERO))
            }
            Self::Volume { tiers } => {
                let reached = |tier: &&Tier| tier.up_to.is_none_or(|end| quantity <= end);
                let tier = tiers.0.iter().find(reached).ok_or(MoneyError::Overflow)?;
                all(quantity, (tier.unit_amount, tier.flat_amount))
            }
            Self::Graduated { .. } if quantity == 0 => all(0, (Decimal::ZERO, Decimal::ZERO)),
            Self::Graduated { tiers } => graduated(&tiers.0, quantity, currency),
        }
    }
}

/// What has come to be owed up to the end of each tier is rounded, and a part is the difference of
/// two such sums: so the parts add up to the whole, which is rounded once.
fn graduated(tiers: &[Tier], quantity: u64, currency: Currency) -> Result<Vec<Part>, MoneyError> {
    let (mut below, mut owed, mut billed) = (0, Exact::default(), Money::zero(currency));
    let mut parts = Vec::new();
    for tier in tiers {
        if quantity <= below {
            break;
        }
        let sold = tier.up_to.map_or(quantity, |end| end.min(quantity)) - below;
        owed = owed.plus(exact(tier.unit_amount)?.times(sold)?)?.plus(exact(tier.flat_amount)?)?;
        let until_here = Money::new(owed.rounded()?, currency);
        let amount = until_here.minus(billed)?;
        parts.push(Part {
            units: Some((below + 1, tier.up_to)),
            covers: sold,
            sold,
            unit_amount: unit_amount((tier.unit_amount, tier.flat_amount), sold, amount),
            amount,
        });
        (below, billed) = (below + sold, until_here);
    }
    Ok(parts)
}

fn exact(amount: Decimal) -> Result<Exact, MoneyError> {
    Exact::of(amount).ok_or(MoneyError::Overflow)
}

fn is_chargeable(amount: Decimal) -> bool {
    amount >= Decimal::ZERO && Exact::of(amount).is_some()
}

/// What one costs, where that explains the amount.
fn unit_amount((unit, flat): (Decimal, Decimal), sold: u64, amount: Money) -> Option<Money> {
    let whole = (unit.is_integer() && flat.is_zero()).then(|| unit.to_i64())??;
    let explained = i128::from(whole) * i128::from(sold) == i128::from(amount.minor());
    explained.then(|| Money::new(whole, amount.currency()))
}
