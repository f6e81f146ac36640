//! Cards that Stripe has kept, charged while nobody is there.

use billing_app::ports::{Charges, GatewayError, PaymentGateway as _, SeenPayment};
use billing_domain::payment::{ChargeFailure, PaymentStatus};
use serde_json::{Value, json};
use wiremock::ResponseTemplate;

use crate::{
    form_check::decode,
    server::{Played, a_charge, at, checkout, fixture, organization, refusal, usd, with},
};

const INTENTS: &str = "/v1/payment_intents";

fn role(played: &Played) -> &dyn Charges {
    played.stripe.charges().expect("a role")
}

async fn method(played: &Played) -> Option<String> {
    let found = role(played).saved_method("cus_1").await.expect("it can be read");
    found.map(|method| method.id)
}

/// An intent of ours that a bank refused.
fn refused_intent(error: &Value) -> Value {
    with(
        fixture!("payment_intent.endive.json"),
        json!({ "id": "pi_1", "status": "requires_payment_method", "amount_received": 0,
                "latest_charge": "ch_1", "metadata": { "checkout_id": checkout() },
                "last_payment_error": error }),
    )
}

/// What comes of a charge that a bank refuses with this error.
async fn refused(error: Value) -> Result<SeenPayment, GatewayError> {
    let played = Played::new().await;
    let intent = refused_intent(&error);
    let error = with(error, json!({ "type": "card_error", "payment_intent": intent }));
    let answer = ResponseTemplate::new(402).set_body_json(json!({ "error": error }));
    played.responds("POST", INTENTS, answer).await;
    let charged = role(&played).charge(&a_charge()).await;
    assert_eq!(played.requests().await.len(), 1, "a bank's refusal is not tried again");
    charged
}

#[tokio::test]
async fn the_default_card_is_charged_before_the_newest() {
    let played = Played::new().await;
    let with_default = json!({ "id": "cus_1", "invoice_settings":
                               { "default_payment_method": "pm_default" } });
    played.shows("/v1/customers/cus_1", &with_default).await;
    assert_eq!(method(&played).await.as_deref(), Some("pm_default"));

    let played = Played::new().await;
    let without = json!({ "id": "cus_1", "invoice_settings": { "default_payment_method": null } });
    played.shows("/v1/customers/cus_1", &without).await;
    let cards = json!({ "data": [{ "id": "pm_new" }, { "id": "pm_old" }] });
    played.shows("/v1/customers/cus_1/payment_methods", &cards).await;
    assert_eq!(method(&played).await.as_deref(), Some("pm_new"));
}

#[tokio::test]
async fn who_has_no_card_has_none() {
    let played = Played::new().await;
    played.shows("/v1/customers/cus_1", &json!({ "id": "cus_1" })).await;
    played.shows("/v1/customers/cus_1/payment_methods", &json!({ "data": [] })).await;
    assert_eq!(method(&played).await, None);
    let played = Played::new().await;
    played.shows("/v1/customers/cus_1", &json!({ "id": "cus_1", "deleted": true })).await;
    assert_eq!(method(&played).await, None);
    let played = Played::new().await;
    let missing = refusal(404, "invalid_request_error", "No such customer");
    played.responds("GET", "/v1/customers/cus_1", missing).await;
    assert_eq!(method(&played).await, None);
}

#[tokio::test]
async fn a_charge_says_all_that_was_asked_for_under_a_key_of_ours() {
    let played = Played::new().await;
    let mut intent = fixture!("payment_intent.endive.json");
    intent["metadata"] = json!({ "checkout_id": checkout() });
    played.answers("POST", INTENTS, &intent).await;
    for _ in 0..2 {
        let seen = role(&played).charge(&a_charge()).await.unwrap();
        assert_eq!((seen.status, seen.failed_as), (PaymentStatus::Completed, None));
        assert_eq!(seen.checkout_id, Some(checkout()));
    }
    for request in played.requests().await {
        assert_eq!(request.headers["idempotency-key"], format!("charge_{}", checkout()));
        let sent = decode(std::str::from_utf8(&request.body).unwrap());
        assert_eq!(
            sent,
            json!({ "amount": "1500", "currency": "usd", "customer": "cus_1",
                    "payment_method": "pm_1", "confirm": "true", "off_session": "true",
                    "description": "100 credits", "expand": ["latest_charge"],
                    "metadata": { "checkout_id": checkout(), "organization_id": organization() } })
        );
    }
}

