//! An operator has an invoice charged again.

use actix_web::web::{Data, Json};
use billing_app::Mandate;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::{
    auth::{Known, Owned},
    body::Body,
    invoices::{Invoice, Named},
    problem::Problem,
    state::Http,
};

/// Why an invoice is charged again.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "reason": "The customer says that the card works again" }))]
pub(crate) struct ChargeAgain {
    /// Why; it is kept with the attempt.
    #[schema(min_length = 1, max_length = 500)]
    reason: String,
}

/// Charges an invoice of ours now, whatever day the rules of dunning name next.
///
/// Not with a method that its bank has refused for good, and not more often than allowed. Who asked
/// for it and why is kept with the attempt.
#[utoipa::path(post, path = "/api/admin/invoices/{org_id}/{id}/retry", tag = "Administration",
    params(
        ("org_id" = Uuid, Path, description = "The organization"),
        ("id" = Uuid, Path, description = "The invoice"),
    ),
    request_body = ChargeAgain,
    responses(
        (status = 200, description = "The invoice, paid", body = Invoice),
        (status = 402, description = "`PAYMENT_DECLINED`"),
        (status = 404, description = "`ORGANIZATION_NOT_FOUND`, `INVOICE_NOT_FOUND`"),
        (status = 409, description = "`CHARGE_PENDING`, `REQUEST_IN_PROGRESS`"),
        (status = 422, description = "`INVOICE_NOT_PAYABLE`, `METHOD_NOT_CHARGED`, `IDEMPOTENCY_KEY_REUSED`"),
    ))]
pub(crate) async fn retry(
    http: Data<Http>,
    Known(caller): Known,
    whose: Owned,
    named: Named,
    Body(why): Body<ChargeAgain>,
) -> Result<Json<Invoice>, Problem> {
    let mandate = Mandate { actor: format!("api_key {}", caller.public), reason: why.reason };
    Ok(Json(http.billing.pay_invoice(whose.0, named.0, mandate).await?.into()))
}
