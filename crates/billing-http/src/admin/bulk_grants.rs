//! An operator gives credits to many organizations at once.

use actix_web::web::{Data, Json};
use billing_app::{GrantToMany, GrantedToMany};
use billing_domain::{credits::GrantKind, id::OrganizationId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    body::Large, idempotency::GivenKey, moment::Moment, problem::Problem, quantity::Quantity,
    state::Http,
};

/// Why credits are given.
#[derive(Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Reason {
    /// To win or to thank.
    Promotional,
    /// To put something right.
    Adjustment,
}

/// The same credits for each of many organizations.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "organization_ids": ["0192d3a4-0000-7000-8000-00000000000a", "0192d3a4-0000-7000-8000-00000000000b"], "kind": "promotional", "amount": 100, "idempotency_key": "spring" }))]
pub(crate) struct GiveToMany {
    /// To whom: from 1 to 10 000.
    #[schema(value_type = Vec<Uuid>)]
    organization_ids: Vec<OrganizationId>,
    kind: Reason,
    /// How many credits to each.
    amount: Quantity,
    /// From when; now by default.
    starts_at: Option<Moment>,
    /// Before when they must be used; by default they never expire.
    expires_at: Option<Moment>,
    /// The same as the header `Idempotency-Key`; one of them is required. Each organization is
    /// given to once under it, so that a request that broke off can be sent again.
    #[schema(min_length = 1, max_length = 255)]
    idempotency_key: Option<String>,
}

/// What became of it.
#[derive(Serialize, ToSchema)]
pub(crate) struct GivenToMany {
    /// To how many it was given now.
    given: usize,
    /// To how many it had been given before, under this key.
    already: usize,
    /// To whom it was not given.
    failed: Vec<NotGiven>,
}

/// To whom it was not given, and why.
#[derive(Serialize, ToSchema)]
pub(crate) struct NotGiven {
    /// The place in `organization_ids`, from 0.
    index: usize,
    organization_id: Uuid,
    #[schema(example = "ORGANIZATION_NOT_FOUND")]
    code: &'static str,
    message: String,
}

/// Gives the same credits to each of many organizations.
///
/// One that cannot be given to holds up no other: it comes back with its place and the reason.
#[utoipa::path(post, path = "/api/admin/grants", tag = "Administration",
    request_body = GiveToMany,
    responses((status = 200, description = "What became of it", body = GivenToMany)))]
pub(crate) async fn give(
    http: Data<Http>,
    key: GivenKey,
    Large(body): Large<GiveToMany>,
) -> Result<Json<GivenToMany>, Problem> {
    let key = key.or(body.idempotency_key)?;
    let request = GrantToMany {
        organizations: body.organization_ids,
        kind: match body.kind {
            Reason::Promotional => GrantKind::Promotional,
            Reason::Adjustment => GrantKind::Adjustment,
        },
        amount: body.amount.signed(),
        starts_at: body.starts_at.map(|at| at.0),
        expires_at: body.expires_at.map(|at| at.0),
        key: key.ok_or_else(|| Problem::invalid("idempotency_key", "is required"))?,
    };
    let granted = http.to_the_end(|it| async move { it.grant_to_many(request).await });
    let GrantedToMany { given, already, failed } = granted.await?;
    let failed = failed.into_iter().map(|(index, organization, error)| {
        let problem = Problem::from(error);
        problem.log();
        let (code, message) = (problem.entry().code, problem.message().to_owned());
        NotGiven { index, organization_id: organization.0, code, message }
    });
    Ok(Json(GivenToMany { given, already, failed: failed.collect() }))
}
