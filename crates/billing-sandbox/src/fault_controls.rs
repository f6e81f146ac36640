//! Faults, told by API and page, and what they do to answers.

use std::{
    collections::VecDeque,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use actix_web::{
    HttpRequest, HttpResponse,
    body::{BodySize, BoxBody, MessageBody},
    http::{StatusCode, header},
    web,
};
use serde::Deserialize;
use serde_json::json;
use tokio::time::{Instant, Sleep};

use crate::{
    faults::{Fault, Rule, Wish},
    pages,
    sandbox::Sandbox,
};

/// In so many pieces an answer drips.
const DROPS: u32 = 10;

pub(crate) fn routes(routes: &mut web::ServiceConfig) {
    routes
        .route("/sandbox/faults", web::get().to(show))
        .route("/sandbox/faults", web::post().to(set))
        .route("/sandbox/faults", web::delete().to(clear))
        .route("/sandbox/faults/form", web::post().to(set_by_form))
        .route("/sandbox/faults/form/clear", web::post().to(clear_by_form));
}

async fn show(sandbox: web::Data<Sandbox>) -> HttpResponse {
    HttpResponse::Ok().json(&*sandbox.faults())
}

async fn set(sandbox: web::Data<Sandbox>, request: HttpRequest, body: web::Bytes) -> HttpResponse {
    if pages::is_foreign(&request) {
        return HttpResponse::Forbidden().finish();
    }
    let wish = serde_json::from_slice::<Wish>(&body).map_err(|error| error.to_string());
    match wish.and_then(|wish| Ok(sandbox.faults().wish(wish)?)) {
        Ok(()) => show(sandbox).await,
        Err(error) => HttpResponse::BadRequest().json(json!({ "error": error })),
    }
}

async fn clear(sandbox: web::Data<Sandbox>, request: HttpRequest) -> HttpResponse {
    if pages::is_foreign(&request) {
        return HttpResponse::Forbidden().finish();
    }
    sandbox.faults().clear();
    show(sandbox).await
}

/// One fault, as a form says it.
#[derive(Deserialize)]
struct OneFault {
    fault: Fault,
    per_mille: u32,
    /// Empty: until it is cleared.
    times: String,
}

async fn set_by_form(
    sandbox: web::Data<Sandbox>,
    request: HttpRequest,
    form: web::Form<OneFault>,
) -> HttpResponse {
    if pages::is_foreign(&request) {
        return HttpResponse::Forbidden().finish();
    }
    let OneFault { fault, per_mille, times } = form.into_inner();
    let rule = Rule { per_mille, times: times.trim().parse().ok(), millis: None };
    let wish = Wish { seed: None, faults: [(fault, rule)].into() };
    match sandbox.faults().wish(wish) {
        Ok(()) => back(),
        Err(error) => HttpResponse::BadRequest().json(json!({ "error": error })),
    }
}

async fn clear_by_form(sandbox: web::Data<Sandbox>, request: HttpRequest) -> HttpResponse {
    if pages::is_foreign(&request) {
        return HttpResponse::Forbidden().finish();
    }
    sandbox.faults().clear();
    back()
}

fn back() -> HttpResponse {
    HttpResponse::SeeOther().insert_header((header::LOCATION, "/")).finish()
}

/// The answer to a call that is not even looked at.
pub(crate) fn refused(fault: Fault, request_id: &str) -> Option<HttpResponse> {
    let (status, kind, code) = match fault {
        Fault::Error => (StatusCode::INTERNAL_SERVER_ERROR, "api_error", None),
        Fault::Outage => (StatusCode::SERVICE_UNAVAILABLE, "api_error", None),
        Fault::RateLimit => {
            (StatusCode::TOO_MANY_REQUESTS, "invalid_request_error", Some("rate_limit"))
        }
        Fault::Timeout
        | Fault::SlowDrip
        | Fault::Drop
        | Fault::Delay
        | Fault::Reorder
        | Fault::Duplicate
        | Fault::Missign => return None,
    };
    let message = format!("The sandbox fails on purpose: {}.", fault.name());
    let error = json!({ "type": kind, "code": code, "message": message });
    let mut answer = HttpResponse::build(status);
    Some(answer.insert_header(("request-id", request_id)).json(json!({ "error": error })))
}

/// What is left of an answer on its way.
pub(crate) async fn damaged(
    answer: HttpResponse,
    (fault, length): (Fault, Duration),
) -> HttpResponse {
    match fault {
        Fault::Timeout => {
            tokio::time::sleep(length).await;
            answer.map_body(|_, _| Cut).map_into_boxed_body()
        }
        Fault::SlowDrip => {
            let drip = |body: BoxBody| Drip::of(body.try_into_bytes().unwrap_or_default(), length);
            answer.map_body(|_, body| drip(body)).map_into_boxed_body()
        }
        Fault::Error
        | Fault::RateLimit
        | Fault::Outage
        | Fault::Drop
        | Fault::Delay
        | Fault::Reorder
        | Fault::Duplicate
        | Fault::Missign => answer,
    }
}

/// A body that breaks off before it begins.
struct Cut;

impl MessageBody for Cut {
    type Error = std::io::Error;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<web::Bytes, Self::Error>>> {
        Poll::Ready(Some(Err(std::io::ErrorKind::ConnectionReset.into())))
    }
}

/// A body that comes in small pieces.
struct Drip {
    pieces: VecDeque<web::Bytes>,
    pause: Duration,
    until: Pin<Box<Sleep>>,
}

impl Drip {
    fn of(whole: web::Bytes, length: Duration) -> Self {
        let pieces = usize::try_from(DROPS).unwrap_or(1);
        let size = whole.len().div_ceil(pieces).max(1);
        let pause = length / DROPS;
        let cut = |piece: &[u8]| web::Bytes::copy_from_slice(piece);
        let pieces = whole.chunks(size).map(cut).collect();
        Self { pieces, pause, until: Box::pin(tokio::time::sleep(pause)) }
    }
}

impl MessageBody for Drip {
    type Error = std::convert::Infallible;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<web::Bytes, Self::Error>>> {
        if self.until.as_mut().poll(context).is_pending() {
            return Poll::Pending;
        }
        let next = Instant::now() + self.pause;
        self.until.as_mut().reset(next);
        Poll::Ready(self.pieces.pop_front().map(Ok))
    }
}
