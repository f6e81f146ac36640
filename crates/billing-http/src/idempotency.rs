//! `Idempotency-Key`: the same request twice has one effect and one answer.

use actix_web::{
    FromRequest, HttpMessage as _, HttpRequest, HttpResponse, HttpResponseBuilder,
    ResponseError as _,
    body::{BoxBody, to_bytes},
    dev::{Payload, ServiceRequest, ServiceResponse},
    http::{
        StatusCode,
        header::{HeaderMap, HeaderName},
    },
    middleware::Next,
    rt,
    web::{Bytes, Data},
};
use billing_app::{
    Caller, Error, Refusal,
    ports::{Answer, Begun, RequestKey},
};
use billing_domain::credits::IdempotencyKey;
use core::future::{Ready, ready};
use serde_json::Value;
use tracing::Instrument as _;

use crate::{
    body::{Sent, read_json},
    codes::Code,
    frame::RequestId,
    problem::Problem,
    state::Http,
};

/// Set on an answer that was given before.
pub(crate) const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");
const HEADER: HeaderName = HeaderName::from_static("idempotency-key");
const FIELD: &str = "idempotency_key";

/// The key in the header, for commands whose own ledger remembers it.
pub(crate) struct GivenKey(Option<String>);

impl GivenKey {
    /// The one key of header and body.
    pub(crate) fn or(self, in_body: Option<String>) -> Result<Option<String>, Problem> {
        match (self.0, in_body) {
            (Some(header), Some(body)) if header != body => {
                Err(Problem::invalid(FIELD, "differs from the header `Idempotency-Key`"))
            }
            (header, body) => Ok(header.or(body)),
        }
    }
}

impl FromRequest for GivenKey {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(in_header(request.headers()).map(Self))
    }
}

/// The key as a structured-field string, or bare.
fn in_header(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let wrong = || Problem::invalid("Idempotency-Key", "must be one key of printable ASCII");
    let mut sent = headers.get_all(HEADER);
    let Some(first) = sent.next() else { return Ok(None) };
    let text = first.to_str().map_err(|_| wrong())?.trim();
    if sent.next().is_some() {
        return Err(wrong());
    }
    let key = match text.strip_prefix('"') {
        Some(rest) => unescaped(rest).ok_or_else(wrong)?,
        None => text.to_owned(),
    };
    Ok(Some(IdempotencyKey::parse(&key).map_err(Error::from)?.as_str().to_owned()))
}

/// What stands before the closing quote.
fn unescaped(quoted: &str) -> Option<String> {
    let mut key = String::new();
    let mut letters = quoted.strip_suffix('"')?.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '"' => return None,
            '\\' => key.push(letters.next().filter(|next| matches!(next, '"' | '\\'))?),
            plain => key.push(plain),
        }
    }
    Some(key)
}

/// Says so where it was given before.
pub(crate) fn answer(mut answer: HttpResponseBuilder, replayed: bool) -> HttpResponseBuilder {
    if replayed {
        answer.insert_header((REPLAYED, "true"));
    }
    answer
}

/// An answer to remember in place of the one that is given: secrets are shown once.
#[derive(Clone)]
pub(crate) struct RememberInstead(pub(crate) Value);

