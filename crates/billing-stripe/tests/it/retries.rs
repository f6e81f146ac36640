//! What happens when Stripe does not answer, or not what we hoped for.

use std::time::Duration;

use billing_app::ports::{GatewayError, PaymentGateway as _};
use serde_json::json;
use wiremock::ResponseTemplate;

use crate::server::{Played, a_customer, config, refusal, stripe};

const CUSTOMERS: &str = "/v1/customers";

async fn created(played: &Played) -> Result<String, GatewayError> {
    played.stripe.customers().create(&a_customer()).await.map(|reference| reference.id)
}

#[tokio::test]
async fn a_fault_is_tried_again_with_the_same_key() {
    for status in [409, 429, 500, 503] {
        let played = Played::new().await;
        played.responds_once("POST", CUSTOMERS, ResponseTemplate::new(status)).await;
        played.answers("POST", CUSTOMERS, &json!({"id": "cus_1"})).await;
        assert_eq!(created(&played).await.unwrap(), "cus_1", "{status}");
        let requests = played.requests().await;
        assert_eq!(requests.len(), 2, "{status}");
        assert_eq!(requests[0].headers["idempotency-key"], requests[1].headers["idempotency-key"]);
        assert_eq!(requests[0].body, requests[1].body);
    }
}

#[tokio::test]
async fn a_lasting_fault_is_unknown_after_three_tries() {
    for status in [409, 429, 503] {
        let played = Played::new().await;
        played.responds("POST", CUSTOMERS, ResponseTemplate::new(status)).await;
        assert!(matches!(created(&played).await, Err(GatewayError::Unknown(_))), "{status}");
        assert_eq!(played.requests().await.len(), 3, "{status}");
    }
}

#[tokio::test]
async fn a_refusal_is_final() {
    let played = Played::new().await;
    let refused = refusal(400, "invalid_request_error", "Invalid email address");
    played.responds("POST", CUSTOMERS, refused).await;
    match created(&played).await {
        Err(GatewayError::Refused { message }) => assert_eq!(message, "Invalid email address"),
        other => panic!("{other:?}"),
    }
    assert_eq!(played.requests().await.len(), 1);
}

#[tokio::test]
async fn stripe_says_whether_to_try_again() {
    let played = Played::new().await;
    let final_fault = ResponseTemplate::new(503).insert_header("stripe-should-retry", "false");
    played.responds("POST", CUSTOMERS, final_fault).await;
    assert!(matches!(created(&played).await, Err(GatewayError::Unknown(_))));
    assert_eq!(played.requests().await.len(), 1);

    let played = Played::new().await;
    let busy = refusal(400, "invalid_request_error", "busy")
        .insert_header("stripe-should-retry", "true")
        .insert_header("retry-after", "0");
    played.responds_once("POST", CUSTOMERS, busy).await;
    played.answers("POST", CUSTOMERS, &json!({"id": "cus_1"})).await;
    assert_eq!(created(&played).await.unwrap(), "cus_1");
}

#[tokio::test]
async fn a_long_wish_to_wait_is_not_waited_for() {
    let played = Played::new().await;
    let later = ResponseTemplate::new(429).insert_header("retry-after", "3600");
    played.responds("POST", CUSTOMERS, later).await;
    assert!(matches!(created(&played).await, Err(GatewayError::Unknown(_))));
    assert_eq!(played.requests().await.len(), 1);
}

#[tokio::test]
async fn silence_is_unknown() {
    let played = Played::new().await;
    let slow = ResponseTemplate::new(200).set_delay(Duration::from_secs(60));
    played.responds("POST", CUSTOMERS, slow).await;
    let mut impatient = config(played.server.uri());
    impatient.timeout = Duration::from_millis(100);
    let stripe = stripe(&impatient).unwrap();
    let outcome = stripe.customers().create(&a_customer()).await;
    assert!(matches!(outcome, Err(GatewayError::Unknown(_))), "{outcome:?}");
    assert_eq!(played.requests().await.len(), 1);
}

#[tokio::test]
async fn nobody_at_home_is_unknown() {
    let nobody = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}", listener.local_addr().unwrap())
    };
    let stripe = stripe(&config(nobody)).unwrap();
    let outcome = stripe.customers().create(&a_customer()).await;
    assert!(matches!(outcome, Err(GatewayError::Unknown(_))), "{outcome:?}");
}

#[tokio::test]
async fn a_key_that_is_not_accepted_is_no_fault_of_the_request() {
    for status in [401, 403] {
        let played = Played::new().await;
        let refused = refusal(status, "invalid_request_error", "Invalid API Key: sk_test_***23");
        played.responds("POST", CUSTOMERS, refused).await;
        let error = created(&played).await.unwrap_err();
        assert!(matches!(error, GatewayError::Unknown(_)), "{error:?}");
        assert!(!error.to_string().contains("sk_"), "{error}");
    }
}

#[tokio::test]
async fn what_is_not_stripe_is_not_understood() {
    for (status, body) in [(200, "<html>"), (404, "<html>"), (302, ""), (200, "{}")] {
        let played = Played::new().await;
        let strange = ResponseTemplate::new(status)
            .insert_header("location", "http://127.0.0.1:9/")
            .set_body_string(body);
        played.responds("POST", CUSTOMERS, strange.clone()).await;
        played.responds("GET", "/v1/invoices/in_1", strange).await;
        let outcome = created(&played).await;
        assert!(matches!(outcome, Err(GatewayError::Unreadable(_))), "{status}: {outcome:?}");
        let outcome = played.stripe.payments().find_invoice("in_1").await;
        assert!(matches!(outcome, Err(GatewayError::Unreadable(_))), "{status}: {outcome:?}");
    }
}

#[tokio::test]
async fn what_stripe_does_not_know_is_nothing() {
    let played = Played::new().await;
    let missing = refusal(404, "invalid_request_error", "No such object");
    for at in ["invoices/in_9", "subscriptions/sub_9", "payment_intents/pi_9", "charges/ch_9"] {
        played.responds("GET", &format!("/v1/{at}"), missing.clone()).await;
    }
    played.responds("GET", "/v1/checkout/sessions/cs_9", missing).await;
    let stripe = &played.stripe;
    assert_eq!(stripe.payments().find_invoice("in_9").await.unwrap(), None);
    assert_eq!(stripe.payments().find("pi_9").await.unwrap(), None);
    assert_eq!(stripe.payments().find("ch_9").await.unwrap(), None);
    assert_eq!(stripe.subscriptions().unwrap().find("sub_9").await.unwrap(), None);
    assert_eq!(stripe.checkouts().find("cs_9").await.unwrap(), None);
}

#[tokio::test]
async fn what_cannot_be_an_id_is_not_asked_for() {
    let played = Played::new().await;
    for id in ["", "../customers", "in_1?expand[0]=x", "in_1/lines", "in 1", "%2e%2e"] {
        assert_eq!(played.stripe.payments().find_invoice(id).await.unwrap(), None, "{id}");
        assert!(played.stripe.checkouts().expire(id).await.is_err(), "{id}");
    }
    assert_eq!(played.requests().await.len(), 0);
}
