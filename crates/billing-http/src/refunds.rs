//! Credits that were used are given back; credits are given to others.

use actix_web::{HttpResponse, web::Data};
use billing_app::{RefundRequest, TransferAnswer, TransferRequest};
use billing_domain::{
    credits::{DrawRef, Refunded, Sent, Touch},
    id::{DecisionId, OrganizationId},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    auth::Known,
    body::Body,
    credit_ledger::Part,
    credits::not_enough,
    idempotency::{GivenKey, answer},
    problem::Problem,
    quantity::Quantity,
    state::Http,
};

/// What to give back: a use of credits, by its row or its decision.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "seq": 2, "amount": 10, "idempotency_key": "complaint-5" }))]
pub(crate) struct Refund {
    /// To whom; by default the organization of the key.
    #[schema(value_type = Option<Uuid>)]
    organization_id: Option<OrganizationId>,
    /// The `seq` of the use.
    seq: Option<Quantity>,
    /// The `decision_id` of the use, where its `seq` is not given.
    #[schema(value_type = Option<Uuid>)]
    decision_id: Option<DecisionId>,
    /// How many credits; all that are left of it by default.
    amount: Option<Quantity>,
    /// The same as the header `Idempotency-Key`; one is made where there is none.
    #[schema(min_length = 1, max_length = 255)]
    idempotency_key: Option<String>,
}

/// It is given back.
#[derive(Serialize, ToSchema)]
pub(crate) struct GivenBack {
    decision_id: Uuid,
    /// The row in the ledger.
    seq: i64,
    /// The row that is given back.
    refunds: i64,
    /// How many credits.
    amount: i64,
    /// The balance afterwards.
    balance: i64,
    /// To which grants.
    grants: Vec<Part>,
    idempotency_key: String,
}

/// Credits to give to another organization.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "organization_id": "0192d3a4-0000-7000-8000-00000000000a", "to_organization_id": "0192d3a4-0000-7000-8000-00000000000b", "amount": 10, "idempotency_key": "gift-3" }))]
pub(crate) struct Transfer {
    /// Who gives; by default the organization of the key.
    #[schema(value_type = Option<Uuid>)]
    organization_id: Option<OrganizationId>,
    /// Who receives.
    #[schema(value_type = Uuid)]
    to_organization_id: OrganizationId,
    /// How many credits.
    amount: Quantity,
    /// The same as the header `Idempotency-Key`; one is made where there is none.
    #[schema(min_length = 1, max_length = 255)]
    idempotency_key: Option<String>,
}

/// The credits have changed hands.
#[derive(Serialize, ToSchema)]
pub(crate) struct Transferred {
    decision_id: Uuid,
    to_organization_id: Uuid,
    /// The row in the ledger of the one who gave.
    seq: i64,
    amount: i64,
    /// The balance afterwards of the one who gave.
    balance: i64,
    idempotency_key: String,
}

/// Gives back what was used, to the grants from which it came.
///
/// Never more than was used, all in all. What returns to a grant that has expired meanwhile
/// expires at once.
#[utoipa::path(post, path = "/api/billing/credits/refunds", tag = "Credits",
    request_body = Refund,
    responses(
        (status = 201, description = "It is given back", body = GivenBack),
        (status = 404, description = "`DRAW_NOT_FOUND`, `ORGANIZATION_NOT_FOUND`"),
        (status = 422, description = "`REFUND_EXCEEDED`, `IDEMPOTENCY_KEY_REUSED`"),
    ))]
pub(crate) async fn refund(
    http: Data<Http>,
    caller: Known,
    key: GivenKey,
    Body(body): Body<Refund>,
) -> Result<HttpResponse, Problem> {
    let draw = match (body.seq, body.decision_id) {
        (Some(seq), None) => DrawRef::Row(seq.signed()),
        (None, Some(decision)) => DrawRef::Decision(decision),
        _ => return Err(Problem::invalid("seq", "or `decision_id` must say what is given back")),
    };
    let request = RefundRequest {
        organization_id: caller.organization(body.organization_id)?,
        draw,
        amount: body.amount.map(Quantity::signed),
        key: key.or(body.idempotency_key)?,
    };
    let done = http.to_the_end(|it| async move { it.refund_credits(request).await });
    let (key, Refunded { decision, seq, draw, amount, balance_after, touched, replayed }) =
        done.await?;
    let back = GivenBack {
        decision_id: decision.0,
        seq,
        refunds: draw,
        amount,
        balance: balance_after,
        grants: touched.into_iter().map(|touch: Touch| Part::from(touch)).collect(),
        idempotency_key: key.as_str().to_owned(),
    };
    Ok(answer(HttpResponse::Created(), replayed).json(back))
}

/// Gives credits to another organization; they keep their kind and their end.
///
/// Both accounts change or none. Nobody gives away what is owed or held.
#[utoipa::path(post, path = "/api/billing/credits/transfers", tag = "Credits",
    request_body = Transfer,
    responses(
        (status = 201, description = "They have changed hands", body = Transferred),
        (status = 402, description = "`INSUFFICIENT_CREDITS`: nothing was given"),
        (status = 404, description = "`ORGANIZATION_NOT_FOUND`"),
        (status = 422, description = "`IDEMPOTENCY_KEY_REUSED`"),
    ))]
pub(crate) async fn transfer(
    http: Data<Http>,
    caller: Known,
    key: GivenKey,
    Body(body): Body<Transfer>,
) -> Result<HttpResponse, Problem> {
    let (from, to) = (caller.organization(body.organization_id)?, body.to_organization_id);
    caller.organization(Some(to))?;
    let key = key.or(body.idempotency_key)?;
    let request = TransferRequest { from, to, amount: body.amount.signed(), key };
    match http.to_the_end(|it| async move { it.transfer_credits(request).await }).await? {
        TransferAnswer::Denied(denial) => Err(not_enough(&http, from, &denial).await),
        TransferAnswer::Sent { key, sent } => {
            let Sent { decision, seq, amount, balance_after, taken: _, replayed } = sent;
            let transferred = Transferred {
                decision_id: decision.0,
                to_organization_id: to.0,
                seq,
                amount,
                balance: balance_after,
                idempotency_key: key.as_str().to_owned(),
            };
            Ok(answer(HttpResponse::Created(), replayed).json(transferred))
        }
    }
}
