//! Guards before a handler of actix-web.

use actix_web::{
    App, HttpMessage as _, HttpResponse,
    dev::{Service as _, ServiceResponse},
    http::StatusCode,
    rt,
    test::{TestRequest, init_service, read_body},
    web::{self, ReqData},
};
use billing_client::{Client, Decision, Guard, actix::Guards};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    answers::{self, ACME, DECISION, HOLD},
    stage::{CHECK, CONSUME, HOLDS, Stage, heard, nobody},
};

/// Answers the status of the path, with the decision as its text.
async fn work(status: web::Path<u16>, decision: ReqData<Decision>) -> HttpResponse {
    let text = format!("{:?} {:?}", decision.id(), decision.remaining());
    HttpResponse::build(StatusCode::from_u16(*status).unwrap()).body(text)
}

async fn dies() -> HttpResponse {
    panic!("on purpose")
}

fn guards(client: Client) -> Guards {
    Guards::new(client, |request| request.extensions().get::<Uuid>().copied())
}

/// Sends a request of an organization through a guard: to `work`, or to its death.
async fn ask(client: Client, guard: Guard, path: &str, whose: Option<Uuid>) -> ServiceResponse {
    let guard = guards(client).guard(guard);
    let at = |path: &str| web::resource(path).wrap(guard.clone());
    let app = App::new().service(at("/dies").to(dies)).service(at("/{status}").to(work));
    let service = init_service(app).await;
    let request = TestRequest::with_uri(path).to_request();
    if let Some(whose) = whose {
        request.extensions_mut().insert(whose);
    }
    service.call(request).await.unwrap().map_into_boxed_body()
}

async fn text(answer: ServiceResponse) -> String {
    String::from_utf8(read_body(answer).await.to_vec()).unwrap()
}

async fn json(answer: ServiceResponse) -> Value {
    assert_eq!(answer.headers().get("content-type").unwrap(), "application/json");
    serde_json::from_str(&text(answer).await).unwrap()
}

#[actix_web::test]
async fn what_is_allowed_comes_to_the_handler_with_the_decision() {
    let stage = Stage::new().await;
    stage.says("POST", CHECK, 200, &answers::quota(true)).await;
    let answer = ask(stage.client(), Guard::record("projects", 1), "/201", Some(ACME)).await;
    assert_eq!(answer.status(), 201);
    assert_eq!(text(answer).await, format!("Some({DECISION}) Some(2)"));
}

#[actix_web::test]
async fn a_denial_is_answered_in_the_form_of_the_api() {
    let stage = Stage::new().await;
    stage.says("GET", CHECK, 200, &answers::quota(false)).await;
    let answer = ask(stage.client(), Guard::limit("projects", 1), "/200", Some(ACME)).await;
    assert_eq!(answer.status(), 403);
    assert_eq!(json(answer).await["error"]["details"]["upgrade"], answers::upgrade());

    let missing = answers::error("INSUFFICIENT_CREDITS", &answers::shortfall());
    stage.says("POST", CONSUME, 402, &missing).await;
    let answer = ask(stage.client(), Guard::consume("ai_inference", 1), "/200", Some(ACME)).await;
    assert_eq!((answer.status().as_u16(), json(answer).await), (402, missing));

    let answer = ask(stage.client(), Guard::limit("projects", 1), "/200", None).await;
    assert_eq!(answer.status(), 401);
    assert_eq!(json(answer).await["error"]["code"], json!("UNAUTHENTICATED"));
}

#[actix_web::test]
async fn without_billing_a_guard_is_closed_unless_it_is_said() {
    let guard = Guard::limit("projects", 1);
    let answer = ask(nobody(), guard.clone(), "/200", Some(ACME)).await;
    assert_eq!(answer.status(), 503);
    assert_eq!(answer.headers().get("retry-after").unwrap(), "1");
    let answer = ask(nobody(), guard.fail_open(), "/200", Some(ACME)).await;
    assert_eq!((answer.status().as_u16(), text(answer).await.as_str()), (200, "None None"));
}

#[actix_web::test]
async fn a_hold_is_settled_after_success_and_released_after_an_error() {
    for (status, end) in [("/200", "settle"), ("/303", "settle"), ("/422", "release")] {
        let stage = Stage::new().await;
        stage.says("POST", HOLDS, 201, &answers::hold()).await;
        let at = format!("{HOLDS}/{HOLD}/{end}");
        let body = if end == "settle" { answers::settled() } else { answers::released() };
        stage.says("POST", &at, 200, &body).await;
        ask(stage.client(), Guard::hold("ai_inference", 1), status, Some(ACME)).await;
        assert_eq!(stage.paths().await, [HOLDS, &at], "{status}");
    }
}

#[actix_web::test]
async fn a_hold_is_released_when_the_handler_panics() {
    let stage = Stage::new().await;
    stage.says("POST", HOLDS, 201, &answers::hold()).await;
    let mut released = stage.signals(&format!("{HOLDS}/{HOLD}/release"), answers::released()).await;
    let client = stage.client();
    let asked =
        async move { ask(client, Guard::hold("ai_inference", 1), "/dies", Some(ACME)).await };
    assert!(rt::spawn(async move { drop(asked.await) }).await.unwrap_err().is_panic());
    heard(&mut released).await;
}
