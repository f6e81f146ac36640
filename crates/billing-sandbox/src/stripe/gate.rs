//! The door of the `/v1` API: keys, versions, idempotency, and the headers of every answer.

use actix_web::{
    HttpRequest, HttpResponse,
    http::{Method, StatusCode, header::HeaderMap},
    web,
};
use ring::digest;
use serde_json::Value;

use super::{
    VERSION, api, authorization,
    form::{Node, bracketed},
    params::Params,
    refusal::Refusal,
    signature::hex,
    turn::{self, Cause},
};
use crate::{fault_controls, record::Kept, sandbox::Sandbox};

const KEY_CHARS_MAX: usize = 255;

/// A request that may be answered.
struct Asked {
    method: String,
    path: String,
    form: Node,
    key: Option<String>,
}

/// What goes back.
struct Answer {
    status: u16,
    body: Value,
    /// The request that was answered first, if this is the same answer again.
    replayed: Option<String>,
}

/// Answers any request to `/v1`.
pub(crate) async fn serve(
    sandbox: web::Data<Sandbox>,
    request: HttpRequest,
    body: Result<web::Bytes, actix_web::Error>,
) -> HttpResponse {
    let id = sandbox.fresh_id("req_");
    let struck = sandbox.faults().of_call();
    if let Some(refused) = struck.and_then(|(fault, _)| fault_controls::refused(fault, &id)) {
        return refused;
    }
    let answer = match admit(&sandbox, &request, body) {
        Ok(asked) => answer(&sandbox, asked, &id).await,
        Err(refusal) => Answer::from(refusal),
    };
    tracing::debug!(method = %request.method(), path = request.path(), answer.status, id, "answered");
    let answer = respond(&request, answer, id);
    match struck {
        Some(struck) => fault_controls::damaged(answer, struck).await,
        None => answer,
    }
}

fn admit(
    sandbox: &Sandbox,
    request: &HttpRequest,
    body: Result<web::Bytes, actix_web::Error>,
) -> Result<Asked, Refusal> {
    let headers = request.headers();
    authorization::check(header(headers, "authorization"), &sandbox.config.api_key)?;
    if let Some(version) = header(headers, "stripe-version").filter(|version| *version != VERSION) {
        let message =
            format!("Invalid Stripe API version: {version}. This sandbox plays {VERSION}.");
        return Err(Refusal::invalid(message));
    }
    let is_post = request.method() == Method::POST;
    let body = body.map_err(|_| Refusal::too_large())?;
    let query = request.query_string().as_bytes();
    let form = if is_post { [body.as_ref(), query].join(&b'&') } else { query.to_vec() };
    if is_post && !body.is_empty() && !is_form(header(headers, "content-type")) {
        return Err(Refusal::invalid(
            "Invalid request: the body must be encoded as application/x-www-form-urlencoded.",
        ));
    }
    let key = header(headers, "idempotency-key").filter(|_| is_post).map(str::to_owned);
    if key.as_ref().is_some_and(|key| key.is_empty() || key.chars().count() > KEY_CHARS_MAX) {
        return Err(Refusal::idempotency("Idempotency keys have 1 to 255 characters."));
    }
    Ok(Asked {
        method: request.method().as_str().to_owned(),
        path: request.path().to_owned(),
        form: Node::decode(&form)?,
        key,
    })
}

async fn answer(sandbox: &web::Data<Sandbox>, asked: Asked, id: &str) -> Answer {
    let held = sandbox.clone();
    let claim = match &asked.key {
        Some(key) => match held.claim(key) {
            Some(claim) => Some(claim),
            None => return Refusal::in_flight(key).into(),
        },
        None => None,
    };
    let (sandbox, id) = (sandbox.clone(), id.to_owned());
    // The journal waits for the disk, which must not hold up other requests.
    let answered = web::block(move || decide(&sandbox, &asked, id)).await;
    drop(claim);
    answered.unwrap_or_else(|error| {
        tracing::error!(%error, "a request failed");
        Answer { status: 500, body: Value::Null, replayed: None }
    })
}

/// Gives the kept answer, or makes one and keeps it.
fn decide(sandbox: &Sandbox, asked: &Asked, id: String) -> Answer {
    let cause = Cause { request: Some(id.clone()), key: asked.key.clone() };
    let print = asked.key.as_ref().map(|_| fingerprint(asked)).unwrap_or_default();
    let outcome = turn::take(sandbox, cause, |turn| {
        let Some(key) = &asked.key else { return answer_to(turn, asked).map(Answer::fresh) };
        if let Some(kept) = turn.kept(key) {
            return replay(kept, &print);
        }
        let outcome = answer_to(turn, asked);
        let (status, body) = match &outcome {
            Ok(body) => (200, body.clone()),
            Err(refusal) => (refusal.status, refusal.body()),
        };
        // A refusal without effect is not kept: it is undone together with this.
        turn.keep(Kept { key: key.clone(), asked: print, status, body, request: id, at: turn.now });
        outcome.map(Answer::fresh)
    });
    outcome.unwrap_or_else(Answer::from)
}

fn answer_to(turn: &mut turn::Turn<'_>, asked: &Asked) -> Result<Value, Refusal> {
    api::answer(turn, &asked.method, &asked.path, &Params::new(&asked.form))
}

fn replay(kept: &Kept, print: &str) -> Result<Answer, Refusal> {
    if kept.asked != print {
        return Err(Refusal::idempotency(format!(
            "Keys for idempotent requests can only be used with the same parameters they were \
             first used with. Try using a key other than '{}' if you meant to execute a \
             different request.",
            kept.key
        )));
    }
    let replayed = Some(kept.request.clone());
    Ok(Answer { status: kept.status, body: kept.body.clone(), replayed })
}

fn respond(request: &HttpRequest, answer: Answer, id: String) -> HttpResponse {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = HttpResponse::build(status);
    response.insert_header(("stripe-version", VERSION));
    if let Some(key) = header(request.headers(), "idempotency-key") {
        response.insert_header(("idempotency-key", key));
    }
    if answer.status == 409 {
        response.insert_header(("stripe-should-retry", "true"));
    }
    if let Some(original) = answer.replayed {
        response.insert_header(("idempotent-replayed", "true"));
        response.insert_header(("original-request", original));
    }
    response.insert_header(("request-id", id)).json(answer.body)
}

/// What makes two requests the same: method, path, and parameters in any order.
fn fingerprint(asked: &Asked) -> String {
    let mut context = digest::Context::new(&digest::SHA256);
    let mut add = |text: &str| {
        context.update(text.as_bytes());
        context.update(&[0]);
    };
    add(&asked.method);
    add(&asked.path);
    for (path, text) in asked.form.leaves() {
        add(&bracketed(&path));
        add(text);
    }
    hex(context.finish().as_ref())
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn is_form(content_type: Option<&str>) -> bool {
    content_type.is_none_or(|content_type| content_type.starts_with("application/x-www-form-urle"))
}

impl Answer {
    fn fresh(body: Value) -> Self {
        Self { status: 200, body, replayed: None }
    }
}

impl From<Refusal> for Answer {
    fn from(refusal: Refusal) -> Self {
        Self { status: refusal.status, body: refusal.body(), replayed: None }
    }
}
