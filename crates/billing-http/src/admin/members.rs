//! Who belongs to an organization.

use actix_web::web::{Data, Json};
use billing_domain::identity::Member as Record;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{auth::Owned, moment::Moment, page::List, problem::Problem, state::Http};

/// A member of an organization.
#[derive(Serialize, ToSchema)]
pub(crate) struct Member {
    /// Who knows the user.
    #[schema(example = "clerk")]
    provider: &'static str,
    /// The provider's id of the user: the subject of that user's tokens.
    #[schema(example = "user_2h8op3Isl1QR7tKu5FGNfaLKEoU")]
    user_id: String,
    /// `owner`, `admin`, `member` or `viewer`.
    #[schema(example = "admin")]
    role: &'static str,
    joined_at: Moment,
}

/// Lists the members of an organization, as its identity provider knows them.
#[utoipa::path(get, path = "/api/admin/organizations/{org_id}/members", tag = "Administration",
    params(("org_id" = Uuid, Path, description = "The organization")),
    responses(
        (status = 200, description = "All of them", body = List<Member>),
        (status = 404, description = "`ORGANIZATION_NOT_FOUND`"),
    ))]
pub(crate) async fn list(http: Data<Http>, whose: Owned) -> Result<Json<List<Member>>, Problem> {
    http.billing.organization(whose.0).await?;
    let members = http.billing.members(whose.0).await?;
    Ok(Json(List::all(members.into_iter().map(Member::from).collect())))
}

impl From<Record> for Member {
    fn from(Record { user, role, joined_at, .. }: Record) -> Self {
        let (provider, joined_at) = (user.provider.name(), Moment(joined_at));
        Self { provider, user_id: user.id, role: role.name(), joined_at }
    }
}
