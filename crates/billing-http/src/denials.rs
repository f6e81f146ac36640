//! What was denied, and why.

use actix_web::web::{Data, Json};
use billing_domain::usage::UsageDecision;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    auth::Owned,
    body::Params,
    moment::Moment,
    page::{List, Paging, page},
    problem::Problem,
    quota::name,
    state::Http,
};

/// A use that was checked and denied.
#[derive(Serialize, ToSchema)]
pub(crate) struct Denied {
    decision_id: Uuid,
    #[schema(example = "exports")]
    meter: String,
    /// How much was asked for.
    quantity: u64,
    /// `limit_reached`.
    #[schema(example = "limit_reached")]
    reason: &'static str,
    /// What the plan allowed.
    limit: Option<u64>,
    /// What was used then.
    used: u64,
    /// What bonuses had left then.
    bonus: u64,
    plan_version_id: Option<Uuid>,
    at: Moment,
}

/// Lists what was checked and denied, the newest first.
#[utoipa::path(get, path = "/api/billing/usage/{org_id}/denials", tag = "Usage",
    params(("org_id" = Uuid, Path, description = "The organization"), Paging),
    responses(
        (status = 200, description = "A page of them", body = List<Denied>),
        (status = 404, description = "`ORGANIZATION_NOT_FOUND`"),
    ))]
pub(crate) async fn list(
    http: Data<Http>,
    whose: Owned,
    Params(paging): Params<Paging>,
) -> Result<Json<List<Denied>>, Problem> {
    let page = page(paging.limit, paging.starting_after.as_deref())?;
    let found = http.billing.denials(whose.0, page).await?;
    Ok(Json(List::of(found, page, Denied::from)))
}

impl From<UsageDecision> for Denied {
    fn from(denial: UsageDecision) -> Self {
        let answer = denial.recomputed();
        let UsageDecision { decision, meter, quantity, plan_version_id, at, .. } = denial;
        Self {
            decision_id: decision.0,
            meter,
            quantity,
            reason: name(answer.reason),
            limit: answer.limit,
            used: answer.used,
            bonus: answer.bonus_remaining,
            plan_version_id: plan_version_id.map(|id| id.0),
            at: Moment(at),
        }
    }
}
