//! What a guard answers instead of the handler, in the form of the API.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{
    error::{Error, Problem},
    quota::QuotaCheck,
    subscription::{CHECKOUT, Subscription},
};

/// What to answer instead of calling the handler.
///
/// The body is the API's: `{"success": false, "error": {"code", "message", "details"}}`. Codes are
/// those of the API, and `SUBSCRIPTION_REQUIRED` (402).
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Refusal {
    /// 401: whose request it is is not known. 402: no credits, no subscription. 403: the limit is
    /// reached. 503: billing is not available. 500: billing does not know the organization, the
    /// meter or the key of this product, which is logged and not told.
    pub status: u16,
    /// `application/json`.
    pub body: String,
    /// For the header `Retry-After`, in seconds; with 503.
    pub retry_after_seconds: Option<u64>,
}

impl Refusal {
    fn new(status: u16, code: &str, message: &str, details: &Value) -> Self {
        Self::saying(
            status,
            &json!({ "code": code, "message": message, "details": details, "request_id": null }),
        )
    }

    fn saying(status: u16, error: &Value) -> Self {
        let body = json!({ "success": false, "error": error }).to_string();
        Self { status, body, retry_after_seconds: None }
    }

    pub(crate) fn nobody() -> Self {
        let message = "It is not known which organization asks";
        Self::new(401, "UNAUTHENTICATED", message, &json!({}))
    }

    /// A plain check said no; the API says the same of a use that would count.
    pub(crate) fn limit(check: &QuotaCheck) -> Self {
        let QuotaCheck { meter, quantity, .. } = check;
        let message = format!("The plan does not allow {quantity} more of `{meter}`");
        Self::new(403, "LIMIT_REACHED", &message, &json!(check))
    }

    pub(crate) fn subscription(subscription: &Subscription) -> Self {
        let details = json!({
            "status": subscription.status,
            "plan": subscription.entitled_plan,
            "checkout": CHECKOUT,
        });
        let message = "This needs an active subscription";
        Self::new(402, "SUBSCRIPTION_REQUIRED", message, &details)
    }

    /// What an error of billing is to the user of the product.
    pub(crate) fn of(error: &Error) -> Self {
        match error {
            Error::Denied(denied) => Self::passed_on(&denied.problem),
            Error::Unavailable { retry_after, message } => {
                tracing::warn!(message, "refused: billing is not available");
                let seconds = retry_after.unwrap_or_default().max(Duration::from_secs(1)).as_secs();
                let message = "Billing is not available";
                let refusal = Self::new(503, "SERVICE_UNAVAILABLE", message, &json!({}));
                Self { retry_after_seconds: Some(seconds), ..refusal }
            }
            Error::NotFound(_)
            | Error::Invalid(_)
            | Error::Unauthenticated(_)
            | Error::Conflict(_)
            | Error::Unexpected(_) => {
                tracing::error!(%error, "a guard asks billing what it cannot answer");
                Self::new(500, "INTERNAL_ERROR", "A fault of ours", &json!({}))
            }
        }
    }

    fn passed_on(problem: &Problem) -> Self {
        let Problem { status, code, message, details, request_id } = problem;
        Self::saying(
            *status,
            &json!({
                "code": code, "message": message, "details": details, "request_id": request_id,
            }),
        )
    }
}
