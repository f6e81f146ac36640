//! All that concerns an organization, on one page.

use actix_web::web::{Data, Json};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    admin::organizations::Organization, auth::Owned, credit_ledger::Credits, meters::Usage,
    problem::Problem, state::Http, subscription::Subscription,
};

/// All that concerns an organization.
#[derive(Serialize, ToSchema)]
pub(crate) struct Summary {
    organization: Organization,
    subscription: Subscription,
    credits: Credits,
    usage: Usage,
}

/// Says all that concerns an organization.
#[utoipa::path(get, path = "/api/billing/summary/{org_id}", tag = "Money",
    params(("org_id" = Uuid, Path, description = "The organization")),
    responses(
        (status = 200, description = "Its subscription, credits and usage", body = Summary),
        (status = 404, description = "`ORGANIZATION_NOT_FOUND`"),
    ))]
pub(crate) async fn of(http: Data<Http>, whose: Owned) -> Result<Json<Summary>, Problem> {
    let billing_app::Summary { entitlement, credits, meters } =
        http.billing.summary(whose.0).await?;
    let open = http.billing.open_changes(whose.0).await?;
    Ok(Json(Summary {
        subscription: Subscription::of(&entitlement, &open)?.with_trial(&http).await?,
        credits: Credits::of(whose.0, credits),
        usage: Usage::of(&entitlement, meters)?,
        organization: Organization::from(entitlement.organization),
    }))
}
