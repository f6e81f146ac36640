//! With what the adapter starts, and with what it does not.

use billing_stripe::StripeConfig;

use crate::server::{config, stripe};

#[test]
fn the_key_says_whether_money_is_real() {
    let live = |key: &str| StripeConfig::new(key.into(), vec![]).livemode();
    assert_eq!(["sk_live_1", "rk_live_1"].map(live), [true, true]);
    assert_eq!(["sk_test_1", "rk_test_1", "sk_liver", ""].map(live), [false; 4]);
}

#[test]
fn the_usual_configuration_starts() {
    stripe(&StripeConfig::new("sk_live_1".into(), vec!["whsec_1".into()])).unwrap();
}

#[test]
fn a_configuration_that_cannot_work_does_not_start() {
    let usual = || config("http://127.0.0.1:1".to_owned());
    stripe(&usual()).unwrap();
    let broken = [
        StripeConfig { secret_key: " ".into(), ..usual() },
        StripeConfig { secret_key: "sk_test_1\n".into(), ..usual() },
        StripeConfig { webhook_secrets: vec![], ..usual() },
        StripeConfig { webhook_secrets: vec!["whsec_1".into(), "".into()], ..usual() },
        StripeConfig { base_url: "api.stripe.com".to_owned(), ..usual() },
        StripeConfig { secret_key: "sk_live_1".into(), ..usual() },
    ];
    for config in broken {
        assert!(stripe(&config).is_err(), "{config:?}");
    }
}

#[test]
fn secrets_do_not_show() {
    let shown = format!("{:?}", config(String::new()));
    assert!(!shown.contains("sk_test_123") && !shown.contains("whsec_"), "{shown}");
}
