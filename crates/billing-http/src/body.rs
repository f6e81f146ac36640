//! What a request carries: bodies, queries and ids, each read strictly.

use actix_web::{
    FromRequest, HttpMessage as _, HttpRequest,
    body::{BodyStream, to_bytes_limited},
    dev::Payload,
    http::header::{CONTENT_ENCODING, CONTENT_LENGTH},
    web::{Bytes, Data},
};
use core::{
    future::{Ready, ready},
    str::FromStr,
};
use futures_util::future::LocalBoxFuture;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_path_to_error::Path;

use crate::{
    codes::Code,
    problem::{Problem, capital},
    state::{Http, Limits},
};

/// A JSON object.
pub(crate) struct Body<T>(pub(crate) T);

/// A JSON object that may be as large as a batch.
pub(crate) struct Large<T>(pub(crate) T);

/// A query string.
pub(crate) struct Params<T>(pub(crate) T);

/// A body that was read before the handler asked for it.
#[derive(Clone)]
pub(crate) struct Sent(pub(crate) Bytes);

impl<T: DeserializeOwned + 'static> FromRequest for Body<T> {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let sent = request.extensions().get::<Sent>().cloned();
            let bytes = match sent {
                Some(Sent(bytes)) => bytes,
                None => read_json(&request, payload).await?,
            };
            parse(&bytes).map(Self)
        })
    }
}

impl<T: DeserializeOwned + 'static> FromRequest for Large<T> {
    type Error = Problem;
    type Future = LocalBoxFuture<'static, Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let bytes = read_within(&request, payload, |limits| limits.batch_bytes).await?;
            parse(&bytes).map(Self)
        })
    }
}

/// The bytes of a JSON body, as many as are allowed.
pub(crate) async fn read_json(request: &HttpRequest, payload: Payload) -> Result<Bytes, Problem> {
    read_within(request, payload, |limits| limits.json_bytes).await
}

async fn read_within(
    request: &HttpRequest,
    payload: Payload,
    limit: fn(&Limits) -> usize,
) -> Result<Bytes, Problem> {
    let kind = request.content_type();
    if !kind.eq_ignore_ascii_case("application/json") {
        return Err(unread(&["application/json"]));
    }
    let most = request.app_data::<Data<Http>>().map(|http| limit(&http.limits));
    read(request, payload, most.unwrap_or_default()).await
}

/// The body is of none of these types.
pub(crate) fn unread(kinds: &[&str]) -> Problem {
    let kinds: Vec<_> = kinds.iter().map(|kind| format!("`Content-Type: {kind}`")).collect();
    let message = format!("The body must be {}", kinds.join(" or "));
    Problem::new(Code::UnsupportedMediaType, message)
}

/// The bytes of a body, as many as are allowed.
pub(crate) async fn read(
    request: &HttpRequest,
    payload: Payload,
    most: usize,
) -> Result<Bytes, Problem> {
    let header = |name| request.headers().get(name).and_then(|it| it.to_str().ok());
    if header(CONTENT_ENCODING).is_some_and(|encoding| encoding != "identity") {
        let message = "The body must not be compressed";
        return Err(Problem::new(Code::UnsupportedMediaType, message));
    }
    let too_large = || {
        let message = format!("The body must have at most {most} bytes");
        Problem::new(Code::PayloadTooLarge, message).with("most_bytes", most)
    };
    let announced = header(CONTENT_LENGTH).and_then(|length| length.parse::<usize>().ok());
    if announced.is_some_and(|length| length > most) {
        return Err(too_large());
    }
    let read = to_bytes_limited(BodyStream::new(payload), most).await.map_err(|_| too_large())?;
    read.map_err(|_| Problem::new(Code::MalformedJson, "The body ended before it was complete"))
}

/// Reads an object strictly.
pub(crate) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
    if first != Some(&b'{') {
        return Err(Problem::new(Code::MalformedJson, "The body must be a JSON object"));
    }
    let parsed = parse_any(bytes)?;
    refuse_nul(bytes)?;
    Ok(parsed)
}

/// Reads whatever it is, NUL in texts included.
pub(crate) fn parse_any<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let parsed = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let (path, error) = (error.path().clone(), error.into_inner());
        if error.is_data() { unreadable(&path, &error.to_string()) } else { malformed(&error) }
    })?;
    json.end().map_err(|error| malformed(&error))?;
    Ok(parsed)
}

/// Reads one of many, of which others may be wrong.
pub(crate) fn parse_one<T: DeserializeOwned>(value: Value) -> Result<T, Problem> {
    if contains_nul(&value) {
        return Err(nul());
    }
    serde_path_to_error::deserialize(value)
        .map_err(|error| unreadable(error.path(), &error.inner().to_string()))
}

/// Whether a text in it may contain NUL.
pub(crate) fn may_have_nul(bytes: &[u8]) -> bool {
    const ESCAPED: &[u8] = b"\\u0000";
    bytes.windows(ESCAPED.len()).any(|window| window == ESCAPED)
}

fn nul() -> Problem {
    Problem::new(Code::Validation, "Text must not contain NUL")
}

fn malformed(error: &serde_json::Error) -> Problem {
    Problem::new(Code::MalformedJson, format!("The body is not JSON: {error}"))
        .with("line", error.line())
        .with("column", error.column())
}

/// Names the field: serde says which one is missing or stands twice, and the path says the others.
fn unreadable(path: &Path, message: &str) -> Problem {
    let named = ["missing field `", "duplicate field `"]
        .into_iter()
        .find_map(|prefix| Some(message.strip_prefix(prefix)?.split_once('`')?.0));
    match named {
        Some(field) => Problem::new(Code::Validation, capital(message)).with("field", field),
        None => {
            let field = path.to_string();
            Problem::new(Code::Validation, format!("`{field}`: {message}")).with("field", field)
        }
    }
}

/// PostgreSQL keeps no text with a NUL in it; nobody means one.
fn refuse_nul(bytes: &[u8]) -> Result<(), Problem> {
    if !may_have_nul(bytes) {
        return Ok(());
    }
    // It may still be a backslash that is escaped itself.
    let has_nul = serde_json::from_slice::<Value>(bytes).is_ok_and(|value| contains_nul(&value));
    if has_nul { Err(nul()) } else { Ok(()) }
}

fn contains_nul(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
        Value::String(text) => text.contains('\0'),
        Value::Array(values) => values.iter().any(contains_nul),
        Value::Object(fields) => {
            fields.iter().any(|(name, value)| name.contains('\0') || contains_nul(value))
        }
    }
}

impl<T: DeserializeOwned> FromRequest for Params<T> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(query(request.query_string()).map(Self))
    }
}

fn query<T: DeserializeOwned>(text: &str) -> Result<T, Problem> {
    let pairs = || form_urlencoded::parse(text.as_bytes());
    if pairs().any(|(name, value)| name.contains('\0') || value.contains('\0')) {
        return Err(nul());
    }
    let pairs = serde_urlencoded::Deserializer::new(pairs());
    serde_path_to_error::deserialize(pairs)
        .map_err(|error| unreadable(error.path(), &error.inner().to_string()))
}

/// An id in the path; a malformed one names nothing.
pub(crate) fn id_in_path<T: FromStr>(
    text: &str,
    missing: billing_app::Missing,
) -> Result<T, Problem> {
    text.parse().map_err(|_| billing_app::Error::NotFound(missing).into())
}
