//! What the sandbox knows, for a person and as JSON, and the fate of each event.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web};
use askama::Template;
use serde_json::{Map, Value, json};

use crate::{
    faults::Fault,
    json::Fields as _,
    outbox::State,
    pages::{self, minute},
    record::Record,
    sandbox::Sandbox,
    store::Store,
    stripe,
};

/// How many of each kind the page shows.
const SHOWN: usize = 20;
/// How many objects of each kind `/sandbox/state` gives, newest first.
const GIVEN: usize = 500;
/// Kinds of objects that `/sandbox/state` gives.
const KINDS: [&str; 10] = [
    "customer",
    "product",
    "price",
    "checkout.session",
    "subscription",
    "invoice",
    "payment_intent",
    "charge",
    "refund",
    "billing_portal.session",
];

pub(crate) fn routes(routes: &mut web::ServiceConfig) {
    routes
        .route("/", web::get().to(index))
        .route("/sandbox/state", web::get().to(state))
        .route("/sandbox/events/{id}/deliveries", web::get().to(deliveries))
        .route("/sandbox/events/{id}/resend", web::post().to(resend));
}

#[derive(Template)]
#[template(path = "index.html")]
struct IndexPage<'a> {
    merchant: &'a str,
    now: String,
    target: &'a str,
    tables: Vec<Table>,
    events: Vec<Row>,
    /// Name, how often, and how often it happened.
    faults: Vec<(&'static str, String, u64)>,
    fault_names: Vec<&'static str>,
}

struct Table {
    title: &'static str,
    rows: Vec<Row>,
}

struct Row {
    id: String,
    what: String,
    state: String,
    at: String,
    link: String,
}

async fn index(sandbox: web::Data<Sandbox>) -> HttpResponse {
    catch_up(&sandbox).await;
    let page = {
        let store = sandbox.store();
        IndexPage {
            merchant: &sandbox.config.merchant,
            now: minute(sandbox.now()),
            target: &sandbox.config.webhook.url,
            faults: sandbox.faults().listed(),
            fault_names: Fault::ALL.map(Fault::name).to_vec(),
            tables: vec![
                table(&store, "Checkout sessions", "checkout.session", "mode", "url"),
                table(&store, "Customers", "customer", "email", ""),
                table(&store, "Subscriptions", "subscription", "customer", ""),
                table(&store, "Invoices", "invoice", "number", "hosted_invoice_url"),
            ],
            events: store
                .of_kind("event")
                .rev()
                .take(SHOWN)
                .map(|it| event_row(&store, it))
                .collect(),
        }
    };
    pages::page(&page, None).respond(StatusCode::OK)
}

fn table(store: &Store, title: &'static str, kind: &str, what: &str, link: &str) -> Table {
    let rows = store.of_kind(kind).rev().take(SHOWN).map(|record| Row {
        id: record.id().to_owned(),
        what: record.object.text(what).to_owned(),
        state: record.object.text("status").to_owned(),
        at: created(&record.object),
        link: record.object.text(link).to_owned(),
    });
    Table { title, rows: rows.collect() }
}

fn event_row(store: &Store, record: &Record) -> Row {
    let parcel = store.parcel(record.id());
    let state = parcel.map_or_else(String::new, |parcel| match (parcel.state, parcel.tries) {
        (State::Waiting, 1..) => format!("waiting, tried {} times", parcel.tries),
        (state, _) => state.word().to_owned(),
    });
    Row {
        id: record.id().to_owned(),
        what: record.object.text("type").to_owned(),
        state,
        at: created(&record.object),
        link: format!("/sandbox/events/{}/deliveries", record.id()),
    }
}

fn created(object: &Value) -> String {
    object.int("created").map(minute).unwrap_or_default()
}

async fn state(sandbox: web::Data<Sandbox>) -> HttpResponse {
    catch_up(&sandbox).await;
    let store = sandbox.store();
    let mut objects = Map::new();
    for kind in KINDS {
        let newest = store.of_kind(kind).rev().take(GIVEN).map(|record| record.object.clone());
        objects.insert(kind.to_owned(), newest.collect());
    }
    let events = store.of_kind("event").rev().take(GIVEN);
    let events = events.filter_map(|head| store.parcel(head.id()));
    let events = events.filter_map(|parcel| serde_json::from_str::<Value>(&parcel.body).ok());
    objects.insert("event".to_owned(), events.collect());
    let undelivered = store.waiting().map(|parcel| &parcel.event);
    HttpResponse::Ok().json(json!({
        "now": sandbox.now(),
        "url": sandbox.url,
        "webhook_url": sandbox.config.webhook.url,
        "objects": objects,
        "undelivered": undelivered.collect::<Vec<_>>(),
    }))
}

async fn deliveries(sandbox: web::Data<Sandbox>, event: web::Path<String>) -> HttpResponse {
    match sandbox.store().parcel(&event) {
        Some(parcel) => HttpResponse::Ok().json(parcel),
        None => HttpResponse::NotFound().json(json!({ "error": "no such event" })),
    }
}

async fn resend(
    sandbox: web::Data<Sandbox>,
    request: HttpRequest,
    event: web::Path<String>,
) -> HttpResponse {
    if pages::is_foreign(&request) {
        return HttpResponse::Forbidden().finish();
    }
    let event = event.into_inner();
    let sent = web::block(move || sandbox.send_again(&event)).await;
    match sent {
        Ok(Ok(true)) => HttpResponse::Accepted().json(json!({ "state": "waiting" })),
        Ok(Ok(false)) => HttpResponse::NotFound().json(json!({ "error": "no such event" })),
        Ok(Err(_)) | Err(_) => HttpResponse::InternalServerError().finish(),
    }
}

async fn catch_up(sandbox: &web::Data<Sandbox>) {
    let sandbox = sandbox.clone();
    if let Err(error) = web::block(move || stripe::catch_up(&sandbox)).await {
        tracing::error!(%error, "what was due could not be done");
    }
}
