//! Where the meters of an organization stand.

use actix_web::web::{Data, Json};
use billing_app::{Entitlement, MeterReport};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    auth::{Known, Owned},
    body::Params,
    problem::Problem,
    quota::Standing,
    state::Http,
    subscriptions::Whose,
};

/// Where every meter of an organization stands.
#[derive(Serialize, ToSchema)]
pub(crate) struct Usage {
    organization_id: Uuid,
    /// The plan whose limits hold.
    #[schema(example = "starter")]
    plan: String,
    meters: Vec<Meter>,
}

/// Where a meter stands; `allowed` is about one more.
#[derive(Serialize, ToSchema)]
pub(crate) struct Meter {
    #[schema(example = "api_calls")]
    meter: String,
    name: String,
    #[serde(flatten)]
    standing: Standing,
}

/// Says where every meter of an organization stands.
#[utoipa::path(get, path = "/api/billing/usage/{org_id}", tag = "Usage",
    params(("org_id" = Uuid, Path, description = "The organization")),
    responses(
        (status = 200, description = "All its meters", body = Usage),
        (status = 404, description = "`ORGANIZATION_NOT_FOUND`"),
    ))]
pub(crate) async fn of(http: Data<Http>, whose: Owned) -> Result<Json<Usage>, Problem> {
    let entitlement = http.billing.entitlement(whose.0).await?;
    let meters = http.billing.meters(&entitlement).await?;
    Ok(Json(Usage::of(&entitlement, meters)?))
}

/// Says where every meter of the organization of the key, or the named one, stands.
#[utoipa::path(get, path = "/api/billing/usage", tag = "Usage",
    params(Whose),
    responses(
        (status = 200, description = "All its meters", body = Usage),
        (status = 404, description = "`ORGANIZATION_NOT_FOUND`"),
    ))]
pub(crate) async fn own(
    http: Data<Http>,
    caller: Known,
    Params(whose): Params<Whose>,
) -> Result<Json<Usage>, Problem> {
    let entitlement = http.billing.entitlement(caller.organization(whose.organization_id)?).await?;
    let meters = http.billing.meters(&entitlement).await?;
    Ok(Json(Usage::of(&entitlement, meters)?))
}

impl Usage {
    pub(crate) fn of(entitlement: &Entitlement, meters: Vec<MeterReport>) -> Result<Self, Problem> {
        let (plan, _) = entitlement.plan()?;
        Ok(Self {
            organization_id: entitlement.organization.id.0,
            plan: plan.key.clone(),
            meters: meters.into_iter().map(Meter::from).collect(),
        })
    }
}

impl From<MeterReport> for Meter {
    fn from(report: MeterReport) -> Self {
        let MeterReport { meter, name, answer } = report;
        Self { meter, name, standing: Standing::from(answer) }
    }
}
