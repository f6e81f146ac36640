//! Answers that are not what was asked for, in Stripe's error envelope.

use serde_json::{Map, Value, json};

use crate::json::{Absent, Fields as _};

/// Why a request is refused.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) status: u16,
    /// What stands under `error` in the answer.
    error: Map<String, Value>,
}

impl Refusal {
    fn new(status: u16, kind: &str, message: impl Into<String>) -> Self {
        let mut refusal = Self { status, error: Map::new() };
        refusal.error.insert("type".to_owned(), Value::from(kind));
        refusal.error.insert("message".to_owned(), Value::from(message.into()));
        refusal
    }

    fn with(mut self, field: &str, value: impl Into<Value>) -> Self {
        self.error.insert(field.to_owned(), value.into());
        self
    }

    /// The request is wrong as a whole.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(400, "invalid_request_error", message)
    }

    /// One parameter is wrong.
    pub(crate) fn param(param: impl Into<String>, message: impl Into<String>) -> Self {
        Self::invalid(message).with("param", param.into())
    }

    /// A parameter that has to be there is not.
    pub(crate) fn missing(param: impl Into<String>) -> Self {
        let param = param.into();
        let message = format!("Missing required param: {param}.");
        Self::param(param, message).code("parameter_missing")
    }

    /// A parameter that Stripe does not have, or that this sandbox does not play.
    pub(crate) fn unknown_param(param: impl Into<String>) -> Self {
        let param = param.into();
        let message =
            format!("Received unknown parameter: {param}. The sandbox takes only what it plays.");
        Self::param(param, message).code("parameter_unknown")
    }

    /// A parameter names an object that is not there. In the path, the object itself is missing.
    pub(crate) fn no_such(what: &str, id: &str, param: &str) -> Self {
        let message = format!("No such {what}: '{id}'");
        let status = if param == "id" { 404 } else { 400 };
        Self { status, ..Self::param(param, message).code("resource_missing") }
    }

    pub(crate) fn unauthorized(message: impl Into<String>) -> Self {
        Self::new(401, "invalid_request_error", message)
    }

    pub(crate) fn too_large() -> Self {
        Self::new(413, "invalid_request_error", "The request body is too large.")
    }

    pub(crate) fn unrecognized(method: &str, path: &str) -> Self {
        let message = format!(
            "Unrecognized request URL ({method}: {path}). If you are trying to list objects, \
             remove the trailing slash. If you are trying to retrieve an object, make sure you \
             passed a valid (non-empty) identifier in your code."
        );
        Self::new(404, "invalid_request_error", message)
    }

    /// The same idempotency key was used for something else.
    pub(crate) fn idempotency(message: impl Into<String>) -> Self {
        Self::new(400, "idempotency_error", message)
    }

    /// The same idempotency key is being answered at this moment.
    pub(crate) fn in_flight(key: &str) -> Self {
        let message = format!(
            "There is currently another in-progress request using this Idempotency Key: {key}."
        );
        Self::new(409, "idempotency_error", message).code("idempotency_key_in_use")
    }

    /// The payer's bank said no. What happened until then has happened, and stays.
    pub(crate) fn card(intent: Value, error: &Value) -> Self {
        let mut refusal = Self::new(402, "card_error", error.text("message"));
        for field in ["charge", "code", "decline_code", "doc_url"] {
            if !error.at(field).is_null() {
                refusal = refusal.with(field, error.at(field).clone());
            }
        }
        refusal.with("payment_intent", intent)
    }

    fn internal() -> Self {
        let message = "The sandbox failed to do this; its log says why.";
        Self::new(500, "api_error", message)
    }

    pub(crate) fn code(self, code: &str) -> Self {
        self.with("doc_url", doc_url(code)).with("code", code)
    }

    pub(crate) fn message(&self) -> &str {
        self.error.get("message").and_then(Value::as_str).unwrap_or_default()
    }

    /// Whether the changes made before the refusal stay.
    pub(crate) fn keeps_changes(&self) -> bool {
        self.status == 402
    }

    /// The body of the answer.
    pub(crate) fn body(&self) -> Value {
        json!({ "error": self.error })
    }
}

/// Where Stripe explains an error code.
pub(crate) fn doc_url(code: &str) -> String {
    format!("https://stripe.com/docs/error-codes/{}", code.replace('_', "-"))
}

impl From<Absent> for Refusal {
    fn from(Absent(field): Absent) -> Self {
        tracing::error!(field, "an object lacks a field");
        Self::internal()
    }
}

impl From<std::io::Error> for Refusal {
    fn from(error: std::io::Error) -> Self {
        tracing::error!(%error, "the journal could not be written");
        Self::internal()
    }
}

impl From<time::error::ComponentRange> for Refusal {
    fn from(error: time::error::ComponentRange) -> Self {
        Self::invalid(format!("This leads beyond the calendar: {error}"))
    }
}
