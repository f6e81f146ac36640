//! Currencies by ISO 4217, with the exponent of their minor unit.

use core::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// A currency of ISO 4217.
///
/// `Currency::USD.exponent()` is 2: one dollar is 10² minor units.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency {
    code: [u8; 3],
    exponent: u8,
}

/// The text is not a currency that can be paid in.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("`{0}` is not a currency of ISO 4217")]
pub struct UnknownCurrency(pub String);

const fn currency(code: &str, exponent: u8) -> Currency {
    match code.as_bytes() {
        [a, b, c] => Currency { code: [*a, *b, *c], exponent },
        _ => panic!("a currency code has three letters"),
    }
}

/// Currencies without a minor unit.
const WHOLE: &str = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF";
/// Currencies whose minor unit is a thousandth.
const THOUSANDTHS: &str = "BHD IQD JOD KWD LYD OMR TND";
/// Currencies whose minor unit is a hundredth.
const HUNDREDTHS: &str = "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BTN \
    BWP BYN BZD CAD CDF CHF CNY COP CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL \
    GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR \
    LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB \
    PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP \
    SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD UYU UZS VES WST XCD YER ZAR ZMW";

impl Currency {
    /// The US dollar, into which everything falls back.
    pub const USD: Self = currency("USD", 2);
    /// The euro.
    pub const EUR: Self = currency("EUR", 2);
    /// The Egyptian pound.
    pub const EGP: Self = currency("EGP", 2);

    /// The code of three capital letters.
    pub fn code(&self) -> &str {
        str::from_utf8(&self.code).unwrap_or_default()
    }

    /// How many decimal digits its minor unit has.
    pub const fn exponent(self) -> u8 {
        self.exponent
    }
}

impl FromStr for Currency {
    type Err = UnknownCurrency;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [(HUNDREDTHS, 2), (WHOLE, 0), (THOUSANDTHS, 3)]
            .into_iter()
            .find(|(codes, _)| codes.split_ascii_whitespace().any(|code| code == text))
            .map(|(_, exponent)| currency(text, exponent))
            .ok_or_else(|| UnknownCurrency(text.to_owned()))
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl Serialize for Currency {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponents_agree_with_the_iso_table() {
        for codes in [HUNDREDTHS, WHOLE, THOUSANDTHS] {
            for code in codes.split_ascii_whitespace() {
                let ours: Currency = code.parse().unwrap();
                let oracle = iso_currency::Currency::from_code(code)
                    .unwrap_or_else(|| panic!("{code} is not in the oracle"));
                assert_eq!(Some(u16::from(ours.exponent())), oracle.exponent(), "{code}");
            }
        }
    }

    #[test]
    fn a_code_is_three_capital_letters_of_the_table() {
        assert_eq!("KWD".parse::<Currency>().unwrap().exponent(), 3);
        for wrong in ["usd", "US", "USDT", "XXX", "", "U$D"] {
            assert_eq!(wrong.parse::<Currency>(), Err(UnknownCurrency(wrong.to_owned())));
        }
    }

    #[test]
    fn the_wire_form_is_the_code() {
        assert_eq!(serde_json::to_string(&Currency::EGP).unwrap(), "\"EGP\"");
        assert_eq!(serde_json::from_str::<Currency>("\"JPY\"").unwrap().exponent(), 0);
        assert!(serde_json::from_str::<Currency>("\"BTC\"").is_err());
    }
}