/// Runs a request once per key, and to its end even if nobody waits for the answer.
pub(crate) async fn once(
    mut request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse, actix_web::Error> {
    let work = async move {
        match asked(&mut request).await {
            Ok(None) => next.call(request).await,
            Ok(Some(asked)) => remembered(request, next, asked).await,
            Err(problem) => Ok(request.error_response(problem)),
        }
    };
    let running = rt::spawn(work.in_current_span());
    running.await.unwrap_or_else(|died| Err(Problem::from(Error::Internal(died.into())).into()))
}

/// A request that carries a key.
struct Asked {
    http: Data<Http>,
    key: RequestKey,
    fingerprint: [u8; 32],
}

async fn asked(request: &mut ServiceRequest) -> Result<Option<Asked>, Problem> {
    let payload = request.take_payload();
    let bytes = match request.request().headers().get("content-type") {
        None if without_body(request) => Bytes::new(),
        _ => read_json(request.request(), payload).await?,
    };
    request.extensions_mut().insert(Sent(bytes.clone()));
    let mut body = serde_json::from_slice::<Value>(&bytes).unwrap_or_default();
    let in_body = body.as_object_mut().and_then(|fields| fields.remove(FIELD));
    let in_body = in_body.as_ref().and_then(Value::as_str).map(str::to_owned);
    let key = GivenKey(in_header(request.headers())?).or(in_body)?;
    let Some(key) = key else { return Ok(None) };

    let caller = request.extensions().get::<Caller>().map(|caller| caller.key.to_string());
    let http = request.app_data::<Data<Http>>().cloned();
    let (Some(principal), Some(http)) = (caller, http) else { return Ok(None) };
    body.sort_all_objects();
    let fingerprint = http.billing.secrets().digest(body.to_string().as_bytes());
    let route = format!("{} {}", request.method(), request.path());
    let key = IdempotencyKey::parse(&key).map_err(Error::from)?.as_str().to_owned();
    Ok(Some(Asked { http, key: RequestKey { principal, route, key }, fingerprint }))
}

fn without_body(request: &ServiceRequest) -> bool {
    let length = request.headers().get("content-length");
    let chunked = request.headers().contains_key("transfer-encoding");
    !chunked && length.is_none_or(|length| length == "0")
}

async fn remembered(
    request: ServiceRequest,
    next: Next<BoxBody>,
    Asked { http, key, fingerprint }: Asked,
) -> Result<ServiceResponse, actix_web::Error> {
    let requests = http.billing.requests();
    let wall = http.billing.clock().wall();
    let answer = match requests.begin(&key, fingerprint, wall).await {
        Ok(Begun::Fresh) => {
            let answered = next.call(request).await?;
            let (answered, kept) = keepable(answered).await;
            if let Err(error) = requests.finish(&key, kept.as_ref()).await {
                Problem::from(error).log();
            }
            return Ok(answered);
        }
        Ok(Begun::Answered(answer)) => replay(answer),
        Ok(Begun::OtherBody) => {
            HttpResponse::from_error(Problem::from(Error::from(Refusal::KeyReused)))
        }
        Ok(Begun::Running) => {
            let message = "The request with this idempotency key is still running";
            HttpResponse::from_error(Problem::new(Code::RequestInProgress, message).retry_after(2))
        }
        Err(error) => HttpResponse::from_error(Problem::from(error)),
    };
    let (request, _) = request.into_parts();
    Ok(ServiceResponse::new(request, answer))
}

/// The answer, and what to keep of it: nothing where asking again may end otherwise.
async fn keepable(answered: ServiceResponse) -> (ServiceResponse, Option<Answer>) {
    let (request, mut response) = answered.into_parts();
    let status = response.status();
    if let Some(problem) = response.error().and_then(|it| it.as_error::<Problem>()) {
        let id = request.extensions().get::<RequestId>().map(|id| id.0.clone());
        let body = problem.envelope(&id.unwrap_or_default()).to_string().into_bytes();
        let kept =
            is_final(problem.status_code()).then(|| Answer { status: status.as_u16(), body });
        return (ServiceResponse::new(request, response), kept);
    }
    let instead = response.extensions_mut().remove::<RememberInstead>();
    let (head, body) = response.into_parts();
    let Ok(body) = to_bytes(body).await else {
        return (ServiceResponse::new(request, head.set_body(BoxBody::new(()))), None);
    };
    let kept = instead.map_or_else(|| body.to_vec(), |it| it.0.to_string().into_bytes());
    let kept = is_final(status).then(|| Answer { status: status.as_u16(), body: kept });
    (ServiceResponse::new(request, head.set_body(BoxBody::new(body))), kept)
}

/// Whether the same request would be answered the same way for ever.
fn is_final(status: StatusCode) -> bool {
    matches!(status.as_u16(), 200..=299 | 402..=404 | 422)
}

fn replay(answer: Answer) -> HttpResponse {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    match Problem::from_envelope(&answer.body).filter(|_| !status.is_success()) {
        Some(problem) => HttpResponse::from_error(problem),
        None => HttpResponse::build(status)
            .insert_header((REPLAYED, "true"))
            .content_type("application/json")
            .body(answer.body),
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    fn key(header: &str) -> Option<String> {
        let mut headers = HeaderMap::new();
        headers.insert(HEADER, HeaderValue::from_str(header).unwrap());
        in_header(&headers).ok().flatten()
    }

    #[test]
    fn a_key_is_bare_or_quoted() {
        assert_eq!(key("order-1").as_deref(), Some("order-1"));
        assert_eq!(key("\"order-1\"").as_deref(), Some("order-1"));
        assert_eq!(key(r#""a\"b\\c""#).as_deref(), Some(r#"a"b\c"#));
        for wrong in ["", "\"\"", "\"open", r#""a"b""#, r#""a\n""#, &"x".repeat(256)] {
            assert_eq!(key(wrong), None, "{wrong}");
        }
        assert_eq!(key(&"x".repeat(255)).map(|key| key.len()), Some(255));
    }
}
