//! Credits reserved for what is about to happen, and what becomes of them.

use actix_web::{
    HttpResponse,
    web::{Data, Path},
};
use billing_app::{Error, HoldAnswer, HoldRequest, HowMuch, Missing};
use billing_domain::{
    credits::{Held, IdempotencyKey, Released, Settled},
    id::{HoldId, OrganizationId},
};
use serde::{Deserialize, Serialize};
use time::Duration;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    auth::Known,
    body::Body,
    credits::{Drawn, not_enough},
    idempotency::{GivenKey, answer},
    moment::Moment,
    problem::Problem,
    quantity::Quantity,
    state::Http,
};

/// Credits to reserve: so many of an event, or so many credits.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "event": "ai_inference", "quantity": 4, "ttl_seconds": 600, "idempotency_key": "answer-81" }))]
pub(crate) struct Hold {
    /// Whose; by default the organization of the key.
    #[schema(value_type = Option<Uuid>)]
    organization_id: Option<OrganizationId>,
    /// The name of the credit event.
    #[schema(example = "ai_inference")]
    event: String,
    /// At most so many of it; one by default. Either this or `amount`.
    quantity: Option<Quantity>,
    /// At most so many credits.
    amount: Option<Quantity>,
    /// After how many seconds what is not settled returns; 900 by default, 30 days at most.
    #[schema(minimum = 1, maximum = 2_592_000)]
    ttl_seconds: Option<u32>,
    /// The same as the header `Idempotency-Key`; one is made where there is none.
    #[schema(min_length = 1, max_length = 255)]
    idempotency_key: Option<String>,
}

/// The credits are reserved.
#[derive(Serialize, ToSchema)]
pub(crate) struct Reserved {
    organization_id: Uuid,
    hold_id: Uuid,
    /// The same as `hold_id`.
    decision_id: Uuid,
    event: String,
    /// How many credits.
    amount: i64,
    /// When what is not settled returns.
    expires_at: Moment,
    /// The row in the ledger.
    seq: i64,
    /// Of which grants, and how many credits of each; what is missing to the amount is overdraft.
    grants: Vec<Drawn>,
    idempotency_key: String,
}

/// What to use of it.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "amount": 60 }))]
pub(crate) struct Settle {
    /// Whose; by default the organization of the key.
    #[schema(value_type = Option<Uuid>)]
    organization_id: Option<OrganizationId>,
    /// How many credits; all that is held by default. The rest returns.
    amount: Option<Quantity>,
}

/// What was held is used.
#[derive(Serialize, ToSchema)]
pub(crate) struct Used {
    hold_id: Uuid,
    decision_id: Uuid,
    /// How many credits were used.
    settled: i64,
    /// How many returned.
    returned: i64,
    /// The balance afterwards.
    balance: i64,
    /// The row in the ledger.
    seq: i64,
}

/// Whose it is.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({}))]
pub(crate) struct Release {
    /// Whose; by default the organization of the key.
    #[schema(value_type = Option<Uuid>)]
    organization_id: Option<OrganizationId>,
}

/// What was held has returned.
#[derive(Serialize, ToSchema)]
pub(crate) struct Returned {
    hold_id: Uuid,
    decision_id: Uuid,
    /// How many credits returned.
    returned: i64,
    /// The row in the ledger.
    seq: i64,
}

/// Reserves credits for what is about to happen, all or nothing.
///
/// Nobody else can use them; the balance stays until they are settled. A key is decided once.
#[utoipa::path(post, path = "/api/billing/credits/holds", tag = "Credits",
    request_body = Hold,
    responses(
        (status = 201, description = "The credits are reserved", body = Reserved),
        (status = 402, description = "`INSUFFICIENT_CREDITS`: nothing is reserved"),
        (status = 404, description = "`ORGANIZATION_NOT_FOUND`, `CREDIT_EVENT_NOT_FOUND`"),
        (status = 422, description = "`CREDIT_EVENT_INACTIVE`, `IDEMPOTENCY_KEY_REUSED`"),
    ))]
pub(crate) async fn hold(
    http: Data<Http>,
    caller: Known,
    key: GivenKey,
    Body(body): Body<Hold>,
) -> Result<HttpResponse, Problem> {
    let event = body.event.clone();
    let request = body.request(&caller, key)?;
    let organization = request.organization_id;
    match http.to_the_end(|it| async move { it.hold_credits(request).await }).await? {
        HoldAnswer::Held { key, held } => Ok(reserved((organization, event), &key, held)),
        HoldAnswer::Denied(denial) => Err(not_enough(&http, organization, &denial).await),
    }
}

