//! Webhooks that came in: the list, and all of one.

use std::collections::BTreeMap;

use actix_web::web::{Data, Json, Path};
use billing_app::{
    Missing,
    ports::{
        Deed, WebhookAction, WebhookDetail, WebhookFilter, WebhookRow, WebhookStatus, WebhookTry,
    },
};
use billing_domain::{id::WebhookId, identity::Source};
use serde::{Deserialize, Serialize};
use serde_json::Value;
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
    /// Who sent it: a gateway, or an identity provider.
    #[schema(example = "stripe")]
    gateway: &'static str,
    /// The sender's id of the event.
    event_id: String,
    /// The sender's name of the event type.
    #[serde(rename = "type")]
    #[schema(example = "checkout.session.completed")]
    kind: String,
    /// `received`, `processed`, `ignored`, `retrying`, `dead` or `discarded`.
    #[schema(example = "processed")]
    status: &'static str,
    /// How often it was tried since it came, or was put back.
    attempts: i32,
    /// What the last try said, if it failed.
    error: Option<String>,
    received_at: Moment,
    /// When it is tried again, if it is.
    next_attempt_at: Option<Moment>,
}

/// All that is known of a webhook.
#[derive(Serialize, ToSchema)]
pub(crate) struct Inspected {
    #[serde(flatten)]
    webhook: Webhook,
    /// Webhooks of one subject are processed one at a time: the customer where there is one.
    #[schema(example = "cus_1")]
    subject: String,
    /// What came along and is worth keeping.
    headers: BTreeMap<String, String>,
    /// What the gateway sent: JSON, or a text where it is none.
    #[schema(value_type = Object)]
    payload: Value,
    /// When it was done with, if it is.
    done_at: Option<Moment>,
    /// Every try that came to an end, the first one first.
    history: Vec<Try>,
    /// What people did about it.
    actions: Vec<Action>,
}

/// A try.
#[derive(Serialize, ToSchema)]
pub(crate) struct Try {
    ended_at: Moment,
    /// `processed`, `ignored`, `failed`, or `lapsed` where its server died or was too slow.
    #[schema(example = "failed")]
    outcome: &'static str,
    error: Option<String>,
    /// Microseconds, where somebody saw its end.
    duration_us: Option<u64>,
}

/// What somebody did about it.
#[derive(Serialize, ToSchema)]
pub(crate) struct Action {
    /// The same for all webhooks that it was done about at once.
    id: Uuid,
    at: Moment,
    /// `retry` or `discard`.
    #[schema(example = "retry")]
    action: &'static str,
    /// Who.
    #[schema(example = "api_key 4f0c1d2e")]
    actor: String,
    /// Why.
    reason: String,
}

/// Which webhooks.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Which {
    /// The name of the gateway, or of the identity provider; all by default.
    gateway: Option<String>,
    /// The gateway's name of the event type; all by default.
    #[serde(rename = "type")]
    kind: Option<String>,
    /// `received`, `processed`, `ignored`, `retrying`, `dead` or `discarded`; all by default.
    status: Option<String>,
    /// Those that came then or later.
    since: Option<Moment>,
    /// Those that came before then.
    until: Option<Moment>,
    /// How many, from 1 to 100.
    #[serde(default = "ten")]
    #[param(minimum = 1, maximum = 100, default = 10)]
    limit: i64,
    /// The id of the last one on the page before.
    starting_after: Option<String>,
}

/// Lists webhooks, the newest first.
#[utoipa::path(get, path = "/api/admin/webhooks", tag = "Administration",
    params(Which),
    responses((status = 200, description = "A page of them", body = List<Webhook>)))]
pub(crate) async fn list(
    http: Data<Http>,
    Params(which): Params<Which>,
) -> Result<Json<List<Webhook>>, Problem> {
    let page = page(which.limit, which.starting_after.as_deref())?;
    let filter = WebhookFilter {
        kind: which.kind,
        since: which.since.map(|at| at.0),
        until: which.until.map(|at| at.0),
        ..named(which.gateway.as_deref(), which.status.as_deref())?
    };
    let found = http.billing.list_webhooks(&filter, page).await?;
    Ok(Json(List::of(found, page, Webhook::from)))
}

/// Shows all of a webhook: what came, every try, and what people did about it.
#[utoipa::path(get, path = "/api/admin/webhooks/{id}", tag = "Administration",
    params(("id" = Uuid, Path, description = "The webhook")),
    responses(
        (status = 200, description = "All that is known of it", body = Inspected),
        (status = 404, description = "`WEBHOOK_NOT_FOUND`"),
    ))]
pub(crate) async fn inspect(
    http: Data<Http>,
    id: Path<String>,
) -> Result<Json<Inspected>, Problem> {
    let id = id_in_path::<WebhookId>(&id, Missing::Webhook)?;
    Ok(Json(http.billing.inspect_webhook(id).await?.into()))
}

/// A filter by names.
pub(crate) fn named(gateway: Option<&str>, status: Option<&str>) -> Result<WebhookFilter, Problem> {
    let source = gateway.map(str::parse::<Source>).transpose();
    let source = source.map_err(|error| Problem::invalid("gateway", format!("({error})")))?;
    let status = status.map(|name| WebhookStatus::named(name).ok_or_else(no_status)).transpose()?;
    Ok(WebhookFilter { source, status, ..WebhookFilter::default() })
}

fn no_status() -> Problem {
    let names = WebhookStatus::ALL.map(WebhookStatus::name).join(", ");
    Problem::invalid("status", format!("must be one of {names}"))
}

impl From<WebhookRow> for Webhook {
    fn from(row: WebhookRow) -> Self {
        let WebhookRow {
            id,
            source,
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
            gateway: source.name(),
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

impl From<WebhookDetail> for Inspected {
    fn from(detail: WebhookDetail) -> Self {
        let WebhookDetail { row, subject, headers, body, done_at, tries, actions } = detail;
        let payload = serde_json::from_slice(&body);
        Self {
            webhook: row.into(),
            subject,
            headers,
            payload: payload.unwrap_or_else(|_| String::from_utf8_lossy(&body).into()),
            done_at: done_at.map(Moment),
            history: tries.into_iter().map(Try::from).collect(),
            actions: actions.into_iter().map(Action::from).collect(),
        }
    }
}

impl From<WebhookTry> for Try {
    fn from(WebhookTry { ended_at, outcome, error, duration }: WebhookTry) -> Self {
        let micros = duration.map(|it| u64::try_from(it.as_micros()).unwrap_or(u64::MAX));
        let (ended_at, outcome) = (Moment(ended_at), outcome.name());
        Self { ended_at, outcome, error, duration_us: micros }
    }
}

impl From<(Deed, WebhookAction)> for Action {
    fn from((deed, WebhookAction { id, at, actor, reason }): (Deed, WebhookAction)) -> Self {
        Self { id, at: Moment(at), action: deed.name(), actor, reason }
    }
}
