//! Errors, sorted by what the caller does next.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value};
use thiserror::Error;

use crate::denied::{Denied, Reason};

/// Why a call did not do what was asked.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// The plan or the credits do not allow it (402, 403). Tell the user, who may pay for more.
    /// Asking again takes a new idempotency key.
    #[error("{}", .0.problem.message)]
    Denied(Box<Denied>),
    /// What was named does not exist, or belongs to somebody else (404).
    #[error("{0}")]
    NotFound(Box<Problem>),
    /// The request can never succeed as it is (400, 413, 415, 422).
    #[error("{0}")]
    Invalid(Box<Problem>),
    /// The API key is not valid, or may not do that (401, 403). A fault of the configuration.
    #[error("{0}")]
    Unauthenticated(Box<Problem>),
    /// It has changed in the meantime, or is there already (409). Look again.
    #[error("{0}")]
    Conflict(Box<Problem>),
    /// Nobody knows whether it was done: no connection, no answer in time, 429, or 5xx, after all
    /// retries. Ask again with the same idempotency key, and it is decided once.
    #[error("billing is not available: {message}")]
    Unavailable {
        /// What went wrong.
        message: String,
        /// Not to be asked again before this.
        retry_after: Option<Duration>,
    },
    /// An answer that the API never gives: is the base URL right?
    #[error("unexpected answer: {0}")]
    Unexpected(String),
}

/// An error in the words of the API.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[error("{code}: {message}")]
#[non_exhaustive]
pub struct Problem {
    /// The HTTP status.
    pub status: u16,
    /// What a program reads: `METER_NOT_FOUND`.
    pub code: String,
    /// For people; it may change.
    pub message: String,
    /// By code.
    pub details: Map<String, Value>,
    /// By which the operator of billing finds the request.
    pub request_id: Option<String>,
}

/// What came back, whatever it says.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) retry_after: Option<Duration>,
    pub(crate) body: Vec<u8>,
}

#[derive(Deserialize)]
struct Envelope {
    error: Said,
}

#[derive(Deserialize)]
struct Said {
    code: String,
    message: String,
    #[serde(default)]
    details: Map<String, Value>,
    request_id: Option<String>,
}

/// Told where an answer is no answer of the API.
const TEXT_CHARS: usize = 200;

impl Error {
    /// Whether the same request, with the same idempotency key, may succeed later.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }

    /// What the denial says, if it is one.
    pub fn denied(&self) -> Option<&Denied> {
        if let Self::Denied(denied) = self { Some(denied) } else { None }
    }

    pub(crate) fn unavailable(message: impl Into<String>) -> Self {
        Self::Unavailable { message: message.into(), retry_after: None }
    }

    /// What an answer without success means.
    pub(crate) fn of(answer: &Answer) -> Self {
        let problem = Problem::of(answer);
        let message = || problem.as_ref().map_or_else(|| text(answer), ToString::to_string);
        if matches!(answer.status, 429 | 500..=599) {
            let retry_after = answer.retry_after;
            return Self::Unavailable { message: message(), retry_after };
        }
        let Some(problem) = problem.clone() else { return Self::Unexpected(message()) };
        match (answer.status, problem.code.as_str()) {
            (409, "REQUEST_IN_PROGRESS") => {
                Self::Unavailable { message: message(), retry_after: answer.retry_after }
            }
            (402 | 403, code) => match Reason::of(code, &problem.details) {
                Ok(Some(reason)) => Self::Denied(Box::new(Denied { reason, problem })),
                Ok(None) if code == "INSUFFICIENT_SCOPE" => Self::Unauthenticated(problem.into()),
                Ok(None) => Self::Unexpected(message()),
                Err(error) => Self::Unexpected(format!("the details of {code}: {error}")),
            },
            (401, _) => Self::Unauthenticated(problem.into()),
            // The path is ours: that it is not there says that the server is another one.
            (404, "ROUTE_NOT_FOUND") => Self::Unexpected(message()),
            (404, _) => Self::NotFound(problem.into()),
            (409, _) => Self::Conflict(problem.into()),
            (400 | 413 | 415 | 422, _) => Self::Invalid(problem.into()),
            _ => Self::Unexpected(message()),
        }
    }
}

impl Problem {
    fn of(answer: &Answer) -> Option<Self> {
        let Envelope { error } = serde_json::from_slice(&answer.body).ok()?;
        let Said { code, message, details, request_id } = error;
        Some(Self { status: answer.status, code, message, details, request_id })
    }
}

fn text(answer: &Answer) -> String {
    let body = String::from_utf8_lossy(&answer.body);
    let body: String = body.chars().take(TEXT_CHARS).collect();
    format!("status {}: {body}", answer.status)
}
