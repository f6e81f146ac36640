//! The `Stripe-Signature` header.

use ring::hmac;
use time::OffsetDateTime;

/// Signs a webhook body: the key is the whole secret, the text is the time, a dot and the body.
pub(crate) fn sign(secret: &str, wall: OffsetDateTime, body: &[u8]) -> (&'static str, String) {
    let seconds = wall.unix_timestamp();
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let mut text = hmac::Context::with_key(&key);
    text.update(seconds.to_string().as_bytes());
    text.update(b".");
    text.update(body);
    ("stripe-signature", format!("t={seconds},v1={}", hex(text.sign().as_ref())))
}

/// Lower-case hexadecimal, as the signature has it.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documented_vector_holds() {
        let body = r#"{"id":"evt_test_1","object":"event","type":"invoice.paid","data":{"object":{"id":"in_1","object":"invoice"}}}"#;
        let wall = OffsetDateTime::from_unix_timestamp(1_700_000_000).unwrap();
        let (name, value) = sign("whsec_test_secret", wall, body.as_bytes());
        assert_eq!(name, "stripe-signature");
        assert_eq!(
            value,
            "t=1700000000,v1=016f92456b57120cdc53c0a880371e2c3a85689289fe1142e94ddbe0d9e382d6"
        );
    }
}
