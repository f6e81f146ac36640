//! Where the sandbox's events go in tests.

use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU16, Ordering},
    },
    time::Duration,
};

use actix_web::{
    App, HttpRequest, HttpResponse, HttpServer, dev::ServerHandle, http::StatusCode, web,
};
use serde_json::Value;
use tokio::sync::watch;

const PATIENCE: Duration = Duration::from_secs(20);

/// One event as it came in.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub(crate) signature: String,
    pub(crate) body: String,
    pub(crate) event: Value,
}

/// Takes events, and can be told to answer with another status than 200.
pub(crate) struct Receiver {
    address: SocketAddr,
    inbox: Arc<Inbox>,
    server: ServerHandle,
}

struct Inbox {
    received: Mutex<Vec<Received>>,
    count: watch::Sender<usize>,
    status: AtomicU16,
}

impl Receiver {
    /// Starts on a port, 0 for any.
    pub(crate) async fn start(port: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
        let address = listener.local_addr().unwrap();
        let inbox = Arc::new(Inbox {
            received: Mutex::new(Vec::new()),
            count: watch::Sender::new(0),
            status: AtomicU16::new(200),
        });
        let shared = web::Data::from(Arc::clone(&inbox));
        let server = HttpServer::new(move || {
            App::new().app_data(shared.clone()).route("/hook", web::post().to(receive))
        })
        .workers(1)
        .disable_signals()
        .listen(listener)
        .unwrap()
        .run();
        let handle = server.handle();
        tokio::spawn(server);
        Self { address, inbox, server: handle }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// What to answer from now on.
    pub(crate) fn answer(&self, status: u16) {
        self.inbox.status.store(status, Ordering::SeqCst);
    }

    pub(crate) fn all(&self) -> Vec<Received> {
        self.inbox.received.lock().unwrap().clone()
    }

    /// Waits until an event of this type has come.
    pub(crate) async fn event(&self, name: &str) -> Received {
        self.until(|all| all.iter().rfind(|it| it.event["type"] == name).cloned(), name).await
    }

    /// Waits until so many have come, and gives their types in order.
    pub(crate) async fn types(&self, count: usize) -> Vec<String> {
        let enough = |all: &[Received]| {
            let types = all.iter().map(|it| it.event["type"].as_str().unwrap().to_owned());
            (all.len() >= count).then(|| types.collect())
        };
        self.until(enough, &format!("{count} events")).await
    }

    pub(crate) async fn until<T>(
        &self,
        mut found: impl FnMut(&[Received]) -> Option<T>,
        what: &str,
    ) -> T {
        let mut count = self.inbox.count.subscribe();
        let wait = async {
            loop {
                count.borrow_and_update();
                if let Some(found) = found(&self.all()) {
                    return found;
                }
                count.changed().await.unwrap();
            }
        };
        let waited = tokio::time::timeout(PATIENCE, wait).await;
        waited.unwrap_or_else(|_| {
            let all = self.all();
            let types: Vec<&Value> = all.iter().map(|it| &it.event["type"]).collect();
            panic!("waited in vain for {what}, got {types:?}")
        })
    }

    pub(crate) async fn stop(self) {
        self.server.stop(true).await;
    }
}

async fn receive(inbox: web::Data<Inbox>, request: HttpRequest, body: String) -> HttpResponse {
    let signature = request.headers().get("stripe-signature").unwrap().to_str().unwrap();
    let event = serde_json::from_str(&body).unwrap();
    let received = Received { signature: signature.to_owned(), body, event };
    inbox.received.lock().unwrap().push(received);
    inbox.count.send_modify(|count| *count += 1);
    let status = inbox.status.load(Ordering::SeqCst);
    HttpResponse::build(StatusCode::from_u16(status).unwrap()).finish()
}
