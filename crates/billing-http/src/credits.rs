//! Credits: what there is, what happened, and using them.

use actix_web::{
    HttpResponse,
    web::{Data, Json},
};
use billing_app::{ConsumeAnswer, ConsumeRequest, CreditDenial, TopUp};
use billing_domain::{
    credits::{Consumed, Denied, IdempotencyKey, Touch},
    id::OrganizationId,
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    auth::{Known, Owned},
    body::{Body, Params},
    codes::Code,
    credit_csv::{self, Format, Wanted},
    credit_ledger::{Credits, Transaction},
    idempotency::{GivenKey, answer},
    money::Money,
    page::{List, page},
    problem::Problem,
    quantity::Quantity,
    state::Http,
};

/// Something that costs credits.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "event": "ai_inference", "quantity": 2, "idempotency_key": "request-7f3a" }))]
pub(crate) struct Consume {
    /// Who uses them; by default the organization of the key.
    #[schema(value_type = Option<Uuid>)]
    organization_id: Option<OrganizationId>,
    /// The name of the credit event.
    #[schema(example = "ai_inference")]
    event: String,
    /// How many of it.
    #[serde(default)]
    quantity: Quantity,
    /// The same as the header `Idempotency-Key`; one is made where there is none.
    #[schema(min_length = 1, max_length = 255, example = "request-7f3a")]
    idempotency_key: Option<String>,
}

/// The credits were used.
#[derive(Serialize, ToSchema)]
pub(crate) struct Decision {
    decision_id: Uuid,
    allowed: bool,
    event: String,
    quantity: u64,
    /// In credits.
    cost: i64,
    /// What is left.
    balance: i64,
    /// The row in the ledger.
    seq: i64,
    /// From which grants, and how many credits of each.
    grants: Vec<Drawn>,
    idempotency_key: String,
}

/// Credits taken from one grant.
#[derive(Serialize, ToSchema)]
pub(crate) struct Drawn {
    grant_id: Uuid,
    amount: i64,
}

/// Says how many credits an organization has.
#[utoipa::path(get, path = "/api/billing/credits/{org_id}", tag = "Credits",
    params(("org_id" = Uuid, Path, description = "The organization")),
    responses(
        (status = 200, description = "Its credits", body = Credits),
        (status = 404, description = "`ORGANIZATION_NOT_FOUND`"),
    ))]
pub(crate) async fn balance(http: Data<Http>, whose: Owned) -> Result<Json<Credits>, Problem> {
    let report = http.billing.credits(whose.0).await?;
    Ok(Json(Credits::of(whose.0, report)))
}

/// Lists what happened to an organization's credits, the newest first.
///
/// The cursor `starting_after` is the `seq` of the last row on the page before. With `format=csv`
/// all rows after it come as a table for spreadsheets.
#[utoipa::path(get, path = "/api/billing/credits/{org_id}/transactions", tag = "Credits",
    params(("org_id" = Uuid, Path, description = "The organization"), Wanted),
    responses(
        (status = 200, description = "A page of its ledger", body = List<Transaction>),
        (status = 404, description = "`ORGANIZATION_NOT_FOUND`"),
    ))]
pub(crate) async fn transactions(
    http: Data<Http>,
    whose: Owned,
    Params(wanted): Params<Wanted>,
) -> Result<HttpResponse, Problem> {
    let page = page(wanted.limit, wanted.starting_after.as_deref())?;
    if wanted.format == Some(Format::Csv) {
        return credit_csv::table(&http, whose.0, page.after).await;
    }
    let found = http.billing.credit_entries(whose.0, page).await?;
    Ok(HttpResponse::Ok().json(List::of(found, page, Transaction::from)))
}

/// Uses credits, all or nothing.
///
/// The answer is durable before it is given. A key is decided once: asking again with the same
/// key and request gives the same answer, a denial included; a new attempt takes a new key.
#[utoipa::path(post, path = "/api/billing/credits/consume", tag = "Credits",
    request_body = Consume,
    responses(
        (status = 200, description = "The credits were used", body = Decision),
        (status = 402, description = "`INSUFFICIENT_CREDITS`: nothing was taken; `details` says what is missing and what would help"),
        (status = 404, description = "`ORGANIZATION_NOT_FOUND`, `CREDIT_EVENT_NOT_FOUND`"),
        (status = 422, description = "`CREDIT_EVENT_INACTIVE`, `IDEMPOTENCY_KEY_REUSED`"),
    ))]
pub(crate) async fn consume(
    http: Data<Http>,
    caller: Known,
    key: GivenKey,
    Body(body): Body<Consume>,
) -> Result<HttpResponse, Problem> {
    let asked = (body.event.clone(), body.quantity);
    let request = body.request(&caller, key)?;
    let organization = request.organization_id;
    let decided = http.to_the_end(|it| async move { it.consume_credits(request).await }).await?;
    match decided {
        ConsumeAnswer::Consumed { key, consumed } => Ok(used(asked, key, consumed)),
        ConsumeAnswer::Denied(denial) => Err(not_enough(&http, organization, &denial).await),
    }
}

impl Consume {
    fn request(self, caller: &Known, key: GivenKey) -> Result<ConsumeRequest, Problem> {
        Ok(ConsumeRequest {
            organization_id: caller.organization(self.organization_id)?,
            event: self.event,
            quantity: self.quantity.signed(),
            key: key.or(self.idempotency_key)?,
        })
    }
}

fn used(
    (event, quantity): (String, Quantity),
    key: IdempotencyKey,
    consumed: Consumed,
) -> HttpResponse {
    let Consumed { decision, seq, cost, balance_after, touched, replayed } = consumed;
    let decision = Decision {
        decision_id: decision.0,
        allowed: true,
        event,
        quantity: quantity.count(),
        cost,
        balance: balance_after,
        seq,
        grants: Drawn::from(&touched),
        idempotency_key: key.as_str().to_owned(),
    };
    answer(HttpResponse::Ok(), replayed).json(decision)
}

impl Drawn {
    /// What was taken or reserved of each grant.
    pub(crate) fn from(touched: &[Touch]) -> Vec<Self> {
        let part = |touch: &Touch| Self {
            grant_id: touch.grant_id.0,
            amount: touch.amount.saturating_abs().max(touch.held),
        };
        touched.iter().map(part).collect()
    }
}

/// Why credits were not given, and what would help.
pub(crate) async fn not_enough(
    http: &Http,
    organization: OrganizationId,
    denial: &CreditDenial,
) -> Problem {
    // The denial stands, whether or not the price of the way out can be said.
    let currency = http.billing.organization(organization).await.ok().map(|it| it.currency);
    let CreditDenial { key, denied, top_up } = denial;
    let Denied { decision, required, available, at: _, replayed } = denied;
    let message = format!("{required} credits are required, {available} are available");
    let top_up = top_up.as_ref().map(|TopUp { product, quantity }| {
        json!({
            "credit_product_id": product.id,
            "key": product.key,
            "credits": product.credits,
            "quantity": quantity,
            "price": currency.and_then(|it| product.price_in(it)).map(Money::from),
            "checkout": "/api/billing/credit-products/checkout",
        })
    });
    Problem::new(Code::InsufficientCredits, message)
        .with("decision_id", decision.to_string())
        .with("idempotency_key", key.as_str())
        .with("required", *required)
        .with("available", *available)
        .with("missing", required.saturating_sub(*available))
        .with("top_up", top_up)
        .replayed(*replayed)
}
