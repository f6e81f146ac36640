//! What an answer means that is not the one we asked for.

use anyhow::anyhow;
use billing_app::ports::GatewayError;
use serde::Deserialize;

use crate::client::Answer;

/// What Stripe says of a request that it did not carry out.
#[derive(Deserialize)]
struct Body {
    error: Complaint,
}

/// The reason, in Stripe's words.
#[derive(Deserialize)]
pub(crate) struct Complaint {
    #[serde(rename = "type")]
    kind: String,
    code: Option<String>,
    param: Option<String>,
    message: Option<String>,
}

/// The reason, if it is Stripe that answers.
pub(crate) fn complaint(answer: &Answer) -> Option<Complaint> {
    serde_json::from_slice::<Body>(&answer.body).ok().map(|body| body.error)
}

/// What an answer other than success means.
pub(crate) fn failure(answer: &Answer) -> GatewayError {
    let status = answer.status;
    let complaint = complaint(answer);
    let request_id = answer.request_id.as_deref();
    if let Some(Complaint { kind, code, param, message: _ }) = &complaint {
        tracing::warn!(%status, kind, code, param, request_id, "Stripe refuses");
    }
    match (status.as_u16(), complaint) {
        (401 | 403, _) => unknown(anyhow!("Stripe does not accept the key ({status})")),
        (408 | 409 | 425 | 429 | 500..=599, _) => unknown(anyhow!("Stripe answers {status}")),
        (400..=499, Some(complaint)) => GatewayError::Refused { message: complaint.message() },
        _ => unreadable(anyhow!("this is not Stripe: {status}")),
    }
}

impl Complaint {
    fn message(self) -> String {
        self.message.or(self.code).unwrap_or(self.kind)
    }
}

/// Nobody knows.
pub(crate) fn unknown(error: anyhow::Error) -> GatewayError {
    GatewayError::Unknown(error)
}

/// Nobody understands.
pub(crate) fn unreadable(error: anyhow::Error) -> GatewayError {
    GatewayError::Unreadable(error)
}
