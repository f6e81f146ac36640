//! What endpoints were told: the list, all of one, and sending again.

use std::time::Duration;

use actix_web::{
    HttpResponse,
    web::{Data, Json, Path},
};
use billing_app::{
    DeliveryMetrics, Missing, Replay, envelope,
    ports::{DeliveryAttempt, DeliveryFilter, DeliveryRow, DeliveryStatus},
};
use billing_domain::id::DeliveryId;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::webhook_endpoints::endpoint_in_path;
use crate::{
    body::{Body, Params, id_in_path},
    moment::Moment,
    page::{List, page, ten},
    problem::Problem,
    state::Http,
};

/// A message to an endpoint.
#[derive(Serialize, ToSchema)]
pub(crate) struct Delivery {
    id: Uuid,
    event_id: Uuid,
    #[serde(rename = "type")]
    #[schema(example = "trial.started")]
    kind: String,
    /// `pending`, `delivered`, `retrying` or `dead`.
    #[schema(example = "delivered")]
    status: &'static str,
    /// How often it was tried since it was planned, or sent again.
    attempts: i32,
    /// What the last try said, if it failed.
    error: Option<String>,
    created_at: Moment,
    /// When it is tried next, if it is.
    next_attempt_at: Option<Moment>,
}

/// All that is known of a message to an endpoint.
#[derive(Serialize, ToSchema)]
pub(crate) struct InspectedDelivery {
    #[serde(flatten)]
    delivery: Delivery,
    /// The message.
    #[schema(value_type = Object)]
    payload: Value,
    /// Every try that came to an end, the first one first.
    history: Vec<DeliveryTry>,
}

/// A try to deliver a message.
#[derive(Serialize, ToSchema)]
pub(crate) struct DeliveryTry {
    ended_at: Moment,
    /// `delivered`, `failed`, or `lapsed` where its server died or was too slow.
    #[schema(example = "failed")]
    outcome: &'static str,
    /// The HTTP status of the answer, if there was one.
    #[schema(example = 503)]
    status_code: Option<i32>,
    error: Option<String>,
    /// How the answer begins: it is for operators, and not to be shown to the owner of the endpoint.
    answer: Option<String>,
    /// Microseconds, where somebody saw its end.
    duration_us: Option<u64>,
}

/// A message that will be sent.
#[derive(Serialize, ToSchema)]
pub(crate) struct QueuedDelivery {
    id: Uuid,
    /// `queued`.
    #[schema(example = "queued")]
    status: &'static str,
}

/// Which messages.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct WhichDeliveries {
    /// `pending`, `delivered`, `retrying` or `dead`; all by default.
    status: Option<String>,
    /// The type of the event; all by default.
    #[serde(rename = "type")]
    kind: Option<String>,
    /// Of events that happened then or later.
    since: Option<Moment>,
    /// Of events that happened before then.
    until: Option<Moment>,
    /// How many, from 1 to 100.
    #[serde(default = "ten")]
    #[param(minimum = 1, maximum = 100, default = 10)]
    limit: i64,
    /// The id of the last one on the page before.
    starting_after: Option<String>,
}

/// Which events to send again.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "since": "2026-03-01T00:00:00Z", "dead_only": true, "dry_run": true }))]
pub(crate) struct ReplayEvents {
    /// Events that happened then or later, also before the endpoint was there.
    since: Moment,
    /// Events that happened before then.
    until: Option<Moment>,
    /// Only those whose message is dead.
    #[serde(default)]
    dead_only: bool,
    /// How many, the oldest first.
    #[serde(default = "hundred")]
    #[schema(minimum = 1, maximum = 1000, default = 100)]
    limit: i64,
    /// Only say how many: nothing is sent.
    #[serde(default)]
    dry_run: bool,
}

/// How many events are sent again.
#[derive(Serialize, ToSchema)]
pub(crate) struct Replayed {
    /// Whether nothing is sent.
    dry_run: bool,
    /// How many are sent again, or would be. As many as the limit: ask again from the last one on.
    events: usize,
}

const fn hundred() -> i64 {
    100
}

/// Lists what an endpoint was told, the newest first. Messages are kept for 30 days.
#[utoipa::path(get, path = "/api/admin/webhook-endpoints/{id}/deliveries", tag = "Webhooks",
    params(("id" = Uuid, Path, description = "The endpoint"), WhichDeliveries),
    responses(
        (status = 200, description = "A page of them", body = List<Delivery>),
        (status = 404, description = "`WEBHOOK_ENDPOINT_NOT_FOUND`"),
    ))]
