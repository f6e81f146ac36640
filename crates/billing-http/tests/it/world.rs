//! The real routes over the fakes.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use actix_web::{
    dev::Service,
    http::{Method, header::HeaderMap},
    test,
};
use billing_app::{
    Billing, MailPorts, NewApiKey, NewOrganization, Ports, Settings,
    ports::{IdentityWebhooks, MovableClock, PaymentGateway, Scopes},
};
use billing_domain::{currency::Currency, id::OrganizationId, locale::Locale};
use billing_http::{Http, app};
use billing_testkit::{
    Counting, FakeGateway, FakeIdentity, FakeReceivers, FixedSecrets, MemoryChanges, MemoryStore,
    PlainLetters, Stopped, builders::the_default_catalogue,
};
use serde_json::Value;

/// An installation with two organizations and a key of every sort.
pub(crate) struct World {
    pub(crate) http: Http,
    ports: Ports,
    pub(crate) store: MemoryStore,
    pub(crate) gateway: Arc<FakeGateway>,
    pub(crate) clock: Arc<Stopped>,
    pub(crate) woken: Arc<AtomicUsize>,
    pub(crate) acme: OrganizationId,
    pub(crate) other: OrganizationId,
    /// For all organizations, all scopes.
    pub(crate) admin: String,
    /// For all organizations, read and write.
    pub(crate) backend: String,
    /// For all organizations, read.
    pub(crate) reader: String,
    /// For `acme`, read and write.
    pub(crate) bound: String,
}

/// What came back.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) bytes: Vec<u8>,
}

/// An installation in memory: whether its clock can be moved, and an identity provider is known.
fn ports(
    (store, gateway): (&MemoryStore, &Arc<FakeGateway>),
    clock: &Arc<Stopped>,
    (movable, identified): (bool, bool),
) -> Ports {
    let shared = || Arc::new(store.clone());
    Ports {
        store: shared(),
        credits: shared(),
        usage: shared(),
        inbox: shared(),
        outbox: shared(),
        deliveries: shared(),
        webhook_sender: Arc::new(FakeReceivers::default()),
        requests: shared(),
        catalogue: shared(),
        organizations: shared(),
        money: shared(),
        subscriptions: shared(),
        trials: shared(),
        collections: shared(),
        ledgers: shared(),
        usage_days: shared(),
        usage_archive: shared(),
        archive_folder: Some(shared()),
        access: shared(),
        facts: shared(),
        changes: Arc::new(MemoryChanges::default()),
        mail: MailPorts {
            queue: shared(),
            letters: Arc::new(PlainLetters),
            mailer: Some(shared()),
            mailbox: Some(shared()),
        },
        identity: identified
            .then(|| Arc::new(FakeIdentity::new(clock.clone())) as Arc<dyn IdentityWebhooks>)
            .into_iter()
            .collect(),
        members: shared(),
        reconciling: shared(),
        reconciliations: shared(),
        jobs: shared(),
        partitions: shared(),
        movable_clock: movable.then(|| clock.clone() as Arc<dyn MovableClock>),
        simulators: Vec::new(),
        gateways: vec![gateway.clone()],
        clock: clock.clone(),
        ids: Arc::new(Counting::new()),
        secrets: Arc::new(FixedSecrets::default()),
    }
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with_clock(true, true).await
    }

    /// An installation at which no identity provider is switched on.
    pub(crate) async fn without_identity() -> Self {
        Self::with_clock(true, false).await
    }

    /// An installation in which money is real.
    pub(crate) async fn live() -> Self {
        Self::with_clock(false, true).await
    }

    /// From now on the gateway is met through something that stands before it.
    pub(crate) fn guard_gateway(&mut self, guard: Arc<dyn PaymentGateway>) {
        let ports = Ports { gateways: vec![guard], ..self.ports.clone() };
        let billing = Arc::new(Billing::new(ports, Settings::default()));
        self.http = Http { wake: self.http.wake.clone(), ..Http::new(billing) };
    }

    async fn with_clock(movable: bool, identified: bool) -> Self {
        crate::log::keep();
        let clock = Arc::new(Stopped::default());
        let store = MemoryStore::selling(the_default_catalogue());
        let gateway = Arc::new(FakeGateway::new(clock.clone()));
        let ports = ports((&store, &gateway), &clock, (movable, identified));
        let billing = Arc::new(Billing::new(ports.clone(), Settings::default()));
        let woken = Arc::new(AtomicUsize::new(0));
        let bell = woken.clone();
        let wake = Arc::new(move || {
            bell.fetch_add(1, Ordering::SeqCst);
        });
        let acme = organization(&billing, "Acme").await;
        let other = organization(&billing, "Other").await;
        Self {
            admin: key(&billing, "read write admin", None).await,
            backend: key(&billing, "read write", None).await,
            reader: key(&billing, "read", None).await,
            bound: key(&billing, "read write", Some(acme)).await,
            http: Http { wake, ..Http::new(billing) },
            ports,
            store,
            gateway,
            clock,
            woken,
            acme,
            other,
        }
    }

    pub(crate) async fn get(&self, path: &str, key: &str) -> Answer {
        self.send(request("GET", path, key)).await
    }

    pub(crate) async fn post(&self, path: &str, key: &str, body: Value) -> Answer {
        self.send(request("POST", path, key).set_json(body)).await
    }

    pub(crate) async fn patch(&self, path: &str, key: &str, body: Value) -> Answer {
        self.send(request("PATCH", path, key).set_json(body)).await
    }

    pub(crate) async fn put(&self, path: &str, key: &str, body: Value) -> Answer {
        self.send(request("PUT", path, key).set_json(body)).await
    }

    pub(crate) async fn delete(&self, path: &str, key: &str) -> Answer {
        self.send(request("DELETE", path, key)).await
    }

    pub(crate) async fn once(&self, path: &str, idempotency_key: &str, body: Value) -> Answer {
        let asked = request("POST", path, &self.admin).set_json(body);
        self.send(asked.insert_header(("Idempotency-Key", idempotency_key))).await
    }

    pub(crate) async fn send(&self, asked: test::TestRequest) -> Answer {
        let service = test::init_service(app(self.http.clone())).await;
        let answer = service.call(asked.to_request()).await.expect("every error is an answer");
        let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
        Answer { status, headers, bytes: test::read_body(answer).await.to_vec() }
    }

    /// Gives an organization credits.
    pub(crate) async fn credit(&self, organization: OrganizationId, amount: u64) {
        let path = format!("/api/admin/organizations/{organization}/grants");
        let body = serde_json::json!({ "kind": "promotional", "amount": amount });
        let given = self.post(&path, &self.admin, body).await;
        assert_eq!(given.status, 201, "{}", given.text());
    }
}

