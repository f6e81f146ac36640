//! What was paid.

use actix_web::web::{Data, Json};
use billing_domain::payment::Payment as Record;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    auth::Owned,
    body::Params,
    moment::Moment,
    money::Money,
    page::{List, Paging, page},
    problem::Problem,
    state::Http,
};

/// A payment.
#[derive(Serialize, ToSchema)]
pub(crate) struct Payment {
    id: Uuid,
    /// `pending`, `unknown`, `failed`, `completed`, `partially_refunded`, `refunded` or `disputed`.
    #[schema(example = "completed")]
    status: &'static str,
    /// All that was charged, tax included.
    amount: Money,
    /// The tax in it.
    tax: Money,
    /// How much was given back.
    refunded: Money,
    description: String,
    #[schema(example = "stripe")]
    gateway: &'static str,
    /// What the gateway calls it.
    gateway_payment_id: String,
    checkout_id: Option<Uuid>,
    subscription_id: Option<Uuid>,
    /// The gateway's page that shows the invoice or receipt.
    document_url: Option<String>,
    /// Why it failed, in the gateway's word.
    failure: Option<String>,
    created_at: Moment,
}

/// Lists what an organization paid, the newest first.
#[utoipa::path(get, path = "/api/billing/history/{org_id}", tag = "Money",
    params(("org_id" = Uuid, Path, description = "The organization"), Paging),
    responses(
        (status = 200, description = "A page of its payments", body = List<Payment>),
        (status = 404, description = "`ORGANIZATION_NOT_FOUND`"),
    ))]
pub(crate) async fn of(
    http: Data<Http>,
    whose: Owned,
    Params(paging): Params<Paging>,
) -> Result<Json<List<Payment>>, Problem> {
    let page = page(paging.limit, paging.starting_after.as_deref())?;
    let found = http.billing.payments(whose.0, page).await?;
    Ok(Json(List::of(found, page, Payment::from)))
}

impl From<Record> for Payment {
    fn from(payment: Record) -> Self {
        let Record {
            id,
            organization_id: _,
            reference,
            status,
            amount,
            tax,
            refunded,
            description,
            checkout_id,
            subscription_id,
            document_url,
            failure,
            created_at,
        } = payment;
        Self {
            id: id.0,
            status: status.name(),
            amount: Money::from(amount),
            tax: Money::from(tax),
            refunded: Money::from(refunded),
            description,
            gateway: reference.gateway.name(),
            gateway_payment_id: reference.id,
            checkout_id: checkout_id.map(|id| id.0),
            subscription_id: subscription_id.map(|id| id.0),
            document_url,
            failure,
            created_at: Moment(created_at),
        }
    }
}
