//! The `Stripe-Signature` header: `t=<seconds>,v1=<hex>[,v1=<hex>]`.

use billing_app::ports::Forged;
use ring::hmac;
use secrecy::{ExposeSecret as _, SecretString};
use time::OffsetDateTime;

/// How old a delivery may be, and how far ahead our clock may be behind. Stripe's libraries accept
/// any time in the future; a signature that works later than now is not accepted here.
const TOLERANCE_S: u64 = 300;
/// More signatures than any rotation of secrets makes are not looked at.
const SIGNATURES_MAX: usize = 8;

/// Checks signatures with the secrets of one endpoint.
pub(crate) struct Signatures {
    keys: Vec<hmac::Key>,
}

struct Header<'a> {
    /// As it is written, because so it is signed.
    time: &'a str,
    signatures: Vec<Vec<u8>>,
}

impl Signatures {
    pub(crate) fn new(secrets: &[SecretString]) -> Self {
        let key = |secret: &SecretString| {
            hmac::Key::new(hmac::HMAC_SHA256, secret.expose_secret().as_bytes())
        };
        Self { keys: secrets.iter().map(key).collect() }
    }

    /// Whether one of the secrets signed this body, and lately.
    pub(crate) fn verify(
        &self,
        header: &str,
        body: &[u8],
        wall: OffsetDateTime,
    ) -> Result<(), Forged> {
        let header = Header::parse(header)?;
        let signed_at: i64 = header.time.parse().map_err(|_| Forged("the time is no number"))?;
        if signed_at.abs_diff(wall.unix_timestamp()) > TOLERANCE_S {
            return Err(Forged("the time is too far from now"));
        }
        let text = [header.time.as_bytes(), b".", body].concat();
        let signed = |signature: &Vec<u8>| {
            self.keys.iter().any(|key| hmac::verify(key, &text, signature).is_ok())
        };
        if header.signatures.iter().any(signed) {
            Ok(())
        } else {
            Err(Forged("no signature is made with our secret"))
        }
    }
}

impl<'a> Header<'a> {
    fn parse(header: &'a str) -> Result<Self, Forged> {
        let mut time = None;
        let mut signatures = Vec::new();
        for (name, value) in header.split(',').filter_map(|part| part.split_once('=')) {
            match name {
                "t" if time.replace(value).is_some() => return Err(Forged("there are two times")),
                "v1" if signatures.len() < SIGNATURES_MAX => signatures.extend(unhex(value)),
                _ => {}
            }
        }
        let time = time.ok_or(Forged("there is no time"))?;
        if signatures.is_empty() {
            return Err(Forged("there is no v1 signature"));
        }
        Ok(Self { time, signatures })
    }
}

/// The bytes of lower-case hexadecimal.
fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    rest.is_empty().then_some(())?;
    pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &str = r#"{"id":"evt_test_1","object":"event","type":"invoice.paid","data":{"object":{"id":"in_1","object":"invoice"}}}"#;
    const GOOD: &str = "016f92456b57120cdc53c0a880371e2c3a85689289fe1142e94ddbe0d9e382d6";

    fn verify(header: &str, body: &str, now: i64) -> Result<(), Forged> {
        let secrets = ["whsec_next", "whsec_test_secret"].map(SecretString::from);
        let wall = OffsetDateTime::from_unix_timestamp(now).unwrap();
        Signatures::new(&secrets).verify(header, body.as_bytes(), wall)
    }

    #[test]
    fn any_of_our_secrets_may_have_made_any_of_the_signatures() {
        let bad = "0".repeat(64);
        for header in [
            format!("t=1700000000,v1={GOOD}"),
            format!("t=1700000000,v1={bad},v1={GOOD},v0={bad}"),
            format!("v1={GOOD},t=1700000000"),
        ] {
            assert_eq!(verify(&header, BODY, 1_700_000_000), Ok(()), "{header}");
        }
    }

    #[test]
    fn five_minutes_are_tolerated_on_both_sides() {
        let header = format!("t=1700000000,v1={GOOD}");
        let far = Err(Forged("the time is too far from now"));
        assert_eq!(verify(&header, BODY, 1_700_000_300), Ok(()));
        assert_eq!(verify(&header, BODY, 1_700_000_301), far);
        assert_eq!(verify(&header, BODY, 1_699_999_700), Ok(()));
        assert_eq!(verify(&header, BODY, 1_699_999_699), far);
    }

    #[test]
    fn all_else_is_forged() {
        let upper = GOOD.to_ascii_uppercase();
        let short = GOOD.get(..62).unwrap();
        for header in [
            String::new(),
            format!("v1={GOOD}"),
            "t=1700000000".to_owned(),
            format!("t=1700000000,v0={GOOD}"),
            format!("t=1700000000,v1={upper}"),
            format!("t=1700000000,v1={short}"),
            format!("t=1700000000,v1={short}4"),
            format!("t=1700000001,v1={GOOD}"),
            format!("t=1700000000,t=1700000000,v1={GOOD}"),
            format!("t=soon,v1={GOOD}"),
        ] {
            assert!(verify(&header, BODY, 1_700_000_000).is_err(), "{header}");
        }
        let header = format!("t=1700000000,v1={GOOD}");
        assert!(verify(&header, &BODY.replace("in_1", "in_2"), 1_700_000_000).is_err());
        assert!(verify(&header, &BODY.replace(':', ": "), 1_700_000_000).is_err());
    }
}
