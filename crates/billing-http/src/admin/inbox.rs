//! Webhooks that came in, and trying one again.

use actix_web::{
    HttpResponse,
    web::{Data, Json, Path},
};
use billing_app::{
    Missing,
    ports::{WebhookRow, WebhookStatus},
};
use billing_domain::id::WebhookId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    body::{Params, id_in_path},
    moment::Moment,
    page::{List, page, ten},
    problem::Problem,
    state::Http,
};

/// A webhook.
#[derive(Serialize, ToSchema)]
pub(crate) struct Webhook {
    id: Uuid,
    #[schema(example = "stripe")]
    gateway: &'static str,
    /// The gateway's id of the event.
    event_id: String,
    /// The gateway's name of the event type.
    #[serde(rename = "type")]
    #[schema(example = "checkout.session.completed")]
    kind: String,
    /// `received`, `processed`, `ignored`, `retrying` or `dead`.
    #[schema(example = "processed")]
    status: &'static str,
    /// How often it was tried.
    attempts: i32,
    /// What the last try said, if it failed.
    error: Option<String>,
    received_at: Moment,
    /// When it is tried again, if it is.
    next_attempt_at: Option<Moment>,
}

/// Which webhooks.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Which {
    /// `received`, `processed`, `ignored`, `retrying` or `dead`; all by default.
    status: Option<String>,
    /// How many, from 1 to 100.
    #[serde(default = "ten")]
    #[param(minimum = 1, maximum = 100, default = 10)]
    limit: i64,
    /// The id of the last one on the page before.
    starting_after: Option<String>,
}

/// The webhook will be tried again.
#[derive(Serialize, ToSchema)]
pub(crate) struct Queued {
    id: Uuid,
    #[schema(example = "queued")]
    status: &'static str,
}

/// Lists webhooks, the newest first.
#[utoipa::path(get, path = "/api/admin/webhooks", tag = "Administration",
    params(Which),
    responses((status = 200, description = "A page of them", body = List<Webhook>)))]
pub(crate) async fn list(
    http: Data<Http>,
    Params(which): Params<Which>,
) -> Result<Json<List<Webhook>>, Problem> {
    let status = which.status.as_deref().map(status).transpose()?;
    let page = page(which.limit, which.starting_after.as_deref())?;
    let found = http.billing.list_webhooks(status, page).await?;
    Ok(Json(List::of(found, page, Webhook::from)))
}

/// Processes a webhook again, whatever became of it. Doing so twice has one effect.
#[utoipa::path(post, path = "/api/admin/webhooks/{id}/retry", tag = "Administration",
    params(("id" = Uuid, Path, description = "The webhook")),
    responses(
        (status = 202, description = "It will be tried now", body = Queued),
        (status = 404, description = "`WEBHOOK_NOT_FOUND`"),
        (status = 422, description = "`IDEMPOTENCY_KEY_REUSED`"),
    ))]
pub(crate) async fn retry(http: Data<Http>, id: Path<String>) -> Result<HttpResponse, Problem> {
    let id = id_in_path::<WebhookId>(&id, Missing::Webhook)?;
    http.billing.retry_webhook(id).await?;
    (http.wake)();
    Ok(HttpResponse::Accepted().json(Queued { id: id.0, status: "queued" }))
}

fn status(name: &str) -> Result<WebhookStatus, Problem> {
    let found = WebhookStatus::ALL.into_iter().find(|status| status.name() == name);
    found.ok_or_else(|| {
        Problem::invalid("status", "must be received, processed, ignored, retrying or dead")
    })
}

impl From<WebhookRow> for Webhook {
    fn from(row: WebhookRow) -> Self {
        let WebhookRow {
            id,
            gateway,
            event_id,
            kind,
            status,
            attempts,
            error,
            received_at,
            next_attempt_at,
        } = row;
        Self {
            id: id.0,
            gateway: gateway.name(),
            event_id,
            kind,
            status: status.name(),
            attempts,
            error,
            received_at: Moment(received_at),
            next_attempt_at: next_attempt_at.map(Moment),
        }
    }
}
