//! Webhooks come in: kept before they are acknowledged, processed later.

use std::collections::BTreeMap;

use actix_web::{
    HttpMessage as _, HttpRequest,
    web::{Data, Json, Payload},
};
use billing_app::{Error, Received};
use billing_domain::{gateway::Gateway, identity::IdentityProvider};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    body::read,
    codes::Code,
    frame::{REQUEST_ID, RequestId},
    problem::Problem,
    state::Http,
};

/// The webhook is kept.
#[derive(Serialize, ToSchema)]
pub(crate) struct Kept {
    received: bool,
    /// Whether it was kept before.
    duplicate: bool,
}

/// Receives a webhook of Stripe.
///
/// It must be signed in the header `Stripe-Signature`. Only Stripe calls this.
#[utoipa::path(post, path = "/api/billing/webhook/stripe", tag = "Webhooks",
    request_body(content = Object, description = "The event, byte for byte as it was signed"),
    responses(
        (status = 200, description = "It is kept, and will be processed once", body = Kept),
        (status = 400, description = "`INVALID_SIGNATURE`, `VALIDATION_ERROR`"),
        (status = 404, description = "`GATEWAY_NOT_FOUND`"),
        (status = 413, description = "`PAYLOAD_TOO_LARGE`"),
    ))]
pub(crate) async fn receive(
    http: Data<Http>,
    request: HttpRequest,
    payload: Payload,
) -> Result<Json<Kept>, Problem> {
    let body = read(&request, payload.into_inner(), http.limits.webhook_bytes).await?;
    let headers = headers(&request);
    let received = http.billing.receive_webhook(Gateway::Stripe, &headers, &body).await;
    answered(&http, received)
}

/// Receives a webhook of Clerk: users, organizations and members arrive by it.
///
/// It must be signed by the standard of Svix, in `svix-id`, `svix-timestamp` and `svix-signature`. Only
/// Clerk calls this.
#[utoipa::path(post, path = "/api/webhooks/clerk", tag = "Webhooks",
    request_body(content = Object, description = "The event, byte for byte as it was signed"),
    responses(
        (status = 200, description = "It is kept, and will be processed once", body = Kept),
        (status = 400, description = "`INVALID_SIGNATURE`, `VALIDATION_ERROR`"),
        (status = 404, description = "`IDENTITY_PROVIDER_NOT_FOUND`"),
        (status = 413, description = "`PAYLOAD_TOO_LARGE`"),
    ))]
pub(crate) async fn receive_clerk(
    http: Data<Http>,
    request: HttpRequest,
    payload: Payload,
) -> Result<Json<Kept>, Problem> {
    let body = read(&request, payload.into_inner(), http.limits.webhook_bytes).await?;
    let headers = headers(&request);
    let clerk = IdentityProvider::Clerk;
    let received = http.billing.receive_identity_webhook(clerk, &headers, &body).await;
    answered(&http, received)
}

fn answered(http: &Http, received: Result<Received, Error>) -> Result<Json<Kept>, Problem> {
    let duplicate = match received.map_err(unproven)? {
        Received::New => {
            (http.wake)();
            false
        }
        Received::Ignored => false,
        Received::Duplicate => true,
    };
    Ok(Json(Kept { received: true, duplicate }))
}

/// Header names are in lower case already. The id under which the log speaks of the request is
/// among them, whoever gave it.
fn headers(request: &HttpRequest) -> BTreeMap<String, String> {
    let id = request.extensions().get::<RequestId>().map(|id| id.0.clone());
    let id = id.map(|id| (REQUEST_ID.as_str().to_owned(), id));
    let readable = request.headers().iter().filter_map(|(name, value)| {
        Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned()))
    });
    readable.chain(id).collect()
}

fn unproven(error: Error) -> Problem {
    match error {
        Error::Invalid { field: "signature", message } => {
            tracing::warn!(reason = message, "a webhook was not believed");
            Problem::new(Code::InvalidSignature, message)
        }
        other @ (Error::Unauthenticated(_)
        | Error::Forbidden(_)
        | Error::NotFound(_)
        | Error::Invalid { .. }
        | Error::Refused(_)
        | Error::Conflict(_)
        | Error::Unavailable { .. }
        | Error::GatewayUnavailable { .. }
        | Error::Internal(_)) => other.into(),
    }
}
