//! Auto top-up: when credits are bought without anybody there, and how much that may cost.

use actix_web::web::{Data, Json};
use billing_app::SetAutoTopUp;
use billing_domain::{auto_top_up::AutoTopUp as Kept, id::CreditProductId, money::Money as Amount};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    auth::Owned, body::Body, credit_products::named, moment::Moment, money::Money,
    problem::Problem, state::Http,
};

/// When to buy a pack, and how much may be spent.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "enabled": true,
    "threshold": 200,
    "credit_product": "credits_1000",
    "monthly_cap": { "amount": 10000, "currency": "USD" }
}))]
pub(crate) struct PutAutoTopUp {
    enabled: bool,
    /// A pack is bought when the balance is below so many credits.
    #[schema(minimum = 0, example = 200)]
    threshold: i64,
    #[schema(value_type = Option<Uuid>)]
    credit_product_id: Option<CreditProductId>,
    #[schema(example = "credits_1000")]
    credit_product: Option<String>,
    /// The most to spend in a calendar month of UTC, in what the organization pays in: at least
    /// the price of one pack.
    #[schema(value_type = Money)]
    monthly_cap: Amount,
}

/// When a pack is bought, how much may be spent, and how it goes.
#[derive(Serialize, ToSchema)]
pub(crate) struct AutoTopUp {
    organization_id: Uuid,
    /// Two failures in a row switch it off.
    enabled: bool,
    threshold: i64,
    credit_product_id: Uuid,
    monthly_cap: Money,
    /// The charge that is under way: until its end is known there is no other.
    pending_checkout_id: Option<Uuid>,
    /// How often in a row it brought no credits.
    failures: u32,
    /// Nothing is bought before this.
    not_before: Moment,
}

impl From<Kept> for AutoTopUp {
    fn from(kept: Kept) -> Self {
        Self {
            organization_id: kept.organization_id.0,
            enabled: kept.enabled,
            threshold: kept.threshold,
            credit_product_id: kept.credit_product_id.0,
            monthly_cap: kept.monthly_cap.into(),
            pending_checkout_id: kept.pending.map(|id| id.0),
            failures: kept.failures,
            not_before: kept.look_at.into(),
        }
    }
}

/// Shows the auto top-up of an organization.
#[utoipa::path(get, path = "/api/billing/credits/{org_id}/auto-top-up", tag = "Credits",
    params(("org_id" = Uuid, Path, description = "The organization")),
    responses(
        (status = 200, description = "What is bought, and how it goes", body = AutoTopUp),
        (status = 404, description = "`ORGANIZATION_NOT_FOUND`, `AUTO_TOP_UP_NOT_FOUND`"),
    ))]
pub(crate) async fn of(http: Data<Http>, whose: Owned) -> Result<Json<AutoTopUp>, Problem> {
    Ok(Json(http.billing.auto_top_up(whose.0).await?.into()))
}

/// Sets the auto top-up of an organization.
///
/// When its balance falls below the threshold, the pack is bought with the payment method that the
/// gateway has kept: one of a subscription, or of a pack bought with `save_payment_method`. After a
/// failure nothing is tried for a day. A change forgets earlier failures; the same wish again
/// changes nothing.
#[utoipa::path(put, path = "/api/billing/credits/{org_id}/auto-top-up", tag = "Credits",
    params(("org_id" = Uuid, Path, description = "The organization")),
    request_body = PutAutoTopUp,
    responses(
        (status = 200, description = "It is set", body = AutoTopUp),
        (status = 404, description = "`ORGANIZATION_NOT_FOUND`, `CREDIT_PRODUCT_NOT_FOUND`, `GATEWAY_NOT_FOUND`"),
        (status = 422, description = "`NO_SUCH_PRICE`, `NOT_AT_THIS_GATEWAY`"),
    ))]
pub(crate) async fn put(
    http: Data<Http>,
    whose: Owned,
    Body(body): Body<PutAutoTopUp>,
) -> Result<Json<AutoTopUp>, Problem> {
    let catalogue = http.billing.catalogue().await?;
    let pack = named(&catalogue, body.credit_product_id, body.credit_product.as_deref())?;
    let wish = SetAutoTopUp {
        organization_id: whose.0,
        enabled: body.enabled,
        threshold: body.threshold,
        credit_product_id: pack,
        monthly_cap: body.monthly_cap,
    };
    Ok(Json(http.billing.set_auto_top_up(wish).await?.into()))
}
