//! What an API key looks like: `bk_sandbox_k3j9…_9fq…`.
//!
//! The public part names the key in lists and logs. The secret part has 256 bits and ends in a
//! checksum, so that a mistyped key is refused without asking the database.

/// No letters that look like digits.
const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const PUBLIC_LENGTH: usize = 10;
const CHECKSUM_LENGTH: usize = 6;

/// Whether money is real.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Environment {
    /// Nothing is: every gateway is played.
    Sandbox,
    /// It is.
    Live,
}

impl Environment {
    /// Its name in keys, tables and logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sandbox => "sandbox",
            Self::Live => "live",
        }
    }
}

/// A key in two parts.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Token {
    /// The part that may be shown.
    pub(crate) public: String,
    /// The part that may not.
    pub(crate) secret: String,
}

impl Token {
    /// A new key from random bits.
    pub(crate) fn new(public: &[u8; 32], secret: &[u8; 32]) -> Self {
        let mut name = base32(public);
        name.truncate(PUBLIC_LENGTH);
        let secret = base32(secret);
        let checksum = checksum(&name, &secret);
        Self { public: name, secret: secret + &checksum }
    }

    /// The whole key, as it is shown once.
    pub(crate) fn shown(&self, environment: Environment) -> String {
        format!("bk_{}_{}_{}", environment.name(), self.public, self.secret)
    }

    /// The parts of a key of this environment; nothing for any other text.
    pub(crate) fn parse(text: &str, environment: Environment) -> Option<Self> {
        let rest = text.strip_prefix("bk_")?.strip_prefix(environment.name())?.strip_prefix('_')?;
        let (public, secret) = rest.split_once('_')?;
        let (random, found) =
            secret.split_at_checked(secret.len().checked_sub(CHECKSUM_LENGTH)?)?;
        (checksum(public, random) == found)
            .then(|| Self { public: public.to_owned(), secret: secret.to_owned() })
    }
}

/// Five bits a digit: 52 digits for 256 bits.
fn base32(bytes: &[u8]) -> String {
    let mut digits = String::new();
    let (mut held, mut bits) = (0_u32, 0);
    for byte in bytes {
        held = (held << 8) | u32::from(*byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            digits.push(digit(held >> bits));
        }
    }
    if bits > 0 {
        digits.push(digit(held << (5 - bits)));
    }
    digits
}

fn digit(value: u32) -> char {
    let index = usize::try_from(value & 31).unwrap_or_default();
    DIGITS.get(index).copied().map_or('0', char::from)
}

/// CRC-32 (ISO 3309) of both parts, its upper 30 bits in six digits.
fn checksum(public: &str, secret: &str) -> String {
    let crc = public.bytes().chain([b'_']).chain(secret.bytes()).fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| {
            if crc & 1 == 1 { (crc >> 1) ^ 0xEDB8_8320 } else { crc >> 1 }
        })
    });
    let mut digits = base32(&(!crc).to_be_bytes());
    digits.truncate(CHECKSUM_LENGTH);
    digits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_comes_back_in_its_parts() {
        let token = Token::new(&[7; 32], &[200; 32]);
        let shown = token.shown(Environment::Live);
        assert!(shown.starts_with("bk_live_"));
        let parsed = Token::parse(&shown, Environment::Live).unwrap();
        assert!(parsed == token);
        assert!(Token::parse(&shown, Environment::Sandbox).is_none(), "of the other environment");
    }

    #[test]
    fn one_wrong_letter_is_noticed() {
        let shown = Token::new(&[7; 32], &[200; 32]).shown(Environment::Live);
        for at in "bk_live_".len()..shown.len() {
            let mut wrong = shown.clone().into_bytes();
            wrong[at] = if wrong[at] == b'x' { b'y' } else { b'x' };
            let wrong = String::from_utf8(wrong).unwrap();
            assert!(Token::parse(&wrong, Environment::Live).is_none(), "{wrong}");
        }
        for text in ["", "bk_live_", "bk_live_a_", "bk_live_a_b", "sk_live_x_y", "bk_live_é_éééééé"]
        {
            assert!(Token::parse(text, Environment::Live).is_none());
        }
    }

    #[test]
    fn digits_are_five_bits_each() {
        assert_eq!(base32(&[0xff; 5]), "zzzzzzzz");
        assert_eq!(base32(&[0x00, 0x44, 0x32, 0x14, 0xc7]), "01234567");
        assert_eq!(base32(&[7; 32]).len(), 52);
    }

    #[test]
    fn the_checksum_is_crc_32() {
        // By zlib, of the text `a_b`.
        assert_eq!(checksum("a", "b"), "535kkt");
        assert_ne!(checksum("a", "b"), checksum("b", "a"));
        assert_eq!(checksum("", "").len(), CHECKSUM_LENGTH);
    }
}
