//! Keys of the API: made, shown once, revoked.

use actix_web::{
    HttpResponse,
    web::{Data, Json, Path},
};
use billing_app::{
    Missing, NewApiKey, NewKey,
    ports::{ApiKey as Record, Scopes},
};
use billing_domain::id::{ApiKeyId, OrganizationId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    body::{Body, Params, id_in_path},
    idempotency::RememberInstead,
    moment::Moment,
    page::{List, Paging, page},
    problem::Problem,
    state::Http,
};

/// A key of the API, without its secret.
#[derive(Clone, Serialize, ToSchema)]
pub(crate) struct ApiKey {
    id: Uuid,
    #[schema(example = "backend")]
    name: String,
    /// The part that may be shown, and that stands in logs.
    public: String,
    #[schema(example = json!(["read", "write"]))]
    scopes: Vec<&'static str>,
    /// The one organization it is for; nothing for all.
    organization_id: Option<Uuid>,
    created_at: Moment,
    revoked_at: Option<Moment>,
}

/// A key that was made.
#[derive(Serialize, ToSchema)]
pub(crate) struct CreatedApiKey {
    #[serde(flatten)]
    key: ApiKey,
    /// The key itself. It is shown now and never again: a replayed answer has null here.
    token: Option<String>,
}

/// A key to make.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "name": "backend", "scopes": ["read", "write"] }))]
pub(crate) struct Create {
    #[schema(example = "backend", min_length = 1, max_length = 100)]
    name: String,
    /// `read`, `write`, `admin`.
    #[schema(example = json!(["read", "write"]))]
    scopes: Vec<String>,
    /// The one organization it is for; nothing for all.
    #[schema(value_type = Option<Uuid>)]
    organization_id: Option<OrganizationId>,
}

/// Makes a key. Its `token` is shown in this answer and never again.
#[utoipa::path(post, path = "/api/admin/api-keys", tag = "Administration",
    request_body = Create,
    responses(
        (status = 201, description = "The key", body = CreatedApiKey),
        (status = 404, description = "`ORGANIZATION_NOT_FOUND`"),
        (status = 422, description = "`IDEMPOTENCY_KEY_REUSED`"),
    ))]
pub(crate) async fn create(
    http: Data<Http>,
    Body(body): Body<Create>,
) -> Result<HttpResponse, Problem> {
    let NewKey { key, token } = http.billing.create_api_key(body.request()?).await?;
    let key = ApiKey::from(key);
    let shown = CreatedApiKey { key: key.clone(), token: Some(token) };
    let kept = serde_json::to_value(CreatedApiKey { key, token: None });
    let mut answer = HttpResponse::Created().json(shown);
    answer.extensions_mut().insert(RememberInstead(kept.unwrap_or_default()));
    Ok(answer)
}

/// Lists keys, the newest first.
#[utoipa::path(get, path = "/api/admin/api-keys", tag = "Administration",
    params(Paging),
    responses((status = 200, description = "A page of them", body = List<ApiKey>)))]
pub(crate) async fn list(
    http: Data<Http>,
    Params(paging): Params<Paging>,
) -> Result<Json<List<ApiKey>>, Problem> {
    let page = page(paging.limit, paging.starting_after.as_deref())?;
    let found = http.billing.api_keys(page).await?;
    Ok(Json(List::of(found, page, ApiKey::from)))
}

/// Ends a key; it may be believed for a second longer. Ending it twice is harmless.
#[utoipa::path(delete, path = "/api/admin/api-keys/{id}", tag = "Administration",
    params(("id" = Uuid, Path, description = "The key")),
    responses(
        (status = 200, description = "The key, ended", body = ApiKey),
        (status = 404, description = "`API_KEY_NOT_FOUND`"),
    ))]
pub(crate) async fn revoke(http: Data<Http>, id: Path<String>) -> Result<Json<ApiKey>, Problem> {
    let id = id_in_path::<ApiKeyId>(&id, Missing::ApiKey)?;
    Ok(Json(http.billing.revoke_api_key(id).await?.into()))
}

impl Create {
    fn request(self) -> Result<NewApiKey, Problem> {
        let scopes = self.scopes.join(" ").parse::<Scopes>();
        let scopes =
            scopes.map_err(|unknown| Problem::invalid("scopes", format!(": {unknown}")))?;
        Ok(NewApiKey { name: self.name, scopes, organization_id: self.organization_id })
    }
}

impl From<Record> for ApiKey {
    fn from(key: Record) -> Self {
        let Record { id, name, public, digest: _, scopes, organization_id, created_at, revoked_at } =
            key;
        Self {
            id: id.0,
            name,
            public,
            scopes: scopes.names(),
            organization_id: organization_id.map(|id| id.0),
            created_at: Moment(created_at),
            revoked_at: revoked_at.map(Moment),
        }
    }
}