pub(crate) async fn list(
    http: Data<Http>,
    id: Path<String>,
    Params(which): Params<WhichDeliveries>,
) -> Result<Json<List<Delivery>>, Problem> {
    let page = page(which.limit, which.starting_after.as_deref())?;
    let status = which.status.as_deref();
    let status =
        status.map(|name| DeliveryStatus::named(name).ok_or_else(no_status)).transpose()?;
    let filter = DeliveryFilter {
        status,
        kind: which.kind,
        since: which.since.map(|at| at.0),
        until: which.until.map(|at| at.0),
    };
    let id = endpoint_in_path(&id)?;
    let found = http.billing.endpoint_deliveries(id, &filter, page).await?;
    Ok(Json(List::of(found, page, Delivery::from)))
}

/// Shows all of a message: what is sent, and every try.
#[utoipa::path(get, path = "/api/admin/webhook-endpoints/{id}/deliveries/{delivery_id}",
    tag = "Webhooks",
    params(
        ("id" = Uuid, Path, description = "The endpoint"),
        ("delivery_id" = Uuid, Path, description = "The message to it"),
    ),
    responses(
        (status = 200, description = "All that is known of it", body = InspectedDelivery),
        (status = 404, description = "`DELIVERY_NOT_FOUND`, `WEBHOOK_ENDPOINT_NOT_FOUND`"),
    ))]
pub(crate) async fn inspect(
    http: Data<Http>,
    path: Path<(String, String)>,
) -> Result<Json<InspectedDelivery>, Problem> {
    let (endpoint, id) = path.into_inner();
    let (endpoint, id) = (endpoint_in_path(&endpoint)?, delivery_in_path(&id)?);
    let (row, event, tries) = http.billing.inspect_delivery(endpoint, id).await?;
    Ok(Json(InspectedDelivery {
        delivery: row.into(),
        payload: envelope(&event),
        history: tries.into_iter().map(DeliveryTry::from).collect(),
    }))
}

/// Sends a message again, whatever became of it, with the same `webhook-id`.
#[utoipa::path(post,
    path = "/api/admin/webhook-endpoints/{id}/deliveries/{delivery_id}/resend", tag = "Webhooks",
    params(
        ("id" = Uuid, Path, description = "The endpoint"),
        ("delivery_id" = Uuid, Path, description = "The message to it"),
    ),
    responses(
        (status = 202, description = "It will be sent now", body = QueuedDelivery),
        (status = 404, description = "`DELIVERY_NOT_FOUND`, `WEBHOOK_ENDPOINT_NOT_FOUND`"),
        (status = 422, description = "`IDEMPOTENCY_KEY_REUSED`"),
    ))]
pub(crate) async fn resend(
    http: Data<Http>,
    path: Path<(String, String)>,
) -> Result<HttpResponse, Problem> {
    let (endpoint, id) = path.into_inner();
    let (endpoint, id) = (endpoint_in_path(&endpoint)?, delivery_in_path(&id)?);
    http.billing.resend_delivery(endpoint, id).await?;
    Ok(queued(id))
}

/// Sends an endpoint a message of type `webhook.test`, to try it.
#[utoipa::path(post, path = "/api/admin/webhook-endpoints/{id}/test", tag = "Webhooks",
    params(("id" = Uuid, Path, description = "The endpoint")),
    responses(
        (status = 202, description = "It will be sent now", body = QueuedDelivery),
        (status = 404, description = "`WEBHOOK_ENDPOINT_NOT_FOUND`"),
        (status = 422, description = "`IDEMPOTENCY_KEY_REUSED`"),
    ))]
pub(crate) async fn test(http: Data<Http>, id: Path<String>) -> Result<HttpResponse, Problem> {
    Ok(queued(http.billing.test_endpoint(endpoint_in_path(&id)?).await?))
}

/// Sends an endpoint again what happened in a while; with `dry_run` only says how much.
#[utoipa::path(post, path = "/api/admin/webhook-endpoints/{id}/replay", tag = "Webhooks",
    params(("id" = Uuid, Path, description = "The endpoint")),
    request_body = ReplayEvents,
    responses(
        (status = 200, description = "How many events", body = Replayed),
        (status = 404, description = "`WEBHOOK_ENDPOINT_NOT_FOUND`"),
        (status = 422, description = "`IDEMPOTENCY_KEY_REUSED`"),
    ))]
