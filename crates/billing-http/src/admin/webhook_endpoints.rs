//! Where products want to be told: endpoints of one organization, or of all.

use actix_web::{
    HttpResponse,
    web::{Data, Json, Path},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use billing_app::{EndpointTerms, Missing, NewSecret};
use billing_domain::{
    id::{EndpointId, OrganizationId},
    webhook_endpoint::{DisabledFor, EndpointStatus, WebhookEndpoint},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    body::{Body, Params, id_in_path},
    idempotency::RememberInstead,
    moment::Moment,
    page::{List, page, ten},
    problem::Problem,
    state::Http,
};

/// Where a product wants to be told what happens.
#[derive(Clone, Serialize, ToSchema)]
pub(crate) struct Endpoint {
    id: Uuid,
    /// Whose events it is told; null for those of all.
    organization_id: Option<Uuid>,
    #[schema(example = "https://product.example/billing-events")]
    url: String,
    description: String,
    /// What it is told: types, or beginnings such as `trial.*`. Everything, where empty.
    #[schema(example = json!(["trial.*", "payment.updated"]))]
    event_types: Vec<String>,
    /// `enabled`; `paused`: what happens is kept for it, and sent when it is enabled; `disabled`:
    /// nothing is kept for it.
    #[schema(example = "enabled")]
    status: &'static str,
    /// Why it is disabled: `asked`, `gone` (it answered 410) or `failing` (for five days).
    disabled_for: Option<&'static str>,
    /// Since when every message to it has failed.
    failing_since: Option<Moment>,
    /// Until then the secret before the last rotation signs too.
    old_secret_until: Option<Moment>,
    created_at: Moment,
}

/// An endpoint with its secret.
#[derive(Serialize, ToSchema)]
pub(crate) struct EndpointWithSecret {
    #[serde(flatten)]
    endpoint: Endpoint,
    /// By which messages are signed, as Standard Webhooks says. It is shown now and never again: a
    /// replayed answer has null here.
    #[schema(example = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]
    secret: Option<String>,
}

/// An endpoint to make.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "url": "https://product.example/billing-events", "event_types": ["trial.*", "payment.updated"], "description": "The product's backend" }))]
pub(crate) struct CreateEndpoint {
    /// `https`, to a port that is allowed and an address of the internet.
    #[schema(max_length = 2000)]
    url: String,
    /// What it is told: types, or beginnings such as `trial.*`. Everything by default.
    #[serde(default)]
    event_types: Vec<String>,
    #[serde(default)]
    #[schema(max_length = 500)]
    description: String,
    /// The one organization whose events it is told; all by default.
    #[schema(value_type = Option<Uuid>)]
    organization_id: Option<OrganizationId>,
}

/// What is to be different about an endpoint; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "event_types": ["invoice.updated"], "status": "enabled" }))]
pub(crate) struct ChangeEndpoint {
    #[schema(max_length = 2000)]
    url: Option<String>,
    event_types: Option<Vec<String>>,
    #[schema(max_length = 500)]
    description: Option<String>,
    /// `enabled`, `paused` or `disabled`.
    #[schema(example = "enabled")]
    status: Option<String>,
}

/// Which endpoints.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct WhichEndpoints {
    /// Those of this organization; all by default.
    organization_id: Option<Uuid>,
    /// How many, from 1 to 100.
    #[serde(default = "ten")]
    #[param(minimum = 1, maximum = 100, default = 10)]
    limit: i64,
    /// The id of the last one on the page before.
    starting_after: Option<String>,
}

/// Makes an endpoint. Its `secret` is shown in this answer and never again.
#[utoipa::path(post, path = "/api/admin/webhook-endpoints", tag = "Webhooks",
    request_body = CreateEndpoint,
    responses(
        (status = 201, description = "The endpoint", body = EndpointWithSecret),
        (status = 404, description = "`ORGANIZATION_NOT_FOUND`"),
        (status = 422, description = "`NO_SECRET_KEY`, `IDEMPOTENCY_KEY_REUSED`"),
    ))]
pub(crate) async fn create(
    http: Data<Http>,
    Body(body): Body<CreateEndpoint>,
) -> Result<HttpResponse, Problem> {
    let CreateEndpoint { url, event_types, description, organization_id } = body;
    let terms = EndpointTerms {
        url: Some(url),
        description: Some(description),
        event_types: Some(event_types),
        status: None,
    };
    let made = http.billing.create_endpoint(organization_id, terms).await?;
    Ok(with_secret(HttpResponse::Created(), made))
}

/// Lists endpoints, the newest first.
#[utoipa::path(get, path = "/api/admin/webhook-endpoints", tag = "Webhooks",
    params(WhichEndpoints),
    responses((status = 200, description = "A page of them", body = List<Endpoint>)))]
pub(crate) async fn list(
    http: Data<Http>,
    Params(which): Params<WhichEndpoints>,
) -> Result<Json<List<Endpoint>>, Problem> {
    let page = page(which.limit, which.starting_after.as_deref())?;
    let organization = which.organization_id.map(OrganizationId);
    let found = http.billing.endpoints(organization, page).await?;
    Ok(Json(List::of(found, page, Endpoint::from)))
}

