//! A started sandbox with a receiver for its events and a clock that can be moved.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
};

use billing_sandbox::{Config, Running, WebhookTarget};
use reqwest::{Client, RequestBuilder, redirect};
use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::receiver::Receiver;

pub(crate) const KEY: &str = "sk_test_sandbox";
pub(crate) const SECRET: &str = "whsec_sandbox";
/// 15 January 2027, 10:00 UTC.
pub(crate) const BEGIN: i64 = 1_800_007_200;
pub(crate) const DAY: i64 = 86_400;
/// The wall clock of signatures.
pub(crate) const WALL: i64 = 1_700_000_000;

/// Ids must differ between sandboxes too, as one may take up the journal of another.
static NEXT_ID: AtomicU64 = AtomicU64::new(1);

pub(crate) struct Scene {
    pub(crate) sandbox: Running,
    pub(crate) receiver: Receiver,
    pub(crate) client: Client,
    clock: Arc<AtomicI64>,
}

impl Scene {
    pub(crate) async fn new() -> Self {
        Self::with_journal(None, BEGIN).await
    }

    pub(crate) async fn with_journal(state: Option<&Path>, now: i64) -> Self {
        let receiver = Receiver::start(0).await;
        let clock = Arc::new(AtomicI64::new(now));
        let config = config(&receiver.url(), state, &clock);
        let sandbox = billing_sandbox::start(config).await.unwrap();
        // A second sandbox finds the provider installed already.
        rustls::crypto::ring::default_provider().install_default().ok();
        let client = Client::builder().no_proxy().redirect(redirect::Policy::none());
        Self { sandbox, receiver, client: client.build().unwrap(), clock }
    }

    /// Moves the clock to so many seconds after the begin.
    pub(crate) fn move_to(&self, after_begin: i64) {
        self.clock.store(BEGIN + after_begin, Ordering::SeqCst);
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.sandbox.url())
    }

    pub(crate) fn get_raw(&self, path: &str) -> RequestBuilder {
        self.client.get(self.url(path)).bearer_auth(KEY)
    }

    pub(crate) fn post_raw(&self, path: &str, form: &str) -> RequestBuilder {
        self.client
            .post(self.url(path))
            .bearer_auth(KEY)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form.to_owned())
    }

    /// The object at a path, which must be there.
    pub(crate) async fn get(&self, path: &str) -> Value {
        ok(self.get_raw(path)).await
    }

    /// The answer to a post, which must succeed.
    pub(crate) async fn post(&self, path: &str, form: &str) -> Value {
        ok(self.post_raw(path, form)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Value {
        ok(self.client.delete(self.url(path)).bearer_auth(KEY)).await
    }

    /// The error of a request, which must be refused with this status.
    pub(crate) async fn refused(&self, request: RequestBuilder, status: u16) -> Value {
        let answer = request.send().await.unwrap();
        let found = answer.status().as_u16();
        let body: Value = answer.json().await.unwrap();
        assert_eq!(found, status, "{body}");
        body["error"].clone()
    }

    /// Tells the simulator something in JSON.
    pub(crate) async fn tell(&self, path: &str, told: Value) -> Value {
        ok(self.client.post(self.url(path)).json(&told)).await
    }

    pub(crate) async fn complete(&self, session: &Value, outcome: &str) -> Value {
        let path = format!("/sandbox/checkout/{}/complete", session["id"].as_str().unwrap());
        self.tell(&path, serde_json::json!({ "outcome": outcome })).await
    }

    /// A checkout of a monthly plan for 20 dollars, with more parameters if wanted.
    pub(crate) async fn monthly_checkout(&self, more: &str) -> Value {
        self.post(
            "/v1/checkout/sessions",
            &format!(
                "mode=subscription&success_url=https%3A%2F%2Fapp.example%2Fok%3Fs%3D%7BCHECKOUT_SESSION_ID%7D\
                 &cancel_url=https%3A%2F%2Fapp.example%2Fno\
                 &line_items[0][price_data][currency]=usd\
                 &line_items[0][price_data][unit_amount]=2000\
                 &line_items[0][price_data][recurring][interval]=month\
                 &line_items[0][price_data][product_data][name]=Pro\
                 &line_items[0][quantity]=1{more}"
            ),
        )
        .await
    }

    pub(crate) async fn stop(self) {
        self.sandbox.stop().await;
        self.receiver.stop().await;
    }
}

pub(crate) fn config(webhook: &str, state: Option<&Path>, clock: &Arc<AtomicI64>) -> Config {
    let clock = Arc::clone(clock);
    let at = |seconds| OffsetDateTime::from_unix_timestamp(seconds).unwrap();
    Config {
        listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        webhook: WebhookTarget { url: webhook.to_owned(), secret: SECRET.to_owned() },
        state: state.map(Path::to_owned),
        clock: Arc::new(move || at(clock.load(Ordering::SeqCst))),
        wall: Arc::new(move || at(WALL)),
        ids: Arc::new(|| {
            Uuid::from_u128(u128::from(NEXT_ID.fetch_add(1, Ordering::SeqCst)) << 64 | 7)
        }),
        api_key: KEY.to_owned(),
        merchant: "Pagewell".to_owned(),
    }
}

async fn ok(request: RequestBuilder) -> Value {
    let answer = request.send().await.unwrap();
    let status = answer.status();
    let body: Value = answer.json().await.unwrap();
    assert!(status.is_success(), "{status}: {body}");
    body
}
