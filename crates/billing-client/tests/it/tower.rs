//! Guards before a service of tower.

use core::{convert::Infallible, future::pending};

use billing_client::{Client, Decision, Guard, tower::Guards};
use http::{Request, Response};
use serde_json::{Value, json};
use tower::{Layer as _, ServiceExt as _, service_fn};
use uuid::Uuid;

use crate::{
    answers::{self, ACME, DECISION, HOLD},
    stage::{CHECK, CONSUME, HOLDS, SUBSCRIPTION, Stage, heard, nobody},
};

/// Answers the status that the body of the request names, with the decision as its text.
async fn work(request: Request<u16>) -> Result<Response<String>, Infallible> {
    let decision = request.extensions().get::<Decision>().cloned();
    let text = decision.map(|it| format!("{:?} {:?} {:?}", it.id(), it.remaining(), it.balance()));
    let answer = Response::builder().status(*request.body());
    Ok(answer.body(text.unwrap_or_default()).unwrap())
}

fn guards(client: Client) -> Guards {
    Guards::new(client, |parts| parts.extensions.get::<Uuid>().copied())
}

fn of_acme(status: u16) -> Request<u16> {
    let mut request = Request::new(status);
    request.extensions_mut().insert(ACME);
    request
}

/// Sends a request through a guard to `work`.
async fn ask(client: Client, guard: Guard, request: Request<u16>) -> Response<String> {
    guards(client).guard(guard).layer(service_fn(work)).oneshot(request).await.unwrap()
}

fn json(answer: &Response<String>) -> Value {
    assert_eq!(answer.headers()["content-type"], "application/json");
    serde_json::from_str(answer.body()).unwrap()
}

#[tokio::test]
async fn what_is_allowed_comes_to_the_service_with_the_decision() {
    let stage = Stage::new().await;
    stage.says("GET", CHECK, 200, &answers::quota(true)).await;
    stage.says("POST", CHECK, 200, &answers::quota(true)).await;
    stage.says("POST", CONSUME, 200, &answers::consumption()).await;
    stage.says("GET", SUBSCRIPTION, 200, &answers::subscription("active", "starter")).await;
    for (guard, said) in [
        (Guard::limit("projects", 1), "None Some(2) None".to_owned()),
        (Guard::record("projects", 1), format!("Some({DECISION}) Some(2) None")),
        (Guard::consume("ai_inference", 1), format!("Some({DECISION}) None Some(75)")),
        (Guard::active_subscription(), "None None None".to_owned()),
    ] {
        let answer = ask(stage.client(), guard, of_acme(201)).await;
        assert_eq!((answer.status().as_u16(), answer.body()), (201, &said));
    }
}

#[tokio::test]
async fn a_denial_is_answered_in_the_form_of_the_api() {
    let stage = Stage::new().await;
    stage.says("GET", CHECK, 200, &answers::quota(false)).await;
    let reached = answers::error("LIMIT_REACHED", &answers::quota(false));
    stage.says("POST", CHECK, 403, &reached).await;
    for guard in [Guard::limit("projects", 1), Guard::record("projects", 1)] {
        let answer = ask(stage.client(), guard, of_acme(200)).await;
        assert_eq!(answer.status(), 403);
        let body = json(&answer);
        assert_eq!(
            (&body["success"], &body["error"]["code"]),
            (&json!(false), &json!("LIMIT_REACHED"))
        );
        assert_eq!(body["error"]["details"]["upgrade"], answers::upgrade());
    }

    let missing = answers::error("INSUFFICIENT_CREDITS", &answers::shortfall());
    stage.says("POST", CONSUME, 402, &missing).await;
    let answer = ask(stage.client(), Guard::consume("ai_inference", 1), of_acme(200)).await;
    assert_eq!((answer.status().as_u16(), json(&answer)), (402, missing));

    stage.says("GET", SUBSCRIPTION, 200, &answers::subscription("past_due", "free")).await;
    let answer = ask(stage.client(), Guard::active_subscription(), of_acme(200)).await;
    let body = json(&answer);
    assert_eq!(
        (answer.status().as_u16(), &body["error"]["code"]),
        (402, &json!("SUBSCRIPTION_REQUIRED"))
    );
    let details = json!({
        "status": "past_due", "plan": "free", "checkout": "/api/billing/subscription/checkout",
    });
    assert_eq!(body["error"]["details"], details);
}

#[tokio::test]
async fn without_an_organization_billing_is_not_asked() {
    let stage = Stage::new().await;
    let answer = ask(stage.client(), Guard::limit("projects", 1), Request::new(200)).await;
    assert_eq!(
        (answer.status().as_u16(), &json(&answer)["error"]["code"]),
        (401, &json!("UNAUTHENTICATED"))
    );
    assert_eq!(stage.requests().await.len(), 0);
}