/// Uses what is held, or a part of it; the rest returns.
///
/// A hold resolves once. Settling for the same amount again gives the same answer.
#[utoipa::path(post, path = "/api/billing/credits/holds/{id}/settle", tag = "Credits",
    params(("id" = Uuid, Path, description = "The hold")),
    request_body = Settle,
    responses(
        (status = 200, description = "It is used", body = Used),
        (status = 404, description = "`HOLD_NOT_FOUND`, `ORGANIZATION_NOT_FOUND`"),
        (status = 409, description = "`HOLD_RESOLVED`: it was settled for another amount, released, or timed out"),
        (status = 422, description = "`HOLD_EXCEEDED`: more than is held"),
    ))]
pub(crate) async fn settle(
    http: Data<Http>,
    caller: Known,
    id: Path<String>,
    Body(body): Body<Settle>,
) -> Result<HttpResponse, Problem> {
    let (organization, id) = (caller.organization(body.organization_id)?, named(&id)?);
    let amount = body.amount.map(Quantity::signed);
    let settled =
        http.to_the_end(move |it| async move { it.settle_hold(organization, id, amount).await });
    let Settled { hold, seq, settled, returned, balance_after, replayed } = settled.await?;
    let (hold_id, decision_id, balance) = (hold.0, hold.0, balance_after);
    let used = Used { hold_id, decision_id, settled, returned, balance, seq };
    Ok(answer(HttpResponse::Ok(), replayed).json(used))
}

/// Returns what is held.
///
/// Releasing again gives the same answer.
#[utoipa::path(post, path = "/api/billing/credits/holds/{id}/release", tag = "Credits",
    params(("id" = Uuid, Path, description = "The hold")),
    request_body = Release,
    responses(
        (status = 200, description = "It has returned", body = Returned),
        (status = 404, description = "`HOLD_NOT_FOUND`, `ORGANIZATION_NOT_FOUND`"),
        (status = 409, description = "`HOLD_RESOLVED`: it was settled, or timed out"),
    ))]
pub(crate) async fn release(
    http: Data<Http>,
    caller: Known,
    id: Path<String>,
    Body(body): Body<Release>,
) -> Result<HttpResponse, Problem> {
    let (organization, id) = (caller.organization(body.organization_id)?, named(&id)?);
    let released =
        http.to_the_end(move |it| async move { it.release_hold(organization, id).await });
    let Released { hold, seq, returned, replayed } = released.await?;
    let returned = Returned { hold_id: hold.0, decision_id: hold.0, returned, seq };
    Ok(answer(HttpResponse::Ok(), replayed).json(returned))
}

impl Hold {
    fn request(self, caller: &Known, key: GivenKey) -> Result<HoldRequest, Problem> {
        let how_much = match (self.quantity, self.amount) {
            (Some(_), Some(_)) => {
                return Err(Problem::invalid("amount", "and `quantity` exclude each other"));
            }
            (_, Some(amount)) => HowMuch::Credits(amount.signed()),
            (quantity, None) => HowMuch::Events(quantity.unwrap_or_default().signed()),
        };
        Ok(HoldRequest {
            organization_id: caller.organization(self.organization_id)?,
            event: self.event,
            how_much,
            time_to_live: self.ttl_seconds.map(|seconds| Duration::seconds(seconds.into())),
            key: key.or(self.idempotency_key)?,
        })
    }
}

/// The hold in the path. What is no id is not there.
fn named(id: &str) -> Result<HoldId, Error> {
    id.parse().map_err(|_| Error::NotFound(Missing::Hold))
}

fn reserved(
    (organization, event): (OrganizationId, String),
    key: &IdempotencyKey,
    held: Held,
) -> HttpResponse {
    let Held { hold, seq, amount, until, touched, replayed } = held;
    let reserved = Reserved {
        organization_id: organization.0,
        hold_id: hold.0,
        decision_id: hold.0,
        event,
        amount,
        expires_at: Moment(until),
        seq,
        grants: Drawn::from(&touched),
        idempotency_key: key.as_str().to_owned(),
    };
    answer(HttpResponse::Created(), replayed).json(reserved)
}
