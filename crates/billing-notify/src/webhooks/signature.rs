//! Signatures of Standard Webhooks: `v1,` and HMAC-SHA256 of id, time and body, in base64.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use billing_app::ports::OutgoingWebhook;
use ring::hmac;

/// The header: a signature by each secret, so that one can be rotated.
pub(super) fn header(webhook: &OutgoingWebhook) -> String {
    let OutgoingWebhook { id, at, secrets, body, .. } = webhook;
    let signed = secrets.iter().map(|secret| sign(secret, id, at.unix_timestamp(), body));
    signed.collect::<Vec<_>>().join(" ")
}

fn sign(secret: &[u8], id: &str, at: i64, body: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    let mut signed = hmac::Context::with_key(&key);
    signed.update(format!("{id}.{at}.").as_bytes());
    signed.update(body);
    format!("v1,{}", STANDARD.encode(signed.sign()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The published vectors: the first is the standard's own, the others its libraries'.
    #[test]
    fn it_signs_as_the_standard_says() {
        let whole = STANDARD.encode("whsec_abc123_plain_text_secret");
        for (secret, id, at, body, signature) in [
            (
                "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
                "msg_p5jXN8AQM9LWM0D4loKWxJek",
                1_614_265_330,
                r#"{"test": 2432232314}"#,
                "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
            ),
            (
                "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
                "msg_p5jXN8AQM9LWM0D4loKWxJek",
                1_700_000_000,
                r#"{"type":"user.created","object":"event","data":{"id":"user_1"}}"#,
                "v1,vtkK8t0jAA/+AxeNLBZ7j25ys9nD225GRHAe2cTgI1c=",
            ),
            (
                whole.as_str(),
                "evt-uuid-1",
                1_700_000_000,
                r#"{"type":"order.paid","timestamp":"2026-01-01T00:00:00Z","data":{}}"#,
                "v1,DpSIfh9mKoMMP4WR926hI3tX0gh70QZi0xa53AL9rq4=",
            ),
        ] {
            let secret = STANDARD.decode(secret).unwrap();
            assert_eq!(sign(&secret, id, at, body.as_bytes()), signature);
        }
    }
}
