//! An operator gives credits, or more of a meter.

use actix_web::{HttpResponse, web::Data};
use billing_app::{Error, GiveBonus, GrantCredits};
use billing_domain::{credits::GrantKind, id::OrganizationId, usage::Bonus};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    auth::Owned, body::Body, idempotency::GivenKey, moment::Moment, problem::Problem,
    quantity::Quantity, state::Http,
};

/// What is given.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// Credits, to win or to thank.
    Promotional,
    /// Credits, to put something right.
    Adjustment,
    /// More of a meter than the plan allows.
    Bonus,
}

/// Something to give.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "kind": "promotional", "amount": 500, "idempotency_key": "welcome-acme" }))]
pub(crate) struct Give {
    kind: Kind,
    /// How many credits, or how much of the meter.
    amount: Quantity,
    /// Of what; for a bonus only.
    #[schema(example = "ai_generations")]
    meter: Option<String>,
    /// Why, in a few words; for a bonus only.
    reason: Option<String>,
    /// From when; now by default; for credits only.
    starts_at: Option<Moment>,
    /// Before when it must be used. Credits never expire by default, a bonus after 30 days.
    expires_at: Option<Moment>,
    /// The same as the header `Idempotency-Key`.
    #[schema(min_length = 1, max_length = 255)]
    idempotency_key: Option<String>,
}

/// What was given.
#[derive(Serialize, ToSchema)]
pub(crate) struct Given {
    id: Uuid,
    organization_id: Uuid,
    kind: Kind,
    amount: u64,
    meter: Option<String>,
    reason: Option<String>,
    /// Nothing for what may be used from now on.
    starts_at: Option<Moment>,
    /// Nothing for what never expires.
    expires_at: Option<Moment>,
}

/// Gives an organization credits, or more of a meter.
#[utoipa::path(post, path = "/api/admin/organizations/{org_id}/grants", tag = "Administration",
    params(("org_id" = Uuid, Path, description = "The organization")),
    request_body = Give,
    responses(
        (status = 201, description = "It is given", body = Given),
        (status = 404, description = "`ORGANIZATION_NOT_FOUND`, `METER_NOT_FOUND`"),
        (status = 422, description = "`IDEMPOTENCY_KEY_REUSED`"),
    ))]
pub(crate) async fn give(
    http: Data<Http>,
    to: Owned,
    key: GivenKey,
    Body(body): Body<Give>,
) -> Result<HttpResponse, Problem> {
    let given = match body.kind {
        Kind::Promotional => credits(&http, to.0, GrantKind::Promotional, (body, key)).await?,
        Kind::Adjustment => credits(&http, to.0, GrantKind::Adjustment, (body, key)).await?,
        Kind::Bonus => bonus(&http, to.0, body).await?,
    };
    Ok(HttpResponse::Created().json(given))
}

async fn credits(
    http: &Http,
    to: OrganizationId,
    kind: GrantKind,
    (body, key): (Give, GivenKey),
) -> Result<Given, Problem> {
    let only = |field| Error::invalid(field, "is for a bonus only");
    let Give { kind: named, amount, meter, reason, starts_at, expires_at, idempotency_key } = body;
    meter.map_or(Ok(()), |_| Err(only("meter")))?;
    reason.map_or(Ok(()), |_| Err(only("reason")))?;
    let request = GrantCredits {
        organization_id: to,
        kind,
        amount: amount.signed(),
        starts_at: starts_at.map(|at| at.0),
        expires_at: expires_at.map(|at| at.0),
        key: key.or(idempotency_key)?,
    };
    let (id, _) = http.billing.grant_credits(request).await?;
    Ok(Given {
        id: id.0,
        organization_id: to.0,
        kind: named,
        amount: amount.count(),
        meter: None,
        reason: None,
        starts_at,
        expires_at,
    })
}

async fn bonus(http: &Http, to: OrganizationId, body: Give) -> Result<Given, Problem> {
    let required = |field| Error::invalid(field, "is required for a bonus");
    let Give { kind, amount, meter, reason, starts_at, expires_at, idempotency_key: _ } = body;
    if starts_at.is_some() {
        return Err(Error::invalid("starts_at", "is for credits only").into());
    }
    let request = GiveBonus {
        organization_id: to,
        meter: meter.ok_or_else(|| required("meter"))?,
        amount: amount.count(),
        reason: reason.ok_or_else(|| required("reason"))?,
        expires_at: expires_at.map(|at| at.0),
    };
    let bonus = http.billing.give_bonus(request).await?;
    let Bonus { id, meter, amount, remaining: _, reason, expires_at, created_at: _ } = bonus;
    Ok(Given {
        id: id.0,
        organization_id: to.0,
        kind,
        amount,
        meter: Some(meter),
        reason: Some(reason),
        starts_at: None,
        expires_at: Some(Moment(expires_at)),
    })
}
