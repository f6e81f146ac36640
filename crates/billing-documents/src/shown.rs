//! Amounts, numbers and days, as people read them.

use billing_domain::{locale::Locale, money::Money};
use time::{OffsetDateTime, UtcOffset};

use crate::words::words;

/// `USD 1,234.50`: the same in every language.
pub fn amount(money: Money) -> String {
    let text = money.to_major().abs().to_string();
    let sign = if money.minor() < 0 { "-" } else { "" };
    format!("{} {sign}{}", money.currency(), grouped(&text))
}

/// `1,234`: the same in every language.
pub fn number(number: i128) -> String {
    let sign = if number < 0 { "-" } else { "" };
    format!("{sign}{}", grouped(&number.unsigned_abs().to_string()))
}

/// `20 November 2026`, by UTC.
pub fn day(locale: Locale, at: OffsetDateTime) -> String {
    let date = at.to_offset(UtcOffset::UTC).date();
    format!("{} {} {}", date.day(), words(locale).month(date.month()), date.year())
}

/// Digits in groups of three, as far as the point.
fn grouped(digits: &str) -> String {
    let (whole, rest) = digits.split_once('.').map_or((digits, None), |(w, r)| (w, Some(r)));
    let mut grouped = String::new();
    for (nth, digit) in whole.chars().enumerate() {
        if nth > 0 && (whole.len() - nth).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    if let Some(rest) = rest {
        grouped.push('.');
        grouped.push_str(rest);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use billing_domain::currency::Currency;
    use time::macros::datetime;

    use super::*;

    #[test]
    fn amounts_are_read_in_groups_of_three() {
        let table = [
            (0, "USD", "USD 0.00"),
            (-5, "EUR", "EUR -0.05"),
            (123_456_789, "USD", "USD 1,234,567.89"),
            (1_000, "JPY", "JPY 1,000"),
            (999_999, "KWD", "KWD 999.999"),
        ];
        for (minor, code, expected) in table {
            let currency: Currency = code.parse().unwrap();
            assert_eq!(amount(Money::new(minor, currency)), expected);
        }
    }

    #[test]
    fn numbers_are_too() {
        for (of, expected) in [(0, "0"), (-1_234, "-1,234"), (1_000_000, "1,000,000")] {
            assert_eq!(number(of), expected);
        }
    }

    #[test]
    fn days_are_named_in_their_language() {
        let late = datetime!(2026-11-20 23:30 -2);
        assert_eq!(day(Locale::En, late), "21 November 2026");
        assert_eq!(day(Locale::Ar, late), "21 نوفمبر 2026");
    }
}
