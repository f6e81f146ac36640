//! How an error is written: in the envelope, or by RFC 9457.

use actix_web::{
    HttpRequest, HttpResponse, HttpResponseBuilder, ResponseError,
    body::BoxBody,
    http::{
        StatusCode,
        header::{ACCEPT, ALLOW, CACHE_CONTROL, RETRY_AFTER, VARY, WWW_AUTHENTICATE},
    },
};
use serde_json::{Value, json};

use super::{Parts, Problem};
use crate::{
    accept,
    codes::{Code, Entry},
    idempotency::REPLAYED,
};

impl Problem {
    /// The body that every error has.
    pub(crate) fn envelope(&self, request_id: &str) -> Value {
        let Parts { message, details, request_id: first, .. } = &*self.0;
        json!({ "success": false, "error": {
            "code": self.entry().code,
            "message": message,
            "details": details,
            "request_id": first.as_deref().unwrap_or(request_id),
        }})
    }

    /// An error that was answered before, from its body.
    pub(crate) fn from_envelope(body: &[u8]) -> Option<Self> {
        let mut body: Value = serde_json::from_slice(body).ok()?;
        let error = body.get_mut("error")?.take();
        let text = |name| Some(error.get(name)?.as_str()?.to_owned());
        let named = text("code")?;
        let code = Code::ALL.iter().find(|code| code.entry().code == named)?;
        let mut problem = Self::new(*code, text("message")?).replayed(true);
        problem.0.details = error.get("details")?.as_object()?.clone();
        problem.0.request_id = text("request_id");
        Some(problem)
    }

    /// The body by RFC 9457.
    fn rfc_9457(&self, request: &HttpRequest, request_id: &str) -> Value {
        let Entry { code, status, title, retryable, .. } = self.entry();
        json!({
            "type": format!("urn:billing:problem:{}", code.to_ascii_lowercase()),
            "title": title,
            "status": status,
            "detail": self.0.message,
            "instance": request.path(),
            "code": code,
            "details": self.0.details,
            "retryable": retryable,
            "request_id": self.0.request_id.as_deref().unwrap_or(request_id),
        })
    }

    /// The answer, in the form that the caller prefers.
    pub(crate) fn respond(&self, request: &HttpRequest, request_id: &str) -> HttpResponse {
        let accept = request.headers().get(ACCEPT).and_then(|accept| accept.to_str().ok());
        let mut answer = self.head();
        if accept.is_some_and(accept::prefers_problem) {
            let body = self.rfc_9457(request, request_id).to_string();
            return answer.content_type("application/problem+json").body(body);
        }
        answer.json(self.envelope(request_id))
    }

    fn head(&self) -> HttpResponseBuilder {
        let mut head = HttpResponse::build(self.status_code());
        head.insert_header((VARY, "Accept")).insert_header((CACHE_CONTROL, "no-store"));
        if let Some(seconds) = self.0.retry_after_seconds {
            head.insert_header((RETRY_AFTER, seconds));
        }
        if let Some(methods) = &self.0.allow {
            head.insert_header((ALLOW, methods.as_str()));
        }
        if self.0.code == Code::Unauthenticated {
            head.insert_header((WWW_AUTHENTICATE, "Bearer"));
        }
        if self.0.replayed {
            head.insert_header((REPLAYED, "true"));
        }
        head
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.entry().status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// Only seen where no request is left to ask what it prefers.
    fn error_response(&self) -> HttpResponse<BoxBody> {
        self.head().json(self.envelope(""))
    }
}
