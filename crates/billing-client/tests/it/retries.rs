//! Sending again: the same request, with the same key.

use std::time::Duration;

use billing_client::{Consume, Error};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use wiremock::ResponseTemplate;

use crate::{
    answers::{self, ACME},
    stage::{CHECK, CONSUME, Stage, nobody},
};

fn busy(retry_after: &str) -> ResponseTemplate {
    let body = answers::error("SERVICE_UNAVAILABLE", &json!({}));
    ResponseTemplate::new(503).insert_header("retry-after", retry_after).set_body_json(body)
}

#[tokio::test]
async fn a_busy_server_is_asked_again_with_the_same_key() {
    let stage = Stage::new().await;
    stage.once("POST", CONSUME, busy("0")).await;
    stage.once("POST", CONSUME, ResponseTemplate::new(429)).await;
    stage.says("POST", CONSUME, 200, &answers::consumption()).await;
    stage.client().consume(Consume::new("ai_inference")).await.unwrap();
    let requests = stage.requests().await;
    let bodies: Vec<Value> = requests.iter().map(|it| it.body_json().unwrap()).collect();
    assert_eq!(bodies.len(), 3);
    assert!(bodies.iter().all(|body| *body == bodies[0]), "{bodies:?}");
}

#[tokio::test]
async fn retries_end() {
    let stage = Stage::new().await;
    let body = answers::error("INTERNAL_ERROR", &json!({}));
    stage.says("GET", CHECK, 500, &body).await;
    let error = stage.client().check_quota(ACME, "projects", 1).await.unwrap_err();
    assert!(error.is_retryable(), "{error}");
    assert_eq!(stage.requests().await.len(), 3);
}

#[tokio::test]
async fn a_long_wait_is_the_callers() {
    let stage = Stage::new().await;
    stage.once("POST", CONSUME, busy("3600")).await;
    let error = stage.client().consume(Consume::new("ai_inference")).await.unwrap_err();
    let Error::Unavailable { retry_after, .. } = error else { panic!("{error}") };
    assert_eq!(retry_after, Some(Duration::from_secs(3600)));
    assert_eq!(stage.requests().await.len(), 1);
}

#[tokio::test]
async fn without_retries_there_is_one_try() {
    let stage = Stage::new().await;
    stage.says("POST", CONSUME, 503, &json!({})).await;
    let client = Stage::builder(&stage.server.uri()).retries(0).build().unwrap();
    client.consume(Consume::new("ai_inference")).await.unwrap_err();
    assert_eq!(stage.requests().await.len(), 1);
}

#[tokio::test]
async fn nobody_there_is_unavailable() {
    let error = nobody().check_quota(ACME, "projects", 1).await.unwrap_err();
    assert_eq!(error.to_string(), "billing is not available: no connection");
}

#[tokio::test]
async fn silence_ends_every_try_and_then_the_call() {
    // Connections come into the queue of the listener, and nobody ever answers.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let client = Stage::builder(&url).timeout(Duration::from_millis(20)).build().unwrap();
    let error = client.consume(Consume::new("ai_inference")).await.unwrap_err();
    assert_eq!(error.to_string(), "billing is not available: no answer in time");
    for _ in 0..3 {
        silent.accept().await.unwrap();
    }
}
