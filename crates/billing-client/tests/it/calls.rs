//! What is sent, and how answers are read.

use billing_client::{
    BuildError, Client, Consume, Hold, QuotaReason, SubscribeTo, SubscriptionStatus, Usage,
};
use serde_json::json;
use time::macros::datetime;

use crate::{
    answers::{self, ACME, DECISION, HOLD},
    stage::{CHECK, CONSUME, HOLDS, SUBSCRIPTION, Stage},
};

#[tokio::test]
async fn a_check_is_asked_in_the_query() {
    let stage = Stage::new().await;
    stage.says("GET", CHECK, 200, &answers::quota(false)).await;
    let check = stage.client().check_quota(ACME, "a&b", 7).await.unwrap();
    assert_eq!((check.quota.allowed, check.quota.reason), (false, QuotaReason::LimitReached));
    assert_eq!(check.quota.upgrade.unwrap().price.amount, 900);
    assert_eq!(check.as_of, datetime!(2026-03-14 12:00:00.5 UTC));
    let request = &stage.requests().await[0];
    let query = format!("meter=a%26b&quantity=7&organization_id={ACME}");
    assert_eq!(request.url.query(), Some(query.as_str()));
    assert_eq!(request.headers["authorization"], "Bearer bk_test");
}

#[tokio::test]
async fn usage_is_sent_with_its_key() {
    let stage = Stage::new().await;
    stage.says("POST", CHECK, 200, &answers::quota(true)).await;
    let properties = json!({ "region": "eu" }).as_object().unwrap().clone();
    let usage = Usage::new("projects").organization(ACME).quantity(2).idempotency_key("k");
    let usage = usage.at(datetime!(2026-03-14 13:00 +1)).properties(properties);
    let record = stage.client().check_and_record(usage).await.unwrap();
    assert_eq!((record.decision_id, record.quota.remaining), (DECISION, Some(2)));
    assert_eq!(
        stage.last_body().await,
        json!({
            "organization_id": ACME, "meter": "projects", "quantity": 2, "idempotency_key": "k",
            "timestamp": "2026-03-14T13:00:00+01:00", "properties": { "region": "eu" },
        })
    );
}

#[tokio::test]
async fn every_event_of_a_batch_has_a_key() {
    let stage = Stage::new().await;
    let answer = json!({
        "accepted": 1, "duplicates": 0,
        "rejected": [{ "index": 1, "code": "METER_NOT_FOUND", "message": "No such meter" }],
    });
    stage.says("POST", "/api/billing/track-usage/batch", 200, &answer).await;
    let usages = [
        Usage::new("seats").decrement().idempotency_key("k").at(datetime!(2026-03-14 12:00 UTC)),
        Usage::new("steps"),
    ];
    let batch = stage.client().track_usage_batch(&usages).await.unwrap();
    assert_eq!((batch.accepted, batch.rejected[0].index), (1, 1));
    let sent = stage.last_body().await;
    assert_eq!(
        sent["events"][0],
        json!({
            "meter": "seats", "quantity": 1, "decrement": true, "idempotency_key": "k",
            "at": "2026-03-14T12:00:00Z",
        })
    );
    assert!(sent["events"][1]["idempotency_key"].as_str().is_some_and(|key| key.len() == 36));
}

#[tokio::test]
async fn two_calls_have_two_keys() {
    let stage = Stage::new().await;
    stage.says("POST", CONSUME, 200, &answers::consumption()).await;
    let client = stage.client();
    let mut keys = Vec::new();
    for _ in 0..2 {
        let used = client.consume(Consume::new("ai_inference")).await.unwrap();
        assert_eq!((used.cost, used.balance, used.grants[0].amount), (25, 75, 25));
        keys.push(stage.last_body().await["idempotency_key"].clone());
    }
    assert!(keys.iter().all(|key| key.is_string()), "{keys:?}");
    assert_ne!(keys[0], keys[1]);
}

