//! Lines and what changes their sum.

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::{
    currency::Currency,
    invoice::Line,
    money::{Money, MoneyError},
};

/// What is to be paid, and why: `total = lines − discounts + tax − credits`, in one currency.
///
/// Tax that the prices contain is named, and is no part of the sum.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Bill {
    parts: Parts,
    subtotal: Money,
    discount: Money,
    tax: Money,
    credit: Money,
    total: Money,
}

/// What a bill is made of.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Parts {
    /// What it is in.
    pub currency: Currency,
    /// What was bought.
    pub lines: Vec<Line>,
    /// What is given off; each is not negative.
    pub discounts: Vec<Deduction>,
    /// Tax, on top or inside.
    pub taxes: Vec<TaxLine>,
    /// What the customer had to their credit; negative where the invoice adds to it.
    pub credits: Vec<Deduction>,
}

/// Something that is taken off.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Deduction {
    /// Why.
    pub description: String,
    /// How much.
    pub amount: Money,
}

/// A tax.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct TaxLine {
    /// What it is called there: VAT, GST.
    pub name: String,
    /// Whose it is: a country by two letters, or the gateway's word; nothing where it does not say.
    pub jurisdiction: Option<String>,
    /// Percent; nothing where the gateway says only how much.
    pub percent: Option<Decimal>,
    /// Whether the prices contain it.
    pub inclusive: bool,
    /// On how much, without the tax; nothing where the gateway does not say.
    pub taxable: Option<Money>,
    /// How much.
    pub amount: Money,
}

/// Why a bill is none.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum InvalidBill {
    /// Two currencies met, or a sum is too large.
    #[error(transparent)]
    Money(#[from] MoneyError),
    /// A discount that makes it dearer.
    #[error("a discount of {0} is negative")]
    Discount(Money),
    /// Nobody pays less than nothing: what is left belongs to the customer's credit.
    #[error("the total of {0} is negative")]
    Negative(Money),
    /// Another total was stated.
    #[error("the lines come to {sum}, not to {stated}")]
    DoesNotAddUp {
        /// What was said.
        stated: Money,
        /// What it comes to.
        sum: Money,
    },
}

impl Bill {
    /// Sums up.
    pub fn new(parts: Parts) -> Result<Self, InvalidBill> {
        let Parts { currency, lines, discounts, taxes, credits } = &parts;
        let sum =
            |amounts: Vec<Money>| amounts.into_iter().try_fold(Money::zero(*currency), Money::plus);
        if let Some(negative) = discounts.iter().find(|it| it.amount.minor() < 0) {
            return Err(InvalidBill::Discount(negative.amount));
        }
        let subtotal = sum(lines.iter().map(|line| line.amount).collect())?;
        let discount = sum(discounts.iter().map(|it| it.amount).collect())?;
        let on_top = taxes.iter().filter(|tax| !tax.inclusive);
        let tax = sum(on_top.map(|tax| tax.amount).collect())?;
        sum(taxes.iter().map(|tax| tax.amount).collect())?;
        let credit = sum(credits.iter().map(|it| it.amount).collect())?;
        let total = subtotal.minus(discount)?.plus(tax)?.minus(credit)?;
        if total.minor() < 0 {
            return Err(InvalidBill::Negative(total));
        }
        Ok(Self { parts, subtotal, discount, tax, credit, total })
    }

    /// The same, if it comes to what somebody else says.
    pub fn stated(parts: Parts, total: Money) -> Result<Self, InvalidBill> {
        let bill = Self::new(parts)?;
        if bill.total != total {
            return Err(InvalidBill::DoesNotAddUp { stated: total, sum: bill.total });
        }
        Ok(bill)
    }

    /// What it is made of.
    pub const fn parts(&self) -> &Parts {
        &self.parts
    }

    /// The sum of the lines.
    pub const fn subtotal(&self) -> Money {
        self.subtotal
    }

    /// The sum of what is given off.
    pub const fn discount(&self) -> Money {
        self.discount
    }

    /// The sum of the tax on top.
    pub const fn tax(&self) -> Money {
        self.tax
    }

    /// All tax in the total, on top and inside.
    pub fn tax_in_total(&self) -> Money {
        let all = self.parts.taxes.iter().map(|tax| tax.amount.minor());
        Money::new(all.fold(0, i64::saturating_add), self.parts.currency)
    }

    /// The sum of what was to the customer's credit.
    pub const fn credit(&self) -> Money {
        self.credit
    }

    /// What is to be paid.
    pub const fn total(&self) -> Money {
        self.total
    }
}
