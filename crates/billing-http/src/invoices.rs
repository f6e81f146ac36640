//! Invoices: ours, and copies of those of gateways.

mod document;
mod parts;
mod shown;

use actix_web::{
    FromRequest, HttpRequest,
    dev::Payload,
    web::{Data, Json},
};
use billing_app::{Error, Mandate, Missing, ports::InvoiceFilter};
use billing_domain::{id::InvoiceId, invoice::InvoiceStatus};
use core::future::{Ready, ready};
use serde::Deserialize;

pub(crate) use self::{
    document::{__path_html, __path_pdf, html, pdf},
    shown::{CreditNote, Invoice, InvoiceWithNotes},
};
use crate::{
    auth::{Known, Owned},
    body::Params,
    page::{List, page, ten},
    problem::Problem,
    state::Http,
};

/// Which invoices.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Which {
    /// Only those that stand there: `draft`, `open`, `uncollectible`, `paid` or `void`.
    #[param(value_type = Option<String>)]
    status: Option<InvoiceStatus>,
    /// Only those of this year, by UTC.
    #[param(example = 2026)]
    year: Option<i32>,
    /// How many, from 1 to 100.
    #[serde(default = "ten")]
    #[param(minimum = 1, maximum = 100, default = 10)]
    limit: i64,
    /// The id of the last one on the page before.
    starting_after: Option<String>,
}

/// The invoice in the path. What is no id is not found.
pub(crate) struct Named(pub(crate) InvoiceId);

impl FromRequest for Named {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let named = request.match_info().get("id").and_then(|id| id.parse().ok());
        ready(named.map(Self).ok_or_else(|| Error::NotFound(Missing::Invoice).into()))
    }
}

/// Lists an organization's invoices, the newest first.
#[utoipa::path(get, path = "/api/billing/invoices/{org_id}", tag = "Money",
    params(("org_id" = Uuid, Path, description = "The organization"), Which),
    responses(
        (status = 200, description = "A page of them", body = List<Invoice>),
        (status = 404, description = "`ORGANIZATION_NOT_FOUND`"),
    ))]
pub(crate) async fn list(
    http: Data<Http>,
    whose: Owned,
    Params(which): Params<Which>,
) -> Result<Json<List<Invoice>>, Problem> {
    let page = page(which.limit, which.starting_after.as_deref())?;
    let filter = InvoiceFilter { status: which.status, year: which.year };
    let found = http.billing.invoices(whose.0, filter, page).await?;
    Ok(Json(List::of(found, page, Invoice::from)))
}

/// Shows an invoice, with the credit notes on it.
#[utoipa::path(get, path = "/api/billing/invoices/{org_id}/{id}", tag = "Money",
    params(
        ("org_id" = Uuid, Path, description = "The organization"),
        ("id" = Uuid, Path, description = "The invoice"),
    ),
    responses(
        (status = 200, description = "All that stands on it", body = InvoiceWithNotes),
        (status = 404, description = "`ORGANIZATION_NOT_FOUND`, `INVOICE_NOT_FOUND`"),
    ))]
pub(crate) async fn one(
    http: Data<Http>,
    whose: Owned,
    named: Named,
) -> Result<Json<InvoiceWithNotes>, Problem> {
    let (invoice, notes) = http.billing.invoice(whose.0, named.0).await?;
    Ok(Json(InvoiceWithNotes::of(invoice, notes)))
}

/// Charges an invoice of ours now, with the method that the gateway has kept.
///
/// For whoever does not want to wait until it is tried again. One that is paid is answered as it is.
#[utoipa::path(post, path = "/api/billing/invoices/{org_id}/{id}/pay", tag = "Money",
    params(
        ("org_id" = Uuid, Path, description = "The organization"),
        ("id" = Uuid, Path, description = "The invoice"),
    ),
    responses(
        (status = 200, description = "The invoice, paid", body = Invoice),
        (status = 402, description = "`PAYMENT_DECLINED`"),
        (status = 404, description = "`ORGANIZATION_NOT_FOUND`, `INVOICE_NOT_FOUND`"),
        (status = 409, description = "`CHARGE_PENDING`, `REQUEST_IN_PROGRESS`"),
        (status = 422, description = "`INVOICE_NOT_PAYABLE`, `METHOD_NOT_CHARGED`, `IDEMPOTENCY_KEY_REUSED`"),
    ))]
pub(crate) async fn pay(
    http: Data<Http>,
    Known(caller): Known,
    whose: Owned,
    named: Named,
) -> Result<Json<Invoice>, Problem> {
    let mandate = Mandate {
        actor: format!("api_key {}", caller.public),
        reason: "the customer pays".to_owned(),
    };
    Ok(Json(http.billing.pay_invoice(whose.0, named.0, mandate).await?.into()))
}