#[tokio::test]
async fn a_hold_is_placed_and_ended() {
    let stage = Stage::new().await;
    stage.says("POST", HOLDS, 201, &answers::hold()).await;
    let settle = format!("{HOLDS}/{HOLD}/settle");
    stage.says("POST", &settle, 200, &answers::settled()).await;
    let release = format!("{HOLDS}/{HOLD}/release");
    stage.says("POST", &release, 200, &answers::released()).await;
    let client = stage.client();
    let ttl = std::time::Duration::from_secs(600);
    let hold = Hold::of_credits("ai_inference", 90).ttl(ttl).idempotency_key("k");
    let placed = client.hold(hold).await.unwrap();
    assert_eq!((placed.hold_id, placed.amount), (HOLD, 25));
    assert_eq!(
        stage.last_body().await,
        json!({ "event": "ai_inference", "amount": 90, "ttl_seconds": 600, "idempotency_key": "k" })
    );
    assert_eq!(client.settle(ACME, HOLD, 12).await.unwrap().settled, 25);
    assert_eq!(stage.last_body().await, json!({ "organization_id": ACME, "amount": 12 }));
    client.settle(None, HOLD, None).await.unwrap();
    assert_eq!(stage.last_body().await, json!({}));
    assert_eq!(client.release(ACME, HOLD).await.unwrap().returned, 25);
    assert_eq!(stage.last_body().await, json!({ "organization_id": ACME }));
    let requests = stage.requests().await;
    assert!(requests[1..].iter().all(|it| it.headers.contains_key("idempotency-key")));
}

#[tokio::test]
async fn a_subscription_gives_access_while_its_plan_is_the_entitled_one() {
    for (status, entitled, known, access) in [
        ("active", "starter", SubscriptionStatus::Active, true),
        ("past_due", "starter", SubscriptionStatus::PastDue, true),
        ("past_due", "free", SubscriptionStatus::PastDue, false),
        ("none", "starter", SubscriptionStatus::None, false),
        ("of_tomorrow", "starter", SubscriptionStatus::Unknown, true),
    ] {
        let stage = Stage::new().await;
        stage.says("GET", SUBSCRIPTION, 200, &answers::subscription(status, entitled)).await;
        let subscription = stage.client().subscription(ACME).await.unwrap();
        assert_eq!(subscription.status, known, "{status}");
        assert_eq!(subscription.gives_access(), access, "{status} on {entitled}");
    }
}

#[tokio::test]
async fn pages_are_opened_with_a_key_in_the_header() {
    let stage = Stage::new().await;
    let page = json!({
        "checkout_id": DECISION, "gateway": "stripe", "session_id": "cs_1", "status": "open",
        "url": "https://pay.example.com", "expires_at": "2026-03-15T12:00:00Z",
    });
    stage.says("POST", "/api/billing/subscription/checkout", 201, &page).await;
    let subscribe = SubscribeTo::new("starter", "https://a.example", "https://b.example");
    let subscribe = subscribe.organization(ACME).interval("year").idempotency_key("a \"b\"");
    let opened = stage.client().open_checkout(subscribe).await.unwrap();
    assert_eq!(opened.url, "https://pay.example.com");
    assert_eq!(
        stage.last_body().await,
        json!({
            "organization_id": ACME, "plan": "starter", "interval": "year",
            "success_url": "https://a.example", "cancel_url": "https://b.example",
        })
    );
    assert_eq!(stage.requests().await[0].headers["idempotency-key"], r#""a \"b\"""#);
}

#[test]
fn settings_are_checked_and_secrets_are_not_shown() {
    for wrong in ["", "billing.internal", "ftp://billing.internal", "http://b?x=1"] {
        assert!(matches!(Client::new(wrong, "bk_1"), Err(BuildError::BaseUrl)), "{wrong}");
    }
    for wrong in ["", "bk_\n"] {
        assert!(matches!(Client::new("http://b", wrong), Err(BuildError::ApiKey)), "{wrong:?}");
    }
    let client = Client::new("http://billing.internal/", "bk_secret").unwrap();
    assert!(!format!("{client:?}").contains("bk_secret"));
}
