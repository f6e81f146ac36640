//! Numbers under which businesses of the EU pay tax, by their form.

use crate::organization::Country;

/// A country, how its numbers begin, and the forms of the rest: `9` is a digit, `A` a letter, `X`
/// either, and anything else itself.
type Row = (&'static str, &'static str, &'static [&'static str]);

const FORMS: [Row; 27] = [
    ("AT", "AT", &["U99999999"]),
    ("BE", "BE", &["9999999999"]),
    ("BG", "BG", &["999999999", "9999999999"]),
    ("CY", "CY", &["99999999A"]),
    ("CZ", "CZ", &["99999999", "999999999", "9999999999"]),
    ("DE", "DE", &["999999999"]),
    ("DK", "DK", &["99999999"]),
    ("EE", "EE", &["999999999"]),
    ("ES", "ES", &["A9999999X", "99999999A"]),
    ("FI", "FI", &["99999999"]),
    ("FR", "FR", &["XX999999999"]),
    ("GR", "EL", &["999999999"]),
    ("HR", "HR", &["99999999999"]),
    ("HU", "HU", &["99999999"]),
    ("IE", "IE", &["9999999A", "9999999AA", "9A99999A"]),
    ("IT", "IT", &["99999999999"]),
    ("LT", "LT", &["999999999", "999999999999"]),
    ("LU", "LU", &["99999999"]),
    ("LV", "LV", &["99999999999"]),
    ("MT", "MT", &["99999999"]),
    ("NL", "NL", &["999999999B99"]),
    ("PL", "PL", &["9999999999"]),
    ("PT", "PT", &["999999999"]),
    (
        "RO",
        "RO",
        &["99", "999", "9999", "99999", "999999", "9999999", "99999999", "999999999", "9999999999"],
    ),
    ("SE", "SE", &["999999999999"]),
    ("SI", "SI", &["99999999"]),
    ("SK", "SK", &["9999999999"]),
];

/// Whether a text has the form of a number of a country of the EU. Spaces, dots and hyphens are
/// read over. Whether the number is in use only the register of the EU can say.
pub fn is_eu_vat_id(country: Country, text: &str) -> bool {
    let plain: String = text
        .chars()
        .filter(|sign| !" .-".contains(*sign))
        .map(|sign| sign.to_ascii_uppercase())
        .collect();
    FORMS.iter().filter(|(code, ..)| *code == country.code()).any(|(_, prefix, forms)| {
        let rest = plain.strip_prefix(prefix);
        rest.is_some_and(|rest| forms.iter().any(|form| has_form(rest, form)))
    })
}

fn has_form(text: &str, form: &str) -> bool {
    let fits = |(sign, wanted): (char, char)| match wanted {
        '9' => sign.is_ascii_digit(),
        'A' => sign.is_ascii_uppercase(),
        'X' => sign.is_ascii_uppercase() || sign.is_ascii_digit(),
        exactly => sign == exactly,
    };
    text.chars().count() == form.chars().count() && text.chars().zip(form.chars()).all(fits)
}
