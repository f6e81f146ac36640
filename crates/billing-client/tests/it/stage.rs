//! A server that plays the API, and a client of it.

use std::{net::TcpListener, time::Duration};

use billing_client::{Client, ClientBuilder};
use serde_json::Value;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use wiremock::{
    Mock, MockServer, Request, Respond, ResponseTemplate,
    matchers::{method, path},
};

pub(crate) const CHECK: &str = "/api/billing/check-quota";
pub(crate) const CONSUME: &str = "/api/billing/credits/consume";
pub(crate) const HOLDS: &str = "/api/billing/credits/holds";
pub(crate) const SUBSCRIPTION: &str = "/api/billing/subscription";

pub(crate) struct Stage {
    pub(crate) server: MockServer,
}

impl Stage {
    pub(crate) async fn new() -> Self {
        Self { server: MockServer::start().await }
    }

    /// What is answered from now on; what was said earlier comes first, as often as it was said.
    pub(crate) async fn says(&self, verb: &str, at: &str, status: u16, body: &Value) {
        let answer = ResponseTemplate::new(status).set_body_json(body);
        Mock::given(method(verb)).and(path(at)).respond_with(answer).mount(&self.server).await;
    }

    /// What is answered once.
    pub(crate) async fn once(&self, verb: &str, at: &str, answer: ResponseTemplate) {
        let mock = Mock::given(method(verb)).and(path(at)).respond_with(answer);
        mock.up_to_n_times(1).mount(&self.server).await;
    }

    /// The same as `says`, and a signal when somebody asks.
    pub(crate) async fn signals(&self, at: &str, body: Value) -> UnboundedReceiver<()> {
        let (asked, heard) = unbounded_channel();
        let bell = Bell { asked, body };
        Mock::given(method("POST")).and(path(at)).respond_with(bell).mount(&self.server).await;
        heard
    }

    /// A client that does not wait between its tries.
    pub(crate) fn client(&self) -> Client {
        Self::builder(&self.server.uri()).build().unwrap()
    }

    pub(crate) fn builder(url: &str) -> ClientBuilder {
        Client::builder(url, "bk_test").backoff(Duration::ZERO)
    }

    pub(crate) async fn requests(&self) -> Vec<Request> {
        self.server.received_requests().await.unwrap()
    }

    /// The paths of all requests, in order.
    pub(crate) async fn paths(&self) -> Vec<String> {
        self.requests().await.iter().map(|it| it.url.path().to_owned()).collect()
    }

    /// The body of the last request.
    pub(crate) async fn last_body(&self) -> Value {
        self.requests().await.last().unwrap().body_json().unwrap()
    }
}

/// A client of an address at which nobody listens.
pub(crate) fn nobody() -> Client {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    Stage::builder(&format!("http://{free}")).build().unwrap()
}

/// Waits until somebody asks; for ever would be no failure.
pub(crate) async fn heard(signals: &mut UnboundedReceiver<()>) {
    tokio::time::timeout(Duration::from_secs(30), signals.recv()).await.unwrap().unwrap();
}

struct Bell {
    asked: UnboundedSender<()>,
    body: Value,
}

impl Respond for Bell {
    fn respond(&self, _: &Request) -> ResponseTemplate {
        self.asked.send(()).ok();
        ResponseTemplate::new(200).set_body_json(&self.body)
    }
}
