//! The API as a product's backend calls it, and the hosted page as its customer does.

use std::{
    sync::Once,
    time::{Duration, Instant},
};

use reqwest::{Client, RequestBuilder, header::HeaderMap};
use serde_json::{Value, json};

/// Generous, because builds may run beside the tests.
const DEADLINE: Duration = Duration::from_secs(30);
const STEP: Duration = Duration::from_millis(20);

/// A server, and a key for it.
#[derive(Clone)]
pub(crate) struct Api {
    client: Client,
    base: String,
    key: String,
}

/// What came back.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

/// A client of HTTP: the product's choice of TLS is made once for the process.
pub(crate) fn client() -> Client {
    static CHOSEN: Once = Once::new();
    CHOSEN.call_once(|| rustls::crypto::ring::default_provider().install_default().unwrap());
    Client::builder().timeout(DEADLINE).no_proxy().build().unwrap()
}

impl Api {
    pub(crate) fn new(base: &str, key: &str) -> Self {
        Self { client: client(), base: base.to_owned(), key: key.to_owned() }
    }

    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        answer(self.authorized(self.client.get(self.url(path)))).await.unwrap()
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.try_post(path, body).await.unwrap()
    }

    /// The same, where the server may be gone.
    pub(crate) async fn try_post(&self, path: &str, body: &Value) -> reqwest::Result<Answer> {
        answer(self.authorized(self.client.post(self.url(path))).json(body)).await
    }

    pub(crate) async fn put(&self, path: &str, body: &Value) -> Answer {
        answer(self.authorized(self.client.put(self.url(path))).json(body)).await.unwrap()
    }

    /// With a key that stands for the request.
    pub(crate) async fn once(&self, path: &str, key: &str, body: &Value) -> Answer {
        let request = self.authorized(self.client.post(self.url(path))).json(body);
        answer(request.header("idempotency-key", key)).await.unwrap()
    }

    /// A webhook of Stripe, as it is given.
    pub(crate) async fn webhook(&self, signature: Option<&str>, body: &str) -> Answer {
        let url = self.url("/api/billing/webhook/stripe");
        let mut request = self.client.post(url).body(body.to_owned());
        if let Some(signature) = signature {
            request = request.header("stripe-signature", signature);
        }
        answer(request).await.unwrap()
    }

    /// A new organization, by its id.
    pub(crate) async fn organization(&self, name: &str) -> String {
        let made = self.post("/api/admin/organizations", &json!({ "name": name })).await;
        made.expect(201).text("/id")
    }

    /// Gives an organization credits.
    pub(crate) async fn give(&self, organization: &str, credits: u64) {
        let path = format!("/api/admin/organizations/{organization}/grants");
        let body = json!({ "kind": "promotional", "amount": credits });
        self.post(&path, &body).await.expect(201);
    }

    /// Opens the page on which to subscribe to a plan.
    pub(crate) async fn checkout(&self, organization: &str, plan: &str) -> Answer {
        self.post("/api/billing/subscription/checkout", &subscribe(organization, plan)).await
    }

    /// Uses credits under a key.
    pub(crate) async fn consume(&self, organization: &str, key: &str) -> Answer {
        self.post("/api/billing/credits/consume", &consume(organization, key)).await
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    fn authorized(&self, request: RequestBuilder) -> RequestBuilder {
        request.bearer_auth(&self.key)
    }
}

/// A request for the page of a plan.
pub(crate) fn subscribe(organization: &str, plan: &str) -> Value {
    json!({ "organization_id": organization, "plan": plan,
            "success_url": "https://product.example/welcome",
            "cancel_url": "https://product.example/pricing" })
}

/// A request for one inference.
pub(crate) fn consume(organization: &str, key: &str) -> Value {
    json!({ "organization_id": organization, "event": "ai_inference", "idempotency_key": key })
}

/// Chooses an outcome on the hosted page of a sandbox.
pub(crate) async fn pay(sandbox: &str, session: &str, outcome: &str) -> reqwest::Result<Answer> {
    let url = format!("{sandbox}/sandbox/checkout/{session}/complete");
    answer(client().post(url).json(&json!({ "outcome": outcome }))).await
}

/// Calls a sandbox as an adapter of Stripe would.
pub(crate) async fn stripe(sandbox: &str, path: &str, form: &[(&str, &str)]) -> Answer {
    let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    let request = client().post(format!("{sandbox}{path}")).bearer_auth("sk_test_sandbox");
    let request = request.header("content-type", "application/x-www-form-urlencoded").body(form);
    answer(request).await.unwrap()
}

/// Looks at something of a sandbox as an adapter of Stripe would.
pub(crate) async fn stripe_get(sandbox: &str, path: &str) -> Answer {
    let request = client().get(format!("{sandbox}{path}")).bearer_auth("sk_test_sandbox");
    answer(request).await.unwrap()
}

async fn answer(request: RequestBuilder) -> reqwest::Result<Answer> {
    let response = request.send().await?;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let bytes = response.bytes().await?;
    let body = serde_json::from_slice(&bytes).unwrap_or_else(|_| {
        panic!("{status} without JSON: {}", String::from_utf8_lossy(&bytes));
    });
    Ok(Answer { status, headers, body })
}

impl Answer {
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", self.body);
        self
    }

    /// It must say, in the envelope, that it is worth to come again, and when.
    #[track_caller]
    pub(crate) fn expect_unavailable(self) {
        let answer = self.expect(503);
        assert_eq!(answer.text("/error/code"), "SERVICE_UNAVAILABLE");
        assert_eq!(answer.body["success"], false);
        assert!(!answer.text("/error/request_id").is_empty());
        let seconds = answer.headers["retry-after"].to_str().unwrap().parse::<u64>().unwrap();
        assert!((1..=60).contains(&seconds), "{seconds}");
    }

    #[track_caller]
    pub(crate) fn text(&self, place: &str) -> String {
        let found = self.body.pointer(place).and_then(Value::as_str);
        found.unwrap_or_else(|| panic!("no text at {place} in {}", self.body)).to_owned()
    }

    #[track_caller]
    pub(crate) fn number(&self, place: &str) -> i64 {
        let found = self.body.pointer(place).and_then(Value::as_i64);
        found.unwrap_or_else(|| panic!("no number at {place} in {}", self.body))
    }

    #[track_caller]
    pub(crate) fn list(&self, place: &str) -> &[Value] {
        let found = self.body.pointer(place).and_then(Value::as_array);
        found.unwrap_or_else(|| panic!("no list at {place} in {}", self.body))
    }

    pub(crate) fn is_replayed(&self) -> bool {
        self.headers.get("idempotent-replayed").is_some_and(|it| it == "true")
    }
}

/// Asks again and again until there is an answer.
pub(crate) async fn until<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(begun.elapsed() < DEADLINE, "still not: {what}");
        tokio::time::sleep(STEP).await;
    }
}
