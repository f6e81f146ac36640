//! Whose deliveries are believed.

use std::collections::BTreeMap;

use billing_app::ports::{Delivery, Forged, PaymentGateway as _};
use billing_stripe::StripeConfig;
use ring::hmac;
use serde_json::Value;

use crate::{
    server::{WEBHOOK_SECRET, at, config, stripe},
    specs::{json, specs},
};

const NOW: i64 = 1_700_000_000;

fn signed(secret: &str, body: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let tag = hmac::sign(&key, format!("{NOW}.{body}").as_bytes());
    let hex: String = tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("t={NOW},v1={hex}")
}

fn verify(config: &StripeConfig, header: Option<&str>, body: &str, now: i64) -> Result<(), Forged> {
    let name = || "stripe-signature".to_owned();
    let headers: BTreeMap<_, _> =
        header.map(|value| (name(), value.to_owned())).into_iter().collect();
    let delivery = Delivery { headers: &headers, body: body.as_bytes() };
    stripe(config).expect("the adapter starts").webhooks().verify(&delivery, at(now))
}

fn usual() -> StripeConfig {
    config("http://127.0.0.1:1".to_owned())
}

#[test]
fn the_published_cases_come_out_as_published() {
    let Some(specs) = specs() else { return };
    let cases = json(&specs.join("signature-vectors.json"));
    for case in cases["stripe"]["cases"].as_array().unwrap() {
        let text = |name: &str| case[name].as_str().unwrap();
        let config = StripeConfig { webhook_secrets: vec![text("secret").into()], ..usual() };
        let outcome =
            verify(&config, Some(text("header")), text("body"), case["now"].as_i64().unwrap());
        assert_eq!(outcome.is_ok(), text("expect") == "accept", "{}: {outcome:?}", text("name"));
    }
}

#[test]
fn the_mode_must_be_ours() {
    let live = StripeConfig {
        secret_key: "sk_live_1".into(),
        base_url: "https://127.0.0.1:1".to_owned(),
        ..usual()
    };
    let mismatch = Err(Forged("livemode does not match"));
    let table = [
        (&usual(), r#"{"livemode":false}"#, Ok(())),
        (&usual(), r#"{"livemode":true}"#, mismatch.clone()),
        (&live, r#"{"livemode":true}"#, Ok(())),
        (&live, r#"{"livemode":false}"#, mismatch),
        (&live, "{}", Ok(())),
    ];
    for (config, body, expected) in table {
        let header = signed(WEBHOOK_SECRET, body);
        assert_eq!(verify(config, Some(&header), body, NOW), expected, "{body}");
    }
}

#[test]
fn a_signed_body_that_is_no_json_is_genuine_but_cannot_be_read() {
    let header = signed(WEBHOOK_SECRET, "hello");
    assert_eq!(verify(&usual(), Some(&header), "hello", NOW), Ok(()));
    assert!(stripe(&usual()).unwrap().webhooks().read(b"hello").is_err());
}

#[test]
fn old_and_new_secrets_work_while_they_are_rotated() {
    let config =
        StripeConfig { webhook_secrets: vec!["whsec_new".into(), "whsec_old".into()], ..usual() };
    for (secret, good) in [("whsec_new", true), ("whsec_old", true), ("whsec_other", false)] {
        let header = signed(secret, "{}");
        assert_eq!(verify(&config, Some(&header), "{}", NOW).is_ok(), good, "{secret}");
    }
}

#[test]
fn a_delivery_without_a_signature_is_forged() {
    assert!(verify(&usual(), None, "{}", NOW).is_err());
    assert!(verify(&usual(), Some(""), "{}", NOW).is_err());
}

#[test]
fn recorded_deliveries_are_genuine() {
    let Some(specs) = specs() else { return };
    let deliveries = json(&specs.join("stripe/events/localstripe-deliveries.json"));
    for delivery in deliveries.as_array().unwrap() {
        let text = |name: &str| delivery[name].as_str().unwrap();
        let header = text("stripe_signature");
        let time = header.split_once(',').and_then(|(time, _)| time.strip_prefix("t="));
        let now = time.unwrap().parse().unwrap();
        let config = StripeConfig { webhook_secrets: vec![text("secret").into()], ..usual() };
        assert_eq!(verify(&config, Some(header), text("body"), now), Ok(()), "{header}");
        let body: Value = serde_json::from_str(text("body")).unwrap();
        assert!(verify(&config, Some(header), &body.to_string(), now).is_err(), "written anew");
    }
}