/// Shows an endpoint.
#[utoipa::path(get, path = "/api/admin/webhook-endpoints/{id}", tag = "Webhooks",
    params(("id" = Uuid, Path, description = "The endpoint")),
    responses(
        (status = 200, description = "The endpoint", body = Endpoint),
        (status = 404, description = "`WEBHOOK_ENDPOINT_NOT_FOUND`"),
    ))]
pub(crate) async fn one(http: Data<Http>, id: Path<String>) -> Result<Json<Endpoint>, Problem> {
    Ok(Json(http.billing.endpoint(endpoint_in_path(&id)?).await?.into()))
}

/// Changes an endpoint. One that is enabled begins anew: what failed before does not count.
#[utoipa::path(patch, path = "/api/admin/webhook-endpoints/{id}", tag = "Webhooks",
    params(("id" = Uuid, Path, description = "The endpoint")),
    request_body = ChangeEndpoint,
    responses(
        (status = 200, description = "The endpoint", body = Endpoint),
        (status = 404, description = "`WEBHOOK_ENDPOINT_NOT_FOUND`"),
    ))]
pub(crate) async fn change(
    http: Data<Http>,
    id: Path<String>,
    Body(body): Body<ChangeEndpoint>,
) -> Result<Json<Endpoint>, Problem> {
    let ChangeEndpoint { url, event_types, description, status } = body;
    let status = status.as_deref().map(status_named).transpose()?;
    let terms = EndpointTerms { url, description, event_types, status };
    Ok(Json(http.billing.change_endpoint(endpoint_in_path(&id)?, terms).await?.into()))
}

/// Removes an endpoint, with all that it was told.
#[utoipa::path(delete, path = "/api/admin/webhook-endpoints/{id}", tag = "Webhooks",
    params(("id" = Uuid, Path, description = "The endpoint")),
    responses(
        (status = 200, description = "The endpoint, as it was", body = Endpoint),
        (status = 404, description = "`WEBHOOK_ENDPOINT_NOT_FOUND`"),
    ))]
pub(crate) async fn remove(http: Data<Http>, id: Path<String>) -> Result<Json<Endpoint>, Problem> {
    let id = endpoint_in_path(&id)?;
    let endpoint = http.billing.endpoint(id).await?;
    http.billing.delete_endpoint(id).await?;
    Ok(Json(endpoint.into()))
}

/// Gives an endpoint a new `secret`, shown in this answer and never again. The one before signs for
/// 24 hours longer, beside it.
#[utoipa::path(post, path = "/api/admin/webhook-endpoints/{id}/rotate-secret", tag = "Webhooks",
    params(("id" = Uuid, Path, description = "The endpoint")),
    responses(
        (status = 200, description = "The endpoint", body = EndpointWithSecret),
        (status = 404, description = "`WEBHOOK_ENDPOINT_NOT_FOUND`"),
        (status = 422, description = "`NO_SECRET_KEY`, `IDEMPOTENCY_KEY_REUSED`"),
    ))]
pub(crate) async fn rotate_secret(
    http: Data<Http>,
    id: Path<String>,
) -> Result<HttpResponse, Problem> {
    let rotated = http.billing.rotate_endpoint_secret(endpoint_in_path(&id)?).await?;
    Ok(with_secret(HttpResponse::Ok(), rotated))
}

fn with_secret(
    mut answer: actix_web::HttpResponseBuilder,
    NewSecret { endpoint, secret }: NewSecret,
) -> HttpResponse {
    let endpoint = Endpoint::from(endpoint);
    let secret = Some(format!("whsec_{}", STANDARD.encode(secret)));
    let kept =
        serde_json::to_value(EndpointWithSecret { endpoint: endpoint.clone(), secret: None });
    let mut answer = answer.json(EndpointWithSecret { endpoint, secret });
    answer.extensions_mut().insert(RememberInstead(kept.unwrap_or_default()));
    answer
}

/// The endpoint that a path names.
pub(crate) fn endpoint_in_path(id: &str) -> Result<EndpointId, Problem> {
    id_in_path::<EndpointId>(id, Missing::WebhookEndpoint)
}

fn status_named(name: &str) -> Result<EndpointStatus, Problem> {
    match name {
        "enabled" => Ok(EndpointStatus::Enabled),
        "paused" => Ok(EndpointStatus::Paused),
        "disabled" => Ok(EndpointStatus::Disabled(DisabledFor::Asked)),
        _ => Err(Problem::invalid("status", "must be one of enabled, paused, disabled")),
    }
}

impl From<WebhookEndpoint> for Endpoint {
    fn from(endpoint: WebhookEndpoint) -> Self {
        let disabled_for = match endpoint.status {
            EndpointStatus::Enabled | EndpointStatus::Paused => None,
            EndpointStatus::Disabled(why) => Some(why.name()),
        };
        Self {
            id: endpoint.id.0,
            organization_id: endpoint.organization_id.map(|id| id.0),
            url: endpoint.url,
            description: endpoint.description,
            event_types: endpoint.event_types,
            status: endpoint.status.name(),
            disabled_for,
            failing_since: endpoint.failing_since.map(Moment),
            old_secret_until: endpoint.old_secret_until.map(Moment),
            created_at: Moment(endpoint.created_at),
        }
    }
}
