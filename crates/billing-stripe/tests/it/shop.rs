//! A shop that sells through the sandbox.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use billing_app::ports::{
    About, CheckoutItem, CheckoutRequest, Delivery, GatewayError, Notice, PaymentGateway as _,
    SeenCheckout,
};
use billing_domain::checkout::HostedPage;
use billing_sandbox::{Running, WebhookTarget};
use billing_stripe::Stripe;
use serde_json::json;
use tokio::sync::{Mutex, mpsc};
use uuid::Uuid;
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

use crate::server::{WEBHOOK_SECRET, a_customer, a_page_for, at, config, stripe};

/// What the clocks of the sandbox show: the one of billing, and the one of signatures.
pub(crate) const NOW: i64 = 1_800_007_200;
const WALL: i64 = 1_700_000_000;
const PATIENCE: Duration = Duration::from_secs(20);

/// A shop: the adapter, the sandbox, and somebody who takes its events.
pub(crate) struct Shop {
    pub(crate) stripe: Arc<Stripe>,
    pub(crate) client: reqwest::Client,
    sandbox: Running,
    events: Mutex<mpsc::UnboundedReceiver<Request>>,
    _receiver: MockServer,
}

struct PassedOn(mpsc::UnboundedSender<Request>);

impl Respond for PassedOn {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let taken = self.0.send(request.clone()).is_ok();
        ResponseTemplate::new(if taken { 200 } else { 500 })
    }
}

impl Shop {
    pub(crate) async fn open() -> Self {
        let (sender, events) = mpsc::unbounded_channel();
        let receiver = MockServer::start().await;
        Mock::given(wiremock::matchers::any())
            .respond_with(PassedOn(sender))
            .mount(&receiver)
            .await;
        let next = AtomicU64::new(1);
        let sandbox = billing_sandbox::start(billing_sandbox::Config {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            webhook: WebhookTarget { url: receiver.uri(), secret: WEBHOOK_SECRET.to_owned() },
            state: None,
            clock: Arc::new(|| at(NOW)),
            wall: Arc::new(|| at(WALL)),
            ids: Arc::new(move || Uuid::from_u64_pair(next.fetch_add(1, Ordering::SeqCst), 7)),
            api_key: "sk_test_123".to_owned(),
            merchant: "Pagewell".to_owned(),
        })
        .await
        .expect("the sandbox starts");
        let stripe = Arc::new(stripe(&config(sandbox.url())).expect("the adapter starts"));
        let client = reqwest::Client::new();
        Self { stripe, sandbox, client, events: Mutex::new(events), _receiver: receiver }
    }

    /// A page for the customer of an organization.
    pub(crate) async fn page(&self, item: CheckoutItem) -> Result<HostedPage, GatewayError> {
        let customer = self.stripe.customers().create(&a_customer()).await?.id;
        let page = CheckoutRequest { customer, ..a_page_for(item) };
        self.stripe.checkouts().open(&page).await
    }

    /// What a buyer does on the page, and what Stripe says of the page then.
    pub(crate) async fn pays(&self, page: &HostedPage, outcome: &str) -> SeenCheckout {
        let path = format!("/sandbox/checkout/{}/complete", page.session.id);
        let body = json!({ "outcome": outcome }).to_string();
        self.tell(&path, "application/json", body).await;
        let seen = self.stripe.checkouts().find(&page.session.id).await.expect("it can be read");
        seen.expect("the page is there")
    }

    pub(crate) async fn tell(&self, path: &str, kind: &str, body: String) {
        let request = self.client.post(format!("{}{path}", self.sandbox.url()));
        let request = request.bearer_auth("sk_test_123").header("content-type", kind).body(body);
        let answer = request.send().await.expect("an answer");
        assert!(answer.status().is_success(), "{path}: {}", answer.text().await.expect("a text"));
    }

    /// The next event, verified and read.
    pub(crate) async fn notice(&self) -> Notice {
        let mut events = self.events.lock().await;
        let next = tokio::time::timeout(PATIENCE, events.recv()).await;
        let request = next.expect("an event in time").expect("an event");
        let headers: BTreeMap<_, _> = request
            .headers
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap_or_default().to_owned()))
            .collect();
        let delivery = Delivery { headers: &headers, body: &request.body };
        let webhooks = self.stripe.webhooks();
        webhooks.verify(&delivery, at(WALL)).expect("a genuine event");
        webhooks.read(&request.body).expect("a readable event")
    }

    pub(crate) async fn close(self) {
        self.sandbox.stop().await;
    }

    /// Whether there is something where a notice points.
    pub(crate) async fn knows(&self, about: &About) -> bool {
        let stripe = &self.stripe;
        let found = match about {
            About::Checkout(id) => stripe.checkouts().find(id).await.map(|it| it.is_some()),
            About::Subscription(id) => {
                stripe.subscriptions().expect("a role").find(id).await.map(|it| it.is_some())
            }
            About::Invoice(id) => stripe.payments().find_invoice(id).await.map(|it| it.is_some()),
            About::Payment(id) => stripe.payments().find(id).await.map(|it| it.is_some()),
            About::Customer(id) => {
                stripe.charges().expect("a role").saved_method(id).await.map(|_| true)
            }
            About::Nothing => Ok(true),
        };
        found.expect("it can be read")
    }
}
