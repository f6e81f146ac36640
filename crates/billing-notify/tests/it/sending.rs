//! What is sent, and what is made of the answer.

use std::time::Duration;

use billing_app::ports::{NotSent, WebhookSender as _};
use billing_notify::webhooks::{HttpWebhooks, TargetRules};
use wiremock::{Mock, MockServer, ResponseTemplate, matchers::any};

use crate::{sender, to};

fn to_this_machine() -> HttpWebhooks {
    let rules = TargetRules { this_machine: true, ..TargetRules::default() };
    sender(rules, &[&["127.0.0.1"]])
}

async fn answering(answer: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(any()).respond_with(answer).mount(&server).await;
    server
}

#[tokio::test]
async fn a_message_is_signed_by_every_secret() {
    let server = answering(ResponseTemplate::new(204)).await;
    let answer = to_this_machine().send(&to(&server.uri())).await.unwrap();
    assert_eq!((answer.status, answer.retry_after), (204, None));
    let requests = server.received_requests().await.unwrap();
    let [request] = requests.as_slice() else { panic!("one was sent: {requests:?}") };
    let header = |name: &str| request.headers.get(name).unwrap().to_str().unwrap().to_owned();
    assert_eq!(
        (header("webhook-id"), header("webhook-timestamp").as_str()),
        ("evt_1".to_owned(), "1773489600")
    );
    assert_eq!(header("content-type"), "application/json");
    let signatures = header("webhook-signature");
    let parts: Vec<_> = signatures.split(' ').collect();
    assert_eq!(parts.len(), 2);
    assert!(parts.iter().all(|it| it.starts_with("v1,")) && parts[0] != parts[1]);
    assert_eq!(request.body, to("").body);
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_not_followed() {
    let elsewhere = answering(ResponseTemplate::new(200)).await;
    let there = elsewhere.uri();
    for target in ["https://169.254.169.254/", there.as_str()] {
        let redirect = ResponseTemplate::new(307).insert_header("location", target);
        let server = answering(redirect).await;
        let answer = to_this_machine().send(&to(&server.uri())).await.unwrap();
        assert_eq!(answer.status, 307);
    }
    assert_eq!(elsewhere.received_requests().await.unwrap().len(), 0);
}

#[tokio::test]
async fn of_a_long_answer_a_little_is_kept() {
    let body = "a\0\u{7}é".repeat(4 << 20);
    for status in [200, 500] {
        let server = answering(ResponseTemplate::new(status).set_body_string(body.clone())).await;
        let answer = to_this_machine().send(&to(&server.uri())).await.unwrap();
        assert_eq!(answer.status, status);
        assert!((1..=1_000).contains(&answer.text.len()), "{}", answer.text.len());
        assert!(!answer.text.contains(char::is_control));
    }
}

#[tokio::test]
async fn a_receiver_says_when_it_wants_more() {
    for (said, heard) in [
        ("120", Some(120)),
        ("Sat, 14 Mar 2026 12:10:00 GMT", Some(600)),
        ("Sat, 14 Mar 2026 11:00:00 GMT", Some(0)),
        ("soon", None),
    ] {
        let busy = ResponseTemplate::new(429).insert_header("retry-after", said);
        let answer = to_this_machine().send(&to(&answering(busy).await.uri())).await.unwrap();
        assert_eq!(answer.retry_after, heard.map(Duration::from_secs), "{said}");
    }
}

#[tokio::test]
async fn who_is_not_there_is_not_reached() {
    let gone = {
        let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        format!("http://{}", server.local_addr().unwrap())
    };
    let sent = to_this_machine().send(&to(&gone)).await;
    assert_eq!(sent, Err(NotSent::Failed("it could not be reached".to_owned())));
}
