//! Amounts as a person reads them.

/// Currencies without a smaller unit; UGX is none of them, it travels with two idle decimals.
const WHOLE: [&str; 15] = [
    "bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf",
    "xof", "xpf",
];
/// Currencies with a thousand smaller units.
const THOUSANDS: [&str; 5] = ["bhd", "jod", "kwd", "omr", "tnd"];

/// An amount in minor units, with its currency: `$92.00`, `KWD 1.250`.
pub(crate) fn display(minor: i64, currency: &str) -> String {
    let sign = if minor < 0 { "\u{2212}" } else { "" };
    let symbol = match currency {
        "usd" => "$".to_owned(),
        "eur" => "€".to_owned(),
        "gbp" => "£".to_owned(),
        other => format!("{}\u{a0}", other.to_uppercase()),
    };
    let per_major: u64 = match currency {
        whole if WHOLE.contains(&whole) => 1,
        thousands if THOUSANDS.contains(&thousands) => 1000,
        _ => 100,
    };
    let (major, rest) = (minor.unsigned_abs() / per_major, minor.unsigned_abs() % per_major);
    let major = grouped(major);
    match per_major {
        1 => format!("{sign}{symbol}{major}"),
        100 => format!("{sign}{symbol}{major}.{rest:02}"),
        _ => format!("{sign}{symbol}{major}.{rest:03}"),
    }
}

fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::display;

    #[test]
    fn amounts_show_their_minor_units() {
        assert_eq!(display(123_456, "usd"), "$1,234.56");
        assert_eq!(display(-5, "usd"), "\u{2212}$0.05");
        assert_eq!(display(1250, "kwd"), "KWD\u{a0}1.250");
        assert_eq!(display(1235, "jpy"), "JPY\u{a0}1,235");
    }
}
