//! What every request and every answer has: an id, a line in the log, headers, one form of errors.

use std::time::Instant;

use actix_web::{
    HttpMessage as _, HttpRequest, HttpResponse,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::header::{
        CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue,
        REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
    },
    middleware::Next,
    web::Data,
};
use tracing::Instrument as _;

use crate::{problem::Problem, state::Http};

/// The header that carries the id of a request, in both directions.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

const STRICT: HeaderValue =
    HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'; base-uri 'none'");
/// The API reference styles itself inline, and asks this server.
const DOCS: HeaderValue = HeaderValue::from_static(
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
     frame-ancestors 'none'; base-uri 'none'",
);

/// The id of a request.
#[derive(Clone, Debug)]
pub(crate) struct RequestId(pub(crate) String);

/// Runs around every request.
pub(crate) async fn frame(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let began = Instant::now();
    let id = request_id(request.request());
    let span = tracing::info_span!(
        "request",
        request_id = id,
        method = request.method().as_str(),
        api_key = tracing::field::Empty,
    );
    request.extensions_mut().insert(RequestId(id.clone()));

    let answered = next.call(request).instrument(span.clone()).await?;
    let _entered = span.enter();
    let (request, response) = answered.into_parts();
    let mut response = in_our_form(&request, response, &id);
    headers(&request, response.headers_mut(), &id);
    log(&request, response.status().as_u16(), began);
    Ok(ServiceResponse::new(request, response))
}

/// Errors get the form that the caller prefers; everything else stays as it is.
fn in_our_form(
    request: &HttpRequest,
    response: HttpResponse<impl MessageBody + 'static>,
    id: &str,
) -> HttpResponse {
    if let Some(problem) = response.error().and_then(|error| error.as_error::<Problem>()) {
        problem.log();
        return problem.respond(request, id);
    }
    let kind = response.headers().get(CONTENT_TYPE);
    let json = kind.is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
    let failed = response.status().is_client_error() || response.status().is_server_error();
    if failed && !json {
        return Problem::of_status(response.status()).respond(request, id);
    }
    response.map_into_boxed_body()
}

fn headers(request: &HttpRequest, headers: &mut HeaderMap, id: &str) {
    let docs = request.path().starts_with("/docs");
    // A page that has a style of its own says so itself.
    if !headers.contains_key(CONTENT_SECURITY_POLICY) {
        headers.insert(CONTENT_SECURITY_POLICY, if docs { DOCS } else { STRICT });
    }
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    if !docs {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    if let Ok(id) = HeaderValue::from_str(id) {
        headers.insert(REQUEST_ID, id);
    }
}

/// The pattern of the path, not the path: ids of people and things stay out of the log.
fn log(request: &HttpRequest, status: u16, began: Instant) {
    let route = request.match_pattern().unwrap_or_else(|| "-".to_owned());
    let duration_us = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
    if route.starts_with("/health/") {
        tracing::debug!(route, status, duration_us, "answered");
    } else {
        tracing::info!(route, status, duration_us, "answered");
    }
}

/// The id that the caller gave, if it is a sane one, else a new one.
fn request_id(request: &HttpRequest) -> String {
    let given = request.headers().get(REQUEST_ID).and_then(|id| id.to_str().ok());
    let sane = |id: &&str| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        (1..=100).contains(&id.len()) && id.bytes().all(plain)
    };
    if let Some(id) = given.filter(sane) {
        return id.to_owned();
    }
    let random = request.app_data::<Data<Http>>().map(|http| http.billing.secrets().random());
    let hex = random.iter().flatten().take(16).map(|byte| format!("{byte:02x}"));
    format!("req_{}", hex.collect::<String>())
}