#[tokio::test]
async fn a_banks_refusal_is_a_payment_that_failed() {
    for (code, decline, word, failed_as) in [
        (
            "authentication_required",
            Some("authentication_required"),
            "authentication_required",
            ChargeFailure::AuthenticationRequired,
        ),
        (
            "card_declined",
            Some("insufficient_funds"),
            "insufficient_funds",
            ChargeFailure::InsufficientFunds,
        ),
        ("expired_card", None, "expired_card", ChargeFailure::ExpiredCard),
        ("card_declined", Some("lost_card"), "lost_card", ChargeFailure::LostOrStolen),
    ] {
        let seen = refused(json!({ "code": code, "decline_code": decline })).await.unwrap();
        assert_eq!((seen.status, seen.failed_as), (PaymentStatus::Failed, Some(failed_as)));
        assert_eq!(seen.failure.as_deref(), Some(word));
        assert_eq!((seen.checkout_id, seen.reference.id.as_str()), (Some(checkout()), "pi_1"));
    }
}

#[tokio::test]
async fn what_is_no_banks_refusal_stays_what_it_was() {
    let played = Played::new().await;
    let nameless = refusal(402, "card_error", "Your card was declined.");
    played.responds("POST", INTENTS, nameless).await;
    let charged = role(&played).charge(&a_charge()).await;
    assert!(matches!(charged, Err(GatewayError::Unreadable(_))), "{charged:?}");
    for (status, unknown) in [(400, false), (500, true), (409, true), (401, true)] {
        let played = Played::new().await;
        let answer = refusal(status, "invalid_request_error", "No such PaymentMethod");
        played.responds("POST", INTENTS, answer).await;
        let charged = role(&played).charge(&a_charge()).await;
        match charged {
            Err(GatewayError::Unknown(_)) => assert!(unknown, "{status}"),
            Err(GatewayError::Refused { .. }) => assert!(!unknown, "{status}"),
            other => panic!("{status}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_charge_is_found_by_our_checkout_among_many() {
    let played = Played::new().await;
    let others: Vec<Value> = (0..100)
        .map(|n| with(fixture!("payment_intent.endive.json"), json!({ "id": format!("pi_{n}") })))
        .collect();
    let first = ResponseTemplate::new(200).set_body_json(json!({ "data": others }));
    played.responds_once("GET", INTENTS, first).await;
    let error = json!({ "code": "card_declined", "decline_code": "insufficient_funds" });
    played.shows(INTENTS, &json!({ "data": [refused_intent(&error)] })).await;
    let found = role(&played).find("cus_1", checkout(), at(1_700_000_000)).await.unwrap().unwrap();
    assert_eq!(found.failed_as, Some(ChargeFailure::InsufficientFunds));
    assert_eq!(found.refunded, usd(0));
    let asked: Vec<Value> = played
        .requests()
        .await
        .iter()
        .map(|request| decode(request.url.query().unwrap_or_default()))
        .collect();
    assert_eq!(asked[0]["created"], json!({ "gte": "1700000000" }));
    assert_eq!(
        (&asked[0]["customer"], &asked[1]["starting_after"]),
        (&json!("cus_1"), &json!("pi_99"))
    );
    // The last page has less than a hundred.
    let unknown = role(&played).find("cus_1", organization().0.into(), at(0)).await.unwrap();
    assert_eq!(unknown, None);
}
