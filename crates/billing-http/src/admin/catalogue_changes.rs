//! What people did to the catalogue.

use actix_web::web::{Data, Json};
use billing_app::ports::CatalogueChange;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    body::Params,
    moment::Moment,
    page::{List, Paging, page},
    problem::Problem,
    state::Http,
};

/// What somebody did to the catalogue.
#[derive(Serialize, ToSchema)]
pub(crate) struct Change {
    id: Uuid,
    at: Moment,
    /// Who did it.
    #[schema(example = "api_key k3x9")]
    actor: String,
    reason: String,
    /// What was done, in a word.
    #[schema(example = "discount")]
    what: String,
    /// What is different since: `+` what was added, `~` what was changed, `-` what was ended.
    lines: Vec<String>,
}

/// Lists what people did to the catalogue, the latest first.
#[utoipa::path(get, path = "/api/admin/catalogue/changes", tag = "Administration",
    params(Paging),
    responses((status = 200, description = "A page of it", body = List<Change>)))]
pub(crate) async fn list(
    http: Data<Http>,
    Params(paging): Params<Paging>,
) -> Result<Json<List<Change>>, Problem> {
    let page = page(paging.limit, paging.starting_after.as_deref())?;
    let found = http.billing.catalogue_changes(page).await?;
    Ok(Json(List::of(found, page, |change| {
        let CatalogueChange { id, at, actor, reason, what, lines } = change;
        Change { id, at: Moment(at), actor, reason, what, lines }
    })))
}
