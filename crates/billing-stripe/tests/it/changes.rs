//! Subscriptions are changed: what the adapter says for it, and in which order.

use billing_app::ports::{
    Cancellation, GatewayError, GoingOn, NewPrice, NewRefund, Outcome, PaymentGateway as _,
    PreviewOf, PriceChange,
};
use billing_domain::{
    id::{ChangeId, RefundId},
    payment::ChargeFailure,
    period::Interval,
    subscription::{Resumption, When},
};
use billing_stripe::Stripe;
use serde_json::json;
use uuid::Uuid;

use crate::{
    form_check::decode,
    requests::{everything, header, parameters},
    server::{Played, at, fixture, price, usd},
    specs::{json, specs},
};

/// What a server answers that is asked to change a subscription.
pub(crate) async fn subscriptions_change(played: &Played) {
    let standing = json!({"id": "sub_1", "status": "active"});
    for path in ["", "/pause", "/resume"] {
        let path = format!("/v1/subscriptions/sub_1{path}");
        played.answers("POST", &path, &standing).await;
    }
    played.answers("DELETE", "/v1/subscriptions/sub_1", &standing).await;
    let schedule = json!({"id": "sub_sched_1", "status": "active",
                          "phases": [{"start_date": 1_702_592_000, "end_date": 1_705_270_400}]});
    played.answers("POST", "/v1/subscription_schedules", &schedule).await;
    played.answers("POST", "/v1/subscription_schedules/sub_sched_1", &schedule).await;
    played.shows("/v1/prices", &json!({"data": []})).await;
    played.answers("POST", "/v1/prices", &json!({"id": "price_9"})).await;
    let preview = json!({"currency": "usd", "total": 100, "amount_due": 100,
        "lines": {"data": [{"amount": 100, "period": {"start": 1, "end": 2}}]}});
    played.answers("POST", "/v1/invoices/create_preview", &preview).await;
    played.answers("POST", "/v1/refunds", &json!({"id": "re_1"})).await;
}

fn change() -> ChangeId {
    ChangeId(Uuid::from_u128(0xe))
}

fn a_new_price(interval: Interval) -> NewPrice {
    NewPrice {
        price_id: price(),
        gateway_price: None,
        name: "Scale".to_owned(),
        amount: usd(5900),
        interval,
        quantity: 3,
    }
}

fn a_change(interval: Interval, when: When) -> PriceChange {
    let proration_at = at(1_703_000_000);
    let from = NewPrice { quantity: 1, ..a_new_price(Interval::Month) };
    PriceChange { change_id: change(), from, to: a_new_price(interval), when, proration_at }
}

/// Everything that can be asked of a subscription, each once.
pub(crate) async fn ask_of_a_subscription(stripe: &Stripe) -> Result<(), GatewayError> {
    let role = stripe.subscriptions().expect("a role");
    for when in [When::Now, When::PeriodEnd] {
        let PriceChange { to, proration_at, .. } = a_change(Interval::Year, when);
        role.preview("sub_1", &PreviewOf::Change { to, when, proration_at }).await?;
        assert_eq!(role.change("sub_1", &a_change(Interval::Year, when)).await?, Outcome::Done);
        role.cancel("sub_1", &Cancellation { change_id: change(), when }).await?;
    }
    role.preview("sub_1", &PreviewOf::NewPeriod).await?;
    let pushed =
        NewPrice { gateway_price: Some("price_1".to_owned()), ..a_new_price(Interval::Month) };
    let pushed = PriceChange { to: pushed, ..a_change(Interval::Month, When::PeriodEnd) };
    assert_eq!(role.change("sub_1", &pushed).await?, Outcome::Done);
    for takes_back in [Resumption::Cancellation, Resumption::Pause, Resumption::ScheduledChange] {
        let going_on = GoingOn { change_id: change(), takes_back, new_period: true };
        assert_eq!(role.resume("sub_1", &going_on).await?, Outcome::Done);
    }
    role.pause("sub_1", change()).await?;
    let refund = NewRefund {
        refund_id: RefundId(Uuid::from_u128(0xf)),
        payment: "pi_1".to_owned(),
        amount: usd(700),
    };
    stripe.refunds().expect("a role").refund(&refund).await
}

