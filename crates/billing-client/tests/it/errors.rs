//! Errors, by what the caller does next.

use billing_client::{Consume, Error, Reason, Usage};
use serde_json::{Value, json};
use wiremock::ResponseTemplate;

use crate::{
    answers,
    stage::{CHECK, CONSUME, Stage},
};

/// What a call ends in, in one word and with the code.
async fn ends_in(status: u16, body: &Value) -> String {
    let stage = Stage::new().await;
    stage.says("POST", CONSUME, status, body).await;
    let error = stage.client().consume(Consume::new("ai_inference")).await.unwrap_err();
    let word = match &error {
        Error::Denied(_) => "denied",
        Error::NotFound(_) => "not found",
        Error::Invalid(_) => "invalid",
        Error::Unauthenticated(_) => "unauthenticated",
        Error::Conflict(_) => "conflict",
        Error::Unavailable { .. } => "unavailable",
        Error::Unexpected(_) => "unexpected",
        _ => "new",
    };
    format!("{word}: {error}")
}

#[tokio::test]
async fn a_code_says_what_to_do() {
    for (status, code, word) in [
        (400, "VALIDATION_ERROR", "invalid"),
        (401, "UNAUTHENTICATED", "unauthenticated"),
        (403, "INSUFFICIENT_SCOPE", "unauthenticated"),
        (403, "OF_TOMORROW", "unexpected"),
        (404, "CREDIT_EVENT_NOT_FOUND", "not found"),
        (404, "ROUTE_NOT_FOUND", "unexpected"),
        (405, "METHOD_NOT_ALLOWED", "unexpected"),
        (409, "CONFLICT", "conflict"),
        (422, "CREDIT_EVENT_INACTIVE", "invalid"),
    ] {
        let ended = ends_in(status, &answers::error(code, &json!({}))).await;
        assert_eq!(ended.split_once(':').unwrap().0, word, "{status} {code}");
        assert!(ended.contains(code), "{ended}");
    }
    for (status, code) in
        [(409, "REQUEST_IN_PROGRESS"), (500, "INTERNAL_ERROR"), (503, "SERVICE_UNAVAILABLE")]
    {
        let ended = ends_in(status, &answers::error(code, &json!({}))).await;
        assert!(ended.starts_with("unavailable") && ended.contains(code), "{ended}");
    }
}

#[tokio::test]
async fn what_is_no_answer_of_the_api_is_unexpected() {
    assert!(ends_in(404, &json!("<html>")).await.starts_with("unexpected"));
    assert!(ends_in(302, &json!({})).await.starts_with("unexpected"));
    assert!(ends_in(200, &json!({ "cost": "much" })).await.starts_with("unexpected"));
    assert!(
        ends_in(402, &answers::error("INSUFFICIENT_CREDITS", &json!({})))
            .await
            .starts_with("unexpected")
    );
    assert!(ends_in(502, &json!("<html>")).await.starts_with("unavailable"));
}

#[tokio::test]
async fn missing_credits_say_what_to_buy() {
    let stage = Stage::new().await;
    let body = answers::error("INSUFFICIENT_CREDITS", &answers::shortfall());
    stage.says("POST", CONSUME, 402, &body).await;
    let error = stage.client().consume(Consume::new("ai_inference")).await.unwrap_err();
    let denied = error.denied().unwrap();
    let shortfall = denied.shortfall().unwrap();
    assert_eq!((shortfall.required, shortfall.available, shortfall.missing), (25, 5, 20));
    let top_up = shortfall.top_up.as_ref().unwrap();
    assert_eq!(
        (top_up.key.as_str(), top_up.price.as_ref().unwrap().amount),
        ("credits_1000", 1000)
    );
    assert_eq!(denied.upgrade(), None);
    assert_eq!(stage.requests().await.len(), 1, "a denial is final");
}

#[tokio::test]
async fn a_reached_limit_says_which_plan_would_allow_it() {
    let stage = Stage::new().await;
    let body = answers::error("LIMIT_REACHED", &answers::quota(false));
    stage.says("POST", CHECK, 403, &body).await;
    let error = stage.client().check_and_record(Usage::new("projects")).await.unwrap_err();
    let denied = error.denied().unwrap();
    let upgrade = denied.upgrade().unwrap();
    assert_eq!((upgrade.current_plan.as_str(), upgrade.plan.as_str()), ("free", "starter"));
    assert_eq!((upgrade.price.amount, upgrade.price.currency.as_str()), (900, "USD"));
    let Reason::LimitReached(reached) = &denied.reason else { panic!("{denied:?}") };
    assert_eq!((reached.quota.used, reached.quota.limit), (3, Some(3)));
    assert_eq!(denied.problem.request_id.as_deref(), Some("req_1"));
}

#[tokio::test]
async fn an_answer_without_end_is_not_read() {
    let stage = Stage::new().await;
    let long = ResponseTemplate::new(200).set_body_bytes(vec![b' '; (4 << 20) + 1]);
    stage.once("POST", CONSUME, long).await;
    let error = stage.client().consume(Consume::new("ai_inference")).await.unwrap_err();
    assert!(matches!(error, Error::Unexpected(_)), "{error}");
}
