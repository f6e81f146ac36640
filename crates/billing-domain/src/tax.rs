//! Tax on what we invoice ourselves, by a table of rates. What a gateway computed stands.

mod default;
mod id;

use core::str::FromStr;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use time::Date;

pub use self::{default::tax_rates, id::is_eu_vat_id};
use crate::{
    invoice::TaxLine,
    money::{Money, MoneyError},
    organization::Country,
};

/// What a country takes, from a day on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TaxRate {
    /// Which country.
    pub country: Country,
    /// What the tax is called there.
    pub name: String,
    /// How much of the price without tax.
    pub percent: Decimal,
    /// The first day.
    pub valid_from: Date,
    /// The last day, where there is one.
    pub valid_to: Option<Date>,
}

/// Whether a price contains the tax.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaxBehavior {
    /// It does.
    #[default]
    Inclusive,
    /// It comes on top.
    Exclusive,
}

/// No such behavior is known.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("`{0}` is not a tax behavior: inclusive or exclusive")]
pub struct UnknownTaxBehavior(pub String);

impl TaxBehavior {
    /// Its name in tables and answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Inclusive => "inclusive",
            Self::Exclusive => "exclusive",
        }
    }
}

impl FromStr for TaxBehavior {
    type Err = UnknownTaxBehavior;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let mut all = [Self::Inclusive, Self::Exclusive].into_iter();
        all.find(|it| it.name() == name).ok_or_else(|| UnknownTaxBehavior(name.to_owned()))
    }
}

/// Something that was paid, and by whom.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TaxedSale<'a> {
    /// Where the seller is at home; nothing where nobody has said so.
    pub seller: Option<Country>,
    /// Where the buyer is at home.
    pub buyer: Option<Country>,
    /// Under what number the buyer pays tax.
    pub tax_id: Option<&'a str>,
    /// Whether the price contains tax.
    pub behavior: TaxBehavior,
    /// When.
    pub on: Date,
    /// All that was paid.
    pub paid: Money,
}

/// What a sale that is paid contains of tax.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Assessment {
    /// A share of what was paid.
    Taxed(TaxLine),
    /// Nothing.
    Untaxed(NoTax),
}

/// Why there is no tax.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoTax {
    /// Nobody has said where the seller is at home.
    NoSellerCountry,
    /// Nobody has said where the buyer is at home.
    NoBuyerCountry,
    /// The table has no rate for the buyer's country on that day.
    NoRate,
    /// The buyer, a business in another country of the EU, pays it.
    ReverseCharge,
    /// The price does not contain it, and nothing was charged on top.
    NotCharged,
}

/// No such reason is known.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("`{0}` is not a reason for no tax")]
pub struct UnknownNoTax(pub String);

impl NoTax {
    /// Every reason.
    pub const ALL: [Self; 5] = [
        Self::NoSellerCountry,
        Self::NoBuyerCountry,
        Self::NoRate,
        Self::ReverseCharge,
        Self::NotCharged,
    ];

    /// Its name in tables and answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NoSellerCountry => "no_seller_country",
            Self::NoBuyerCountry => "no_buyer_country",
            Self::NoRate => "no_rate",
            Self::ReverseCharge => "reverse_charge",
            Self::NotCharged => "not_charged",
        }
    }
}

impl FromStr for NoTax {
    type Err = UnknownNoTax;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|reason| reason.name() == name);
        found.ok_or_else(|| UnknownNoTax(name.to_owned()))
    }
}

/// The tax in a sale that is paid. Nobody is asked to pay more: the tax is the share inside.
pub fn assess(rates: &[TaxRate], sale: &TaxedSale<'_>) -> Result<Assessment, MoneyError> {
    let untaxed = |why| Ok(Assessment::Untaxed(why));
    let Some(seller) = sale.seller else { return untaxed(NoTax::NoSellerCountry) };
    let Some(buyer) = sale.buyer else { return untaxed(NoTax::NoBuyerCountry) };
    let business = sale.tax_id.is_some_and(|it| is_eu_vat_id(buyer, it));
    if seller != buyer && business {
        return untaxed(NoTax::ReverseCharge);
    }
    let Some(rate) = rate(rates, buyer, sale.on) else { return untaxed(NoTax::NoRate) };
    match sale.behavior {
        TaxBehavior::Exclusive => untaxed(NoTax::NotCharged),
        TaxBehavior::Inclusive => {
            let whole = Decimal::ONE_HUNDRED.saturating_add(rate.percent);
            let share = rate.percent.checked_div(whole).ok_or(MoneyError::Overflow)?;
            let amount = sale.paid.times(share)?;
            Ok(Assessment::Taxed(TaxLine {
                name: rate.name.clone(),
                jurisdiction: Some(buyer.code().to_owned()),
                percent: Some(rate.percent),
                inclusive: true,
                taxable: Some(sale.paid.minus(amount)?),
                amount,
            }))
        }
    }
}

/// The rate of a country on a day: of several the one that began last.
fn rate(rates: &[TaxRate], country: Country, on: Date) -> Option<&TaxRate> {
    let valid = |rate: &&TaxRate| {
        rate.country == country
            && rate.valid_from <= on
            && rate.valid_to.is_none_or(|last| on <= last)
    };
    rates.iter().filter(valid).max_by_key(|rate| rate.valid_from)
}

#[cfg(test)]
mod tests;
