//! The rates that a new installation starts with: a beginning, for operators to look after.

use rust_decimal::Decimal;
use time::{Date, Month};

use super::TaxRate;

/// Standard rates in tenths of a percent, with the year, month and day from which they hold and
/// the last day, where it is known.
type Row = (&'static str, i64, (i32, Month, u8), Option<(i32, Month, u8)>);

const OLD: (i32, Month, u8) = (2020, Month::January, 1);

const RATES: &[Row] = &[
    ("AT", 200, OLD, None),
    ("BE", 210, OLD, None),
    ("BG", 200, OLD, None),
    ("CY", 190, OLD, None),
    ("CZ", 210, OLD, None),
    ("DE", 190, (2021, Month::January, 1), None),
    ("DK", 250, OLD, None),
    ("EE", 220, (2024, Month::January, 1), Some((2025, Month::June, 30))),
    ("EE", 240, (2025, Month::July, 1), None),
    ("EG", 140, OLD, None),
    ("ES", 210, OLD, None),
    ("FI", 255, (2024, Month::September, 1), None),
    ("FR", 200, OLD, None),
    ("GR", 240, OLD, None),
    ("HR", 250, OLD, None),
    ("HU", 270, OLD, None),
    ("IE", 230, (2021, Month::March, 1), None),
    ("IT", 220, OLD, None),
    ("LT", 210, OLD, None),
    ("LU", 170, (2024, Month::January, 1), None),
    ("LV", 210, OLD, None),
    ("MT", 180, OLD, None),
    ("NL", 210, OLD, None),
    ("PL", 230, OLD, None),
    ("PT", 230, OLD, None),
    ("RO", 190, OLD, Some((2025, Month::July, 31))),
    ("RO", 210, (2025, Month::August, 1), None),
    ("SE", 250, OLD, None),
    ("SI", 220, OLD, None),
    ("SK", 200, OLD, Some((2024, Month::December, 31))),
    ("SK", 230, (2025, Month::January, 1), None),
];

/// The standard rates of the countries of the EU, and of Egypt, by country and day.
pub fn tax_rates() -> Vec<TaxRate> {
    let day = |(year, month, day)| Date::from_calendar_date(year, month, day).ok();
    let rate = |(country, tenths, from, to): &Row| {
        Some(TaxRate {
            country: country.parse().ok()?,
            name: "VAT".to_owned(),
            percent: Decimal::new(*tenths, 1).normalize(),
            valid_from: day(*from)?,
            valid_to: to.and_then(day),
        })
    };
    RATES.iter().filter_map(rate).collect()
}
