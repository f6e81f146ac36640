//! The time of billing, for whoever moves it: how it stands, and saying that it is later.

use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::{pages, sandbox::Sandbox, stripe};

/// How long an answer waits until all there is to tell is told.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often it looks.
const LOOK: Duration = Duration::from_millis(5);

pub(crate) fn routes(routes: &mut web::ServiceConfig) {
    routes
        .route("/sandbox/clock", web::get().to(show))
        .route("/sandbox/clock", web::post().to(advance));
}

/// What time it is at least, in Unix seconds.
#[derive(Deserialize)]
struct Told {
    to: i64,
}

async fn show(sandbox: web::Data<Sandbox>) -> HttpResponse {
    HttpResponse::Ok().json(stands(&sandbox))
}

/// Answers when what was due has been done, and told to the webhook target.
async fn advance(
    sandbox: web::Data<Sandbox>,
    request: HttpRequest,
    body: web::Bytes,
) -> HttpResponse {
    if pages::is_foreign(&request) {
        return HttpResponse::Forbidden().finish();
    }
    let told = serde_json::from_slice::<Told>(&body).map_err(|error| error.to_string());
    let instant = told.and_then(|told| {
        OffsetDateTime::from_unix_timestamp(told.to).map_err(|error| error.to_string())
    });
    let instant = match instant {
        Ok(instant) => instant,
        Err(message) => return HttpResponse::BadRequest().json(json!({ "error": message })),
    };
    let moved = sandbox.clone();
    let done = web::block(move || {
        moved.not_before(instant);
        stripe::catch_up(&moved);
    });
    if let Err(error) = done.await {
        tracing::error!(%error, "what was due could not be done");
        return HttpResponse::InternalServerError().finish();
    }
    let told = async {
        while sandbox.store().waiting().next().is_some() {
            tokio::time::sleep(LOOK).await;
        }
    };
    // Who waits for nobody is told how much is left.
    drop(tokio::time::timeout(PATIENCE, told).await);
    HttpResponse::Ok().json(stands(&sandbox))
}

fn stands(sandbox: &Sandbox) -> Value {
    let store = sandbox.store();
    json!({
        "now": sandbox.now(),
        "next_due_at": store.next_due(),
        "undelivered": store.waiting().count(),
    })
}