pub(crate) async fn replay(
    http: Data<Http>,
    id: Path<String>,
    Body(body): Body<ReplayEvents>,
) -> Result<Json<Replayed>, Problem> {
    let ReplayEvents { since, until, dead_only, limit, dry_run } = body;
    let replay = Replay { since: since.0, until: until.map(|at| at.0), dead_only, limit };
    let id = endpoint_in_path(&id)?;
    let events = http.billing.replay_events(id, &replay, dry_run).await?;
    Ok(Json(Replayed { dry_run, events }))
}

/// Over which while.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct LastHours {
    /// The last so many hours, from 1 to 168.
    #[serde(default = "a_day")]
    #[param(minimum = 1, maximum = 168, default = 24)]
    hours: i64,
}

const fn a_day() -> i64 {
    24
}

/// How messages to endpoints do.
#[derive(Serialize, ToSchema)]
pub(crate) struct DeliveryReport {
    /// Since when messages are counted that were planned.
    since: Moment,
    planned: i64,
    delivered: i64,
    retrying: i64,
    dead: i64,
    /// How many of 10 000 that were tried were accepted.
    #[schema(example = 10_000)]
    success_basis_points: i64,
    /// From being planned to being accepted, in microseconds: half of them took no longer.
    median_to_accepted_us: Option<u64>,
    /// The same for 99 in 100.
    p99_to_accepted_us: Option<u64>,
    /// How many are due now and not sent yet; up to 10 000.
    due: i64,
    /// Since when the first of these is due.
    oldest_due_at: Option<Moment>,
    /// Endpoints to which every message fails at the moment.
    failing_endpoints: i64,
    /// Events that have not become messages yet; up to 10 000.
    events_waiting: i64,
    /// When the first of these happened.
    oldest_event_at: Option<Moment>,
}

/// Says how messages to endpoints do.
#[utoipa::path(get, path = "/api/admin/metrics/deliveries", tag = "Webhooks",
    params(LastHours),
    responses((status = 200, description = "How they do", body = DeliveryReport)))]
pub(crate) async fn metrics(
    http: Data<Http>,
    Params(asked): Params<LastHours>,
) -> Result<Json<DeliveryReport>, Problem> {
    let metrics = http.billing.delivery_metrics(asked.hours).await?;
    let DeliveryMetrics { since, figures, success, outbox } = metrics;
    Ok(Json(DeliveryReport {
        since: Moment(since),
        planned: figures.planned,
        delivered: figures.delivered,
        retrying: figures.retrying,
        dead: figures.dead,
        success_basis_points: success,
        median_to_accepted_us: figures.median_to_accepted.map(micros),
        p99_to_accepted_us: figures.p99_to_accepted.map(micros),
        due: figures.due,
        oldest_due_at: figures.oldest_due_at.map(Moment),
        failing_endpoints: figures.failing_endpoints,
        events_waiting: outbox.waiting,
        oldest_event_at: outbox.oldest_at.map(Moment),
    }))
}

fn queued(id: DeliveryId) -> HttpResponse {
    HttpResponse::Accepted().json(QueuedDelivery { id: id.0, status: "queued" })
}

fn delivery_in_path(id: &str) -> Result<DeliveryId, Problem> {
    id_in_path::<DeliveryId>(id, Missing::Delivery)
}

fn no_status() -> Problem {
    let names = DeliveryStatus::ALL.map(DeliveryStatus::name).join(", ");
    Problem::invalid("status", format!("must be one of {names}"))
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

impl From<DeliveryRow> for Delivery {
    fn from(row: DeliveryRow) -> Self {
        Self {
            id: row.id.0,
            event_id: row.event_id.0,
            kind: row.kind,
            status: row.status.name(),
            attempts: row.attempts,
            error: row.error,
            created_at: Moment(row.created_at),
            next_attempt_at: row.next_attempt_at.map(Moment),
        }
    }
}

impl From<DeliveryAttempt> for DeliveryTry {
    fn from(attempt: DeliveryAttempt) -> Self {
        Self {
            ended_at: Moment(attempt.ended_at),
            outcome: attempt.outcome,
            status_code: attempt.status_code,
            error: attempt.error,
            answer: attempt.answer,
            duration_us: attempt.duration.map(micros),
        }
    }
}