#[tokio::test]
async fn changes_of_a_subscription_mean_what_stripes_own_client_means() {
    let Some(specs) = specs() else { return };
    let golden = json(&specs.join("stripe/golden-requests.stripe-node-23.1.0.json"));
    let golden = golden["requests"].as_array().unwrap();
    let played = everything().await;
    ask_of_a_subscription(&played.stripe).await.unwrap();
    let sent = played.requests().await;
    // What theirs says, ours says in the same words and places, and more besides.
    for (path, part) in [
        ("/v1/subscriptions/sub_1/resume", "/billing_cycle_anchor/type"),
        ("/v1/refunds", "/payment_intent"),
        ("/v1/invoices/create_preview", "/subscription"),
        ("/v1/invoices/create_preview", "/subscription_details/items/0/id"),
        ("/v1/subscriptions/sub_1", "/items/0/id"),
    ] {
        let theirs = golden
            .iter()
            .find(|it| it["path"] == path && it["decoded"].pointer(part).is_some())
            .unwrap_or_else(|| panic!("no golden request for {path}"));
        let ours = sent
            .iter()
            .filter(|it| it.url.path() == path && it.method.as_str() == "POST")
            .map(|it| decode(&parameters(it)))
            .find(|it| it.pointer(part).is_some());
        let ours = ours.unwrap_or_else(|| panic!("{path} does not say {part}"));
        assert_eq!(ours.pointer(part), theirs["decoded"].pointer(part), "{path} {part}");
    }
}

#[tokio::test]
async fn a_change_is_charged_at_once_or_not_at_all() {
    let played = everything().await;
    let role = played.stripe.subscriptions().unwrap();
    let now = a_change(Interval::Year, When::Now);
    assert_eq!(role.change("sub_1", &now).await.unwrap(), Outcome::Done);
    let sent = played.requests().await;
    let last = sent.last().unwrap();
    assert_eq!(header(last, "idempotency-key"), Some(format!("change_{}", change()).as_str()));
    assert_eq!(
        decode(&parameters(last)),
        json!({
            "items": [{"id": "si_1", "price": "price_9", "quantity": "3"}],
            "proration_behavior": "always_invoice", "proration_date": "1703000000",
            "payment_behavior": "error_if_incomplete",
        })
    );
    let declined = Played::new().await;
    declined.shows("/v1/subscriptions/sub_1", &fixture!("subscription.endive.json")).await;
    declined.shows("/v1/prices", &json!({"data": [{"id": "price_9"}]})).await;
    let words = json!({"error": {"type": "card_error", "code": "card_declined",
                                 "decline_code": "insufficient_funds", "message": "no"}});
    let refused = wiremock::ResponseTemplate::new(402).set_body_json(words);
    declined.responds("POST", "/v1/subscriptions/sub_1", refused).await;
    let answer = declined.stripe.subscriptions().unwrap().change("sub_1", &now).await.unwrap();
    assert_eq!(answer, Outcome::Declined(ChargeFailure::InsufficientFunds));
}

#[tokio::test]
async fn a_change_at_the_end_of_the_period_is_a_schedule_of_two_phases() {
    let played = everything().await;
    let role = played.stripe.subscriptions().unwrap();
    let later = a_change(Interval::Year, When::PeriodEnd);
    assert_eq!(role.change("sub_1", &later).await.unwrap(), Outcome::Done);
    let sent = played.requests().await;
    let [.., swapped, begun, planned] = sent.as_slice() else { panic!("three writes") };
    let same = json!({"items": [{"id": "si_1", "price": "price_9"}], "proration_behavior": "none"});
    assert_eq!(decode(&parameters(swapped)), same, "to the same price, which can be named");
    assert_eq!(decode(&parameters(begun)), json!({"from_subscription": "sub_1"}));
    let first = json!({"start_date": "1702592000", "end_date": "1705270400",
                       "items": [{"price": "price_9", "quantity": "1"}]});
    let second = json!({
        "items": [{"price": "price_9", "quantity": "3"}], "proration_behavior": "none",
        "billing_cycle_anchor": "phase_start",
        "duration": {"interval": "year", "interval_count": "1"},
    });
    assert_eq!(
        decode(&parameters(planned)),
        json!({
            "end_behavior": "release", "proration_behavior": "none",
            "metadata": {"change_id": change()}, "phases": [first, second],
        })
    );
}
