//! Pages: what Stripe says of them.

use billing_app::ports::{GatewayError, PaymentGateway as _, SeenCheckout, SeenCheckoutStatus};
use serde_json::{Value, json};
use wiremock::ResponseTemplate;

use crate::{
    server::{Played, a_page_for, at, checkout, credits, fixture, id_of, refusal, usd, with},
    specs::{json, specs},
};

const PAGE: &str = "/v1/checkout/sessions/cs_1";
const EXPIRE: &str = "/v1/checkout/sessions/cs_1/expire";

async fn seen(object: &Value) -> Result<SeenCheckout, GatewayError> {
    let played = Played::new().await;
    let id = id_of(object);
    played.shows(&format!("/v1/checkout/sessions/{id}"), object).await;
    played.shows("/v1/payment_intents/pi_1", &fixture!("payment_intent.endive.json")).await;
    let found = played.stripe.checkouts().find(id).await;
    found.map(|found| found.expect("the page is there"))
}

async fn changed(changes: Value) -> Result<SeenCheckout, GatewayError> {
    seen(&with(fixture!("checkout_session.endive.json"), changes)).await
}

#[tokio::test]
async fn a_page_is_opened_once() {
    let played = Played::new().await;
    let session = fixture!("checkout_session.endive.json");
    played.answers("POST", "/v1/checkout/sessions", &session).await;
    let page = played.stripe.checkouts().open(&a_page_for(credits())).await.unwrap();
    assert_eq!(page.session.id, "cs_1");
    assert_eq!(page.url, "https://checkout.stripe.com/c/pay/cs_1");
    assert_eq!(page.expires_at, at(1_700_086_400));
}

#[tokio::test]
async fn a_page_of_today_is_understood() {
    let seen = changed(json!({})).await.unwrap();
    assert_eq!(seen.session.id, "cs_1");
    assert_eq!(seen.checkout_id, Some(checkout()));
    assert_eq!(seen.status, SeenCheckoutStatus::Complete);
    assert!(seen.paid);
    assert_eq!(seen.subscription, None);
    let payment = seen.payment.unwrap();
    assert_eq!((payment.amount, payment.tax), (usd(2090), usd(190)));
    assert_eq!(payment.description, "1000 credits");
    assert_eq!(payment.checkout_id, Some(checkout()));
}

#[tokio::test]
async fn a_page_of_2023_is_understood() {
    let seen = seen(&fixture!("checkout_session.2023.json")).await.unwrap();
    assert_eq!(seen.checkout_id, Some(checkout()));
    assert!(seen.paid);
    assert_eq!(seen.subscription.as_deref(), Some("sub_1"));
    assert_eq!(seen.payment, None);
}

#[tokio::test]
async fn a_payment_that_came_as_an_id_is_fetched() {
    let seen = changed(json!({"payment_intent": "pi_1"})).await.unwrap();
    assert_eq!(seen.payment.unwrap().amount, usd(5390));
}

#[tokio::test]
async fn somebody_elses_page_is_not_ours() {
    let foreign = json!({"metadata": {"checkout_id": "7"}, "client_reference_id": "order 7"});
    assert_eq!(changed(foreign).await.unwrap().checkout_id, None);
}

#[tokio::test]
async fn a_page_may_be_open_expired_or_unpaid() {
    let open =
        changed(json!({"status": "open", "payment_status": "unpaid", "payment_intent": null}));
    let open = open.await.unwrap();
    assert_eq!((open.status, open.paid), (SeenCheckoutStatus::Open, false));
    let expired = changed(json!({"status": "expired"})).await.unwrap();
    assert_eq!(expired.status, SeenCheckoutStatus::Expired);
    for strange in
        [json!({"status": "melted"}), json!({"status": null}), json!({"currency": "eur"})]
    {
        let outcome = changed(strange.clone()).await;
        assert!(matches!(outcome, Err(GatewayError::Unreadable(_))), "{strange}: {outcome:?}");
    }
}

async fn expired(status: &str, answer: ResponseTemplate) -> Result<(), GatewayError> {
    let played = Played::new().await;
    let session = with(fixture!("checkout_session.endive.json"), json!({"status": status}));
    played.responds("POST", EXPIRE, answer).await;
    played.shows(PAGE, &session).await;
    played.stripe.checkouts().expire("cs_1").await
}

#[tokio::test]
async fn a_page_is_closed_unless_it_is_closed_already() {
    let done = ResponseTemplate::new(200).set_body_json(json!({"id": "cs_1"}));
    let not_open = || refusal(400, "invalid_request_error", "This session is not open");
    expired("expired", done).await.unwrap();
    expired("expired", not_open()).await.unwrap();
    expired("complete", not_open()).await.unwrap();
    let outcome = expired("open", not_open()).await;
    assert!(matches!(outcome, Err(GatewayError::Refused { .. })), "{outcome:?}");
    let outcome = expired("open", ResponseTemplate::new(500)).await;
    assert!(matches!(outcome, Err(GatewayError::Unknown(_))), "{outcome:?}");
}

#[tokio::test]
async fn recorded_pages_are_understood() {
    let Some(specs) = specs() else { return };
    for kind in ["completed", "expired"] {
        let file = format!("stripe/events/fixtures/checkout.session.{kind}.json");
        let page = json(&specs.join(file))["data"]["object"].clone();
        let page = with(page, json!({"payment_intent": null}));
        seen(&page).await.unwrap();
    }
}
