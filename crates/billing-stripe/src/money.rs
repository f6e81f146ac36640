//! Stripe's minor units: those of ISO 4217, but for a few currencies.

use billing_app::ports::GatewayError;
use billing_domain::{currency::Currency, money::Money};

use crate::failure::unreadable;

/// A currency as Stripe writes it.
pub(crate) fn currency_to_wire(currency: Currency) -> String {
    currency.code().to_ascii_lowercase()
}

/// An amount as Stripe counts it. Refused where Stripe has no unit that is small enough.
pub(crate) fn to_wire(amount: Money) -> Result<i64, GatewayError> {
    let currency = amount.currency();
    rescale(amount.minor(), u32::from(currency.exponent()), digits(currency)).ok_or_else(|| {
        GatewayError::Refused { message: format!("Stripe cannot charge an amount of {amount}") }
    })
}

/// An amount that Stripe counted.
pub(crate) fn from_wire(amount: i64, currency: &str) -> Result<Money, GatewayError> {
    let currency: Currency = currency
        .to_ascii_uppercase()
        .parse()
        .map_err(|error| unreadable(anyhow::Error::new(error)))?;
    rescale(amount, digits(currency), u32::from(currency.exponent()))
        .map(|minor| Money::new(minor, currency))
        .ok_or_else(|| unreadable(anyhow::anyhow!("{amount} is no amount of {currency}")))
}

/// How many decimal digits Stripe's minor unit has.
fn digits(currency: Currency) -> u32 {
    match currency.code() {
        "ISK" | "UGX" => 2,
        "MGA" => 0,
        _ => u32::from(currency.exponent()),
    }
}

fn rescale(amount: i64, from: u32, to: u32) -> Option<i64> {
    let unit = 10_i64.checked_pow(from.abs_diff(to))?;
    if to >= from {
        amount.checked_mul(unit)
    } else {
        (amount % unit == 0).then_some(amount / unit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn money(minor: i64, code: &str) -> Money {
        Money::new(minor, code.parse().unwrap())
    }

    #[test]
    fn amounts_go_over_the_wire_and_come_back() {
        let table = [
            (4900, "USD", 4900),
            (500, "JPY", 500),
            (1230, "KWD", 1230),
            (500, "ISK", 50_000),
            (7, "UGX", 700),
            (12_300, "MGA", 123),
        ];
        for (ours, code, theirs) in table {
            assert_eq!(to_wire(money(ours, code)).unwrap(), theirs, "{code}");
            let wire = currency_to_wire(code.parse().unwrap());
            assert_eq!(from_wire(theirs, &wire).unwrap(), money(ours, code), "{code}");
        }
    }

    #[test]
    fn what_has_no_unit_is_refused() {
        assert!(matches!(to_wire(money(12_345, "MGA")), Err(GatewayError::Refused { .. })));
        assert!(matches!(to_wire(money(i64::MAX, "ISK")), Err(GatewayError::Refused { .. })));
        assert!(matches!(from_wire(50_050, "isk"), Err(GatewayError::Unreadable(_))));
        assert!(matches!(from_wire(1, "xxx"), Err(GatewayError::Unreadable(_))));
    }
}
