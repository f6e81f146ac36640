//! An operator sets what an organization's credits are decided by.

use actix_web::web::{Data, Json};
use billing_domain::credits::{DrawOrder, GrantKind, SettingsChange};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    auth::Owned, body::Body, credit_ledger::CreditSettings, problem::Problem, state::Http,
};

/// What to change; the rest stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "overdraft_limit": 500, "low_balance": 2000 }))]
pub(crate) struct Change {
    /// How many credits may be used beyond what there is.
    overdraft_limit: Option<i64>,
    /// In which order grants are used: each of the four kinds once.
    #[schema(value_type = Option<Vec<String>>)]
    draw_order: Option<[GrantKind; 4]>,
    /// Below which balance it is told; 0 for never.
    low_balance: Option<i64>,
    /// Likewise in percent of what the grants with something left gave; 0 for never.
    low_percent: Option<u8>,
}

/// Changes what an organization's credits are decided by.
///
/// Each change is a row of its ledger, so that every decision can be explained.
#[utoipa::path(patch, path = "/api/admin/organizations/{org_id}/credit-settings",
    tag = "Administration",
    params(("org_id" = Uuid, Path, description = "The organization")),
    request_body = Change,
    responses(
        (status = 200, description = "The settings from now on", body = CreditSettings),
        (status = 404, description = "`ORGANIZATION_NOT_FOUND`"),
    ))]
pub(crate) async fn change(
    http: Data<Http>,
    whose: Owned,
    Body(body): Body<Change>,
) -> Result<Json<CreditSettings>, Problem> {
    let Change { overdraft_limit, draw_order, low_balance, low_percent } = body;
    let order = draw_order.map(DrawOrder::try_from).transpose();
    let order = order.map_err(|error| Problem::invalid("draw_order", error))?;
    let change = SettingsChange { overdraft_limit, order, low_balance, low_percent };
    let settings = http.billing.configure_credits(whose.0, change).await?;
    Ok(Json(settings.into()))
}