/// A request with a key.
pub(crate) fn request(method: &str, path: &str, key: &str) -> test::TestRequest {
    test::TestRequest::with_uri(path)
        .method(Method::from_bytes(method.as_bytes()).unwrap())
        .insert_header(("Authorization", format!("Bearer {key}")))
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_else(|_| panic!("not JSON: {}", self.text()))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// The code of an error in its envelope.
    pub(crate) fn code(&self) -> String {
        let body = self.json();
        assert_eq!(body["success"], false, "{}", self.text());
        assert_eq!(body["error"]["request_id"].as_str(), self.header("x-request-id"));
        body["error"]["code"].as_str().unwrap().to_owned()
    }

    /// Status and code at once.
    pub(crate) fn refused(&self) -> (u16, String) {
        (self.status, self.code())
    }

    /// The body, if all went well.
    pub(crate) fn ok(&self) -> Value {
        assert!((200..300).contains(&self.status), "{}: {}", self.status, self.text());
        self.json()
    }
}

async fn organization(billing: &Billing, name: &str) -> OrganizationId {
    let new = NewOrganization {
        name: name.to_owned(),
        external_id: Some(format!("ext-{}", name.to_lowercase())),
        billing_email: None,
        country: None,
        currency: Some(Currency::USD),
        tax_id: None,
        locale: Locale::En,
    };
    billing.register_organization(new).await.unwrap().id
}

async fn key(billing: &Billing, scopes: &str, organization_id: Option<OrganizationId>) -> String {
    let scopes: Scopes = scopes.parse().unwrap();
    let new = NewApiKey { name: "test".to_owned(), scopes, organization_id };
    billing.create_api_key(new).await.unwrap().token
}
