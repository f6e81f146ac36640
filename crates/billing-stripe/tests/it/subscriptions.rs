//! Subscriptions, as Stripe shows them now and as it showed them before.

use billing_app::ports::{GatewayError, PaymentGateway as _, SeenPrice, SeenSubscription};
use billing_domain::{period::Period, subscription::Status};
use serde_json::{Value, json};

use crate::{
    server::{Played, at, fixture, id_of, price, with},
    specs::{json, specs},
};

const START: i64 = 1_702_592_000;
const END: i64 = 1_705_270_400;

async fn seen(object: Value) -> Result<SeenSubscription, GatewayError> {
    let played = Played::new().await;
    let id = id_of(&object);
    played.shows(&format!("/v1/subscriptions/{id}"), &object).await;
    played.shows("/v1/invoices/in_1", &fixture!("invoice.2023.json")).await;
    played.shows("/v1/payment_intents/pi_1", &fixture!("payment_intent.endive.json")).await;
    let found = played.stripe.subscriptions().expect("a role").find(id).await;
    found.map(|found| found.expect("the subscription is there"))
}

async fn changed(changes: Value) -> Result<SeenSubscription, GatewayError> {
    seen(with(fixture!("subscription.endive.json"), changes)).await
}

#[tokio::test]
async fn a_subscription_of_today_is_understood() {
    let seen = changed(json!({"latest_invoice": fixture!("invoice.endive.json")})).await.unwrap();
    assert_eq!(seen.reference.id, "sub_1");
    assert_eq!(seen.customer.id, "cus_1");
    let ours = SeenPrice { gateway_price: "price_1".to_owned(), price_id: Some(price()) };
    assert_eq!(seen.price, ours);
    assert_eq!(seen.status, Status::Active);
    // Of a month and a year, the month ends first.
    assert_eq!(seen.period, Period { start: at(START), end: at(END) });
    assert!(!seen.cancel_at_period_end);
    assert_eq!(seen.created_at, at(1_700_000_000));
    let invoice = seen.latest_invoice.unwrap();
    assert!(invoice.paid);
    assert_eq!(invoice.payment.unwrap().reference.id, "pi_1");
}

#[tokio::test]
async fn a_subscription_of_2023_is_understood() {
    let seen = seen(fixture!("subscription.2023.json")).await.unwrap();
    assert_eq!(seen.customer.id, "cus_1");
    assert_eq!(seen.price, SeenPrice { gateway_price: "price_1".to_owned(), price_id: None });
    assert_eq!(seen.period, Period { start: at(START), end: at(END) });
    assert_eq!(seen.latest_invoice.unwrap().reference.id, "in_1");
}

#[tokio::test]
async fn statuses_are_one_to_one() {
    let unpaid = json!({"id": "in_2", "status": "open", "created": START + 7});
    let paid = json!({"id": "in_2", "status": "paid", "created": START + 7});
    let table = [
        (json!({"status": "incomplete"}), Status::Incomplete),
        (json!({"status": "incomplete_expired", "ended_at": 9}), Status::Expired { at: at(9) }),
        (json!({"status": "trialing", "trial_end": 8}), Status::Trialing { ends_at: at(8) }),
        (json!({"status": "active", "pause_collection": {"behavior": "void"}}), Status::Active),
        (json!({"status": "past_due"}), Status::PastDue { since: at(START) }),
        (
            json!({"status": "past_due", "latest_invoice": unpaid}),
            Status::PastDue { since: at(START + 7) },
        ),
        (json!({"status": "unpaid", "latest_invoice": paid}), Status::PastDue { since: at(START) }),
        (json!({"status": "paused"}), Status::Paused { resumes_at: None }),
        (
            json!({"status": "canceled", "canceled_at": 5, "ended_at": 6}),
            Status::Cancelled { at: at(6) },
        ),
        (json!({"status": "canceled", "canceled_at": 5}), Status::Cancelled { at: at(5) }),
    ];
    for (changes, expected) in table {
        assert_eq!(changed(changes.clone()).await.unwrap().status, expected, "{changes}");
    }
}

#[tokio::test]
async fn what_we_cannot_place_is_not_guessed() {
    for changes in [
        json!({"status": "hibernating"}),
        json!({"status": "canceled"}),
        json!({"items": {"data": []}}),
        json!({"created": "yesterday"}),
    ] {
        let outcome = changed(changes.clone()).await;
        assert!(matches!(outcome, Err(GatewayError::Unreadable(_))), "{changes}: {outcome:?}");
    }
}

#[tokio::test]
async fn the_end_may_be_asked_for_in_two_ways() {
    let ends = async |changes| changed(changes).await.unwrap().cancel_at_period_end;
    assert!(ends(json!({"cancel_at_period_end": true})).await);
    assert!(ends(json!({"cancel_at": END})).await);
    assert!(!ends(json!({"cancel_at": END + 1})).await);
}

#[tokio::test]
async fn recorded_subscriptions_are_understood() {
    let Some(specs) = specs() else { return };
    let events = specs.join("stripe/events");
    let bare = json(&events.join("pay-rails/subscription.trial_ended.json"));
    seen(bare["object"].clone()).await.unwrap();
    let envelope = json(&events.join("fixtures/customer.subscription.updated.json"));
    seen(envelope["data"]["object"].clone()).await.unwrap();
    let deliveries = json(&events.join("localstripe-deliveries.json"));
    for delivery in deliveries.as_array().unwrap() {
        let event: Value = serde_json::from_str(delivery["body"].as_str().unwrap()).unwrap();
        let object = &event["data"]["object"];
        if object["object"] == "subscription" {
            let object = with(object.clone(), json!({"latest_invoice": null}));
            seen(object).await.unwrap();
        }
    }
}
