//! Standard Webhooks: `v1,<Base64>` of HMAC-SHA256 over `{id}.{seconds}.{body}`.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use billing_app::ports::{Delivery, Forged};
use ring::hmac;
use secrecy::{ExposeSecret as _, SecretString};
use time::OffsetDateTime;

/// How old a delivery may be, and how early.
const TOLERANCE_S: u64 = 300;
/// More signatures than any rotation of secrets makes are not looked at.
const SIGNATURES_MAX: usize = 8;
/// The names of headers begin so: with Svix, and by the standard.
const PREFIXES: [&str; 2] = ["svix", "webhook"];
/// Shorter keys can be guessed; the standard asks for as much.
const KEY_BYTES_MIN: usize = 24;

/// A signing secret that is none.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a signing secret is `whsec_` and Base64 of at least 24 bytes")]
pub struct InvalidSecret;

/// Checks signatures with the secrets of one endpoint.
pub(crate) struct Signatures {
    keys: Vec<hmac::Key>,
}

impl Signatures {
    pub(crate) fn new(secrets: &[SecretString]) -> Result<Self, InvalidSecret> {
        let key = |secret: &SecretString| {
            let text = secret.expose_secret();
            let text = text.strip_prefix("whsec_").ok_or(InvalidSecret)?;
            let bytes = STANDARD.decode(text).map_err(|_| InvalidSecret)?;
            if bytes.len() < KEY_BYTES_MIN {
                return Err(InvalidSecret);
            }
            Ok(hmac::Key::new(hmac::HMAC_SHA256, &bytes))
        };
        Ok(Self { keys: secrets.iter().map(key).collect::<Result<_, _>>()? })
    }

    /// The id of a delivery that one of the secrets has signed, and lately.
    pub(crate) fn verify(
        &self,
        delivery: &Delivery<'_>,
        wall: OffsetDateTime,
    ) -> Result<String, Forged> {
        let header = |name: &str| {
            let mut names = PREFIXES.into_iter().map(|prefix| format!("{prefix}-{name}"));
            names.find_map(|name| delivery.headers.get(&name)).map(String::as_str)
        };
        let id = header("id").ok_or(Forged("there is no id"))?;
        let time = header("timestamp").ok_or(Forged("there is no time"))?;
        let signatures = header("signature").ok_or(Forged("there is no signature"))?;
        let signed_at: i64 = time.parse().map_err(|_| Forged("the time is no number"))?;
        if signed_at.abs_diff(wall.unix_timestamp()) > TOLERANCE_S {
            return Err(Forged("the time is too far from now"));
        }
        let text = [id.as_bytes(), b".", time.as_bytes(), b".", delivery.body].concat();
        let given = signatures.split(' ').filter_map(|one| one.strip_prefix("v1,"));
        let mut given = given.filter_map(|one| STANDARD.decode(one).ok()).take(SIGNATURES_MAX);
        let signed = |signature: Vec<u8>| {
            self.keys.iter().any(|key| hmac::verify(key, &text, &signature).is_ok())
        };
        if given.any(signed) {
            Ok(id.to_owned())
        } else {
            Err(Forged("no signature is made with our secret"))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    const NOW: i64 = 1_700_000_000;
    /// The vector on which the packages `svix` and `standardwebhooks` agree.
    const GOOD: &str = "v1,vtkK8t0jAA/+AxeNLBZ7j25ys9nD225GRHAe2cTgI1c=";
    const BODY: &str = r#"{"type":"user.created","object":"event","data":{"id":"user_1"}}"#;

    fn signatures() -> Signatures {
        let older = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
        Signatures::new(&[older, SECRET].map(SecretString::from)).unwrap()
    }

    fn verify(headers: &[(&str, &str)], body: &str, now: i64) -> Result<String, Forged> {
        let headers = headers.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
        let headers: BTreeMap<_, _> = headers.collect();
        let delivery = Delivery { headers: &headers, body: body.as_bytes() };
        signatures().verify(&delivery, OffsetDateTime::from_unix_timestamp(now).unwrap())
    }

    fn svix<'a>(time: &'a str, signature: &'a str) -> [(&'a str, &'a str); 3] {
        [("svix-id", ID), ("svix-timestamp", time), ("svix-signature", signature)]
    }

    #[test]
    fn any_of_our_secrets_may_have_made_any_of_the_signatures() {
        let other = format!("v1,AAAA v2,{GOOD} {GOOD}");
        for signature in [GOOD, &other] {
            assert_eq!(verify(&svix("1700000000", signature), BODY, NOW).as_deref(), Ok(ID));
        }
        let standard = svix("1700000000", GOOD).map(|(name, text)| {
            (name.strip_prefix("svix").map(|rest| format!("webhook{rest}")).unwrap(), text)
        });
        let standard = standard.each_ref().map(|(name, text)| (name.as_str(), *text));
        assert_eq!(verify(&standard, BODY, NOW).as_deref(), Ok(ID));
    }

    #[test]
    fn five_minutes_are_tolerated_on_both_sides() {
        let headers = svix("1700000000", GOOD);
        for (off, believed) in [(300, true), (-300, true), (301, false), (-301, false)] {
            assert_eq!(verify(&headers, BODY, NOW + off).is_ok(), believed, "{off}");
        }
    }

    #[test]
    fn all_else_is_forged() {
        let unversioned = GOOD.strip_prefix("v1,").unwrap();
        for headers in [
            &svix("1700000000", unversioned)[..],
            &svix("1700000000", "")[..],
            &svix("1700000000", "v1,")[..],
            &svix("1700000000", "v1,not base64")[..],
            &svix("1700000000", "v2,vtkK8t0jAA/+AxeNLBZ7j25ys9nD225GRHAe2cTgI1c=")[..],
            &svix("1700000001", GOOD)[..],
            &svix("soon", GOOD)[..],
            &svix("1700000000", GOOD)[1..],
            &svix("1700000000", GOOD)[..2],
            &[][..],
        ] {
            assert!(verify(headers, BODY, NOW).is_err(), "{headers:?}");
        }
        let headers = svix("1700000000", GOOD);
        assert!(verify(&headers, &BODY.replace("user_1", "user_2"), NOW).is_err());
        assert!(verify(&headers, "", NOW).is_err());
    }

    #[test]
    fn a_secret_is_long_and_says_what_it_is() {
        let bare = SECRET.strip_prefix("whsec_").unwrap();
        for wrong in ["", "whsec_", "whsec_!", "whsec_c2hvcnQ=", bare] {
            assert!(Signatures::new(&[SecretString::from(wrong)]).is_err(), "{wrong}");
        }
    }
}
