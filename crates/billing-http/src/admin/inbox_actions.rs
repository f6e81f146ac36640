//! What administrators do about webhooks; each wish says why, and is kept.

use actix_web::{
    HttpResponse,
    web::{Data, Json, Path},
};
use billing_app::{
    Caller, Mandate, Missing,
    ports::{Matching, WebhookFilter},
};
use billing_domain::id::WebhookId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::inbox::{Webhook, named};
use crate::{
    auth::Known,
    body::{Body, id_in_path},
    moment::Moment,
    problem::Problem,
    state::Http,
};

/// Why something is done.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "reason": "The price is in the catalogue now" }))]
pub(crate) struct Why {
    /// Why; it is kept.
    #[schema(min_length = 1, max_length = 500)]
    pub(super) reason: String,
}

/// What becomes of the webhook.
#[derive(Serialize, ToSchema)]
pub(crate) struct Done {
    id: Uuid,
    /// `queued` or `discarded`.
    #[schema(example = "queued")]
    status: &'static str,
}

/// Which webhooks to process again.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "status": "dead", "type": "invoice.paid", "since": "2026-03-01T00:00:00Z", "dry_run": true, "reason": "Stripe was misconfigured" }))]
pub(crate) struct Again {
    /// The name of the gateway; all by default.
    #[schema(example = "stripe")]
    gateway: Option<String>,
    /// The gateway's name of the event type; all by default.
    #[serde(rename = "type")]
    kind: Option<String>,
    /// Where they stand; `dead` by default. Those that are `received` will be tried anyway.
    #[serde(default = "dead")]
    #[schema(default = "dead")]
    status: String,
    /// Those that came then or later.
    since: Option<Moment>,
    /// Those that came before then.
    until: Option<Moment>,
    /// How many, the oldest first.
    #[serde(default = "hundred")]
    #[schema(minimum = 1, maximum = 1000, default = 100)]
    limit: i64,
    /// Only say which: nothing is changed, and no reason is needed.
    #[serde(default)]
    dry_run: bool,
    /// Why; it is kept with each of them.
    #[schema(min_length = 1, max_length = 500)]
    reason: Option<String>,
}

/// Which webhooks are processed again.
#[derive(Serialize, ToSchema)]
pub(crate) struct Retried {
    /// Whether nothing was changed.
    dry_run: bool,
    /// How many match.
    matched: i64,
    /// How many of them are put back, or would be.
    retried: usize,
    /// These, as they stood before.
    webhooks: Vec<Webhook>,
}

fn dead() -> String {
    "dead".to_owned()
}

const fn hundred() -> i64 {
    100
}

/// Processes a webhook again, whatever became of it. Doing so twice has one effect.
#[utoipa::path(post, path = "/api/admin/webhooks/{id}/retry", tag = "Administration",
    params(("id" = Uuid, Path, description = "The webhook")),
    request_body = Why,
    responses(
        (status = 202, description = "It will be tried now", body = Done),
        (status = 404, description = "`WEBHOOK_NOT_FOUND`"),
        (status = 422, description = "`IDEMPOTENCY_KEY_REUSED`"),
    ))]
pub(crate) async fn retry(
    http: Data<Http>,
    Known(caller): Known,
    id: Path<String>,
    Body(why): Body<Why>,
) -> Result<HttpResponse, Problem> {
    let id = id_in_path::<WebhookId>(&id, Missing::Webhook)?;
    http.billing.retry_webhook(id, mandate(&caller, why.reason)).await?;
    (http.wake)();
    Ok(HttpResponse::Accepted().json(Done { id: id.0, status: "queued" }))
}

/// Processes webhooks again that match, the oldest first; with `dry_run` only says which.
#[utoipa::path(post, path = "/api/admin/webhooks/retry", tag = "Administration",
    request_body = Again,
    responses(
        (status = 200, description = "How many match, and which are put back", body = Retried),
        (status = 422, description = "`IDEMPOTENCY_KEY_REUSED`"),
    ))]
pub(crate) async fn retry_many(
    http: Data<Http>,
    Known(caller): Known,
    Body(again): Body<Again>,
) -> Result<Json<Retried>, Problem> {
    let Again { gateway, kind, status, since, until, limit, dry_run, reason } = again;
    let filter = WebhookFilter {
        kind,
        since: since.map(|at| at.0),
        until: until.map(|at| at.0),
        ..named(gateway.as_deref(), Some(&status))?
    };
    let Matching { count, rows } = if dry_run {
        http.billing.retriable_webhooks(&filter, limit).await?
    } else {
        let reason = reason.ok_or_else(|| Problem::invalid("reason", "is required"))?;
        let mandate = mandate(&caller, reason);
        http.billing.retry_webhooks(&filter, limit, mandate).await?
    };
    if !dry_run && !rows.is_empty() {
        (http.wake)();
    }
    let (retried, webhooks) = (rows.len(), rows.into_iter().map(Webhook::from).collect());
    Ok(Json(Retried { dry_run, matched: count, retried, webhooks }))
}

/// Gives a webhook up that waits or is dead. It can be processed again all the same.
#[utoipa::path(post, path = "/api/admin/webhooks/{id}/discard", tag = "Administration",
    params(("id" = Uuid, Path, description = "The webhook")),
    request_body = Why,
    responses(
        (status = 200, description = "It is given up", body = Done),
        (status = 404, description = "`WEBHOOK_NOT_FOUND`"),
        (status = 422, description = "`WEBHOOK_DONE`, `IDEMPOTENCY_KEY_REUSED`"),
    ))]
pub(crate) async fn discard(
    http: Data<Http>,
    Known(caller): Known,
    id: Path<String>,
    Body(why): Body<Why>,
) -> Result<Json<Done>, Problem> {
    let id = id_in_path::<WebhookId>(&id, Missing::Webhook)?;
    http.billing.discard_webhook(id, mandate(&caller, why.reason)).await?;
    Ok(Json(Done { id: id.0, status: "discarded" }))
}

/// Who asks for something, and why.
pub(super) fn mandate(caller: &Caller, reason: String) -> Mandate {
    Mandate { actor: format!("api_key {}", caller.public), reason }
}