#[tokio::test]
async fn without_billing_a_guard_is_closed_unless_it_is_said() {
    for guard in [Guard::limit("projects", 1), Guard::hold("ai_inference", 1)] {
        let answer = ask(nobody(), guard.clone(), of_acme(200)).await;
        assert_eq!(answer.status(), 503);
        assert_eq!(answer.headers()["retry-after"], "1");
        assert_eq!(json(&answer)["error"]["code"], "SERVICE_UNAVAILABLE");

        let answer = ask(nobody(), guard.fail_open(), of_acme(200)).await;
        assert_eq!((answer.status().as_u16(), answer.body().as_str()), (200, "None None None"));
    }
}

#[tokio::test]
async fn a_fault_of_the_product_is_not_told_and_never_open() {
    let stage = Stage::new().await;
    let body = answers::error("INSUFFICIENT_SCOPE", &json!({ "scope": "write" }));
    stage.says("POST", CONSUME, 403, &body).await;
    let guard = Guard::consume("ai_inference", 1).fail_open();
    let answer = ask(stage.client(), guard, of_acme(200)).await;
    assert_eq!((answer.status().as_u16(), &json(&answer)["error"]["details"]), (500, &json!({})));
}

#[tokio::test]
async fn a_hold_is_settled_after_success_and_released_after_an_error() {
    for (status, end) in [(200, "settle"), (302, "settle"), (404, "release"), (500, "release")] {
        let stage = Stage::new().await;
        stage.says("POST", HOLDS, 201, &answers::hold()).await;
        let at = format!("{HOLDS}/{HOLD}/{end}");
        let body = if end == "settle" { answers::settled() } else { answers::released() };
        stage.says("POST", &at, 200, &body).await;
        let answer = ask(stage.client(), Guard::hold("ai_inference", 1), of_acme(status)).await;
        assert_eq!(answer.status(), status);
        assert_eq!(answer.body(), &format!("Some({DECISION}) None None"));
        assert_eq!(stage.paths().await, [HOLDS, &at], "{status}");
    }
}

#[tokio::test]
async fn what_the_work_came_to_is_charged() {
    for (charge, end, sent) in [
        (12, "settle", json!({ "organization_id": ACME, "amount": 12 })),
        (25, "settle", json!({ "organization_id": ACME })),
        (26, "settle", json!({ "organization_id": ACME })),
        (0, "release", json!({ "organization_id": ACME })),
    ] {
        let stage = Stage::new().await;
        stage.says("POST", HOLDS, 201, &answers::hold()).await;
        let work = service_fn(move |request: Request<u16>| async move {
            let decision = request.extensions().get::<Decision>();
            let Some(Decision::Held(held)) = decision else { panic!("{decision:?}") };
            held.charge(charge);
            Ok::<_, Infallible>(Response::new(String::new()))
        });
        let guard = guards(stage.client()).guard(Guard::hold("ai_inference", 1));
        guard.layer(work).oneshot(of_acme(200)).await.unwrap();
        let requests = stage.requests().await;
        // That nobody answers it is no matter of the user's.
        assert_eq!(requests[1].url.path(), format!("{HOLDS}/{HOLD}/{end}"));
        assert_eq!(requests[1].body_json::<Value>().unwrap(), sent);
    }
}

#[tokio::test]
async fn a_hold_is_released_when_the_service_panics_or_nobody_waits() {
    let stage = Stage::new().await;
    stage.says("POST", HOLDS, 201, &answers::hold()).await;
    let mut released = stage.signals(&format!("{HOLDS}/{HOLD}/release"), answers::released()).await;
    let guard = guards(stage.client()).guard(Guard::hold("ai_inference", 1));

    let dies = service_fn(|_: Request<u16>| async {
        if true {
            panic!("on purpose")
        }
        Ok::<_, Infallible>(Response::new(String::new()))
    });
    let died = tokio::spawn(guard.layer(dies).oneshot(of_acme(200))).await.unwrap_err();
    assert!(died.is_panic());
    heard(&mut released).await;

    let (begun, begins) = tokio::sync::oneshot::channel();
    let begun = std::sync::Arc::new(std::sync::Mutex::new(Some(begun)));
    let waits = service_fn(move |_: Request<u16>| {
        begun.lock().unwrap().take().unwrap().send(()).unwrap();
        pending::<Result<Response<String>, Infallible>>()
    });
    let waiting = tokio::spawn(guard.layer(waits).oneshot(of_acme(200)));
    begins.await.unwrap();
    waiting.abort();
    heard(&mut released).await;
}
