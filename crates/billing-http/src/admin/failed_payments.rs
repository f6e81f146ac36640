//! Invoices whose money did not come at once.

use actix_web::web::{Data, Json};
use billing_app::ports::{FailedPayment as Record, FailedStatus};
use billing_domain::collection::Attempt as Try;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    body::Params,
    moment::Moment,
    money::Money,
    page::{List, page, ten},
    problem::Problem,
    state::Http,
};

/// Which failed payments.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Which {
    /// Only those of which that became: `at_risk`, `recovered`, `given_up` or `void`.
    #[param(example = "at_risk")]
    status: Option<String>,
    /// How many, from 1 to 100.
    #[serde(default = "ten")]
    #[param(minimum = 1, maximum = 100, default = 10)]
    limit: i64,
    /// The `invoice_id` of the last one on the page before.
    starting_after: Option<String>,
}

/// An invoice of ours whose money did not come at once.
#[derive(Serialize, ToSchema)]
pub(crate) struct FailedPayment {
    organization_id: Uuid,
    invoice_id: Uuid,
    #[schema(example = "2026-000123")]
    number: Option<String>,
    subscription_id: Option<Uuid>,
    /// What the invoice comes to.
    amount: Money,
    /// `at_risk` while it is tried again or waits for another method; `recovered`, `given_up`, or
    /// `void` for the first period of a trial that was not converted.
    #[schema(example = "at_risk")]
    status: &'static str,
    /// Why the money did not come last.
    #[schema(example = "insufficient_funds")]
    reason: Option<&'static str>,
    /// What may be done about it: `hard`, `ask_customer`, `new_method`, `soft` or `technical`.
    #[schema(example = "soft")]
    kind: Option<&'static str>,
    /// When it failed first.
    failed_at: Option<Moment>,
    /// When it is tried again by itself.
    next_try_at: Option<Moment>,
    /// Every attempt, the oldest first.
    attempts: Vec<PaymentAttempt>,
}

/// One try to take the money of an invoice.
#[derive(Serialize, ToSchema)]
pub(crate) struct PaymentAttempt {
    at: Moment,
    /// `pending` while nobody knows, `succeeded` or `failed`.
    #[schema(example = "failed")]
    outcome: &'static str,
    /// Why it failed.
    #[schema(example = "insufficient_funds")]
    reason: Option<&'static str>,
    /// Who asked for it; nothing where the rules of dunning did.
    asked_by: Option<String>,
    /// Why they asked.
    asked_because: Option<String>,
}

/// Lists invoices whose money did not come at once, the newest first, with every attempt.
///
/// Invoices of ours; what a gateway bills it tries again by its own rules.
#[utoipa::path(get, path = "/api/admin/failed-payments", tag = "Administration",
    params(Which),
    responses((status = 200, description = "A page of them", body = List<FailedPayment>)))]
pub(crate) async fn list(
    http: Data<Http>,
    Params(which): Params<Which>,
) -> Result<Json<List<FailedPayment>>, Problem> {
    let page = page(which.limit, which.starting_after.as_deref())?;
    let status = which.status.as_deref().map(named).transpose()?;
    let found = http.billing.failed_payments(status, page).await?;
    Ok(Json(List::of(found, page, FailedPayment::from)))
}

fn named(name: &str) -> Result<FailedStatus, Problem> {
    let found = FailedStatus::ALL.into_iter().find(|status| status.name() == name);
    found.ok_or_else(|| {
        Problem::invalid("status", "must be `at_risk`, `recovered`, `given_up` or `void`")
    })
}

impl From<Record> for FailedPayment {
    fn from(record: Record) -> Self {
        let Record { collection, number, total } = record;
        Self {
            organization_id: collection.organization_id.0,
            invoice_id: collection.invoice_id.0,
            number,
            subscription_id: collection.subscription_id.map(|id| id.0),
            amount: total.into(),
            status: FailedStatus::of(&collection).name(),
            reason: collection.failure.map(|failure| failure.name()),
            kind: collection.failure.map(|failure| failure.kind().name()),
            failed_at: collection.failed_at.map(Moment),
            next_try_at: collection.retry_at.map(Moment),
            attempts: collection.attempts.into_iter().map(PaymentAttempt::from).collect(),
        }
    }
}

impl From<Try> for PaymentAttempt {
    fn from(attempt: Try) -> Self {
        let asked = attempt.asked_for.map(|it| (it.actor, it.reason)).unzip();
        Self {
            at: Moment(attempt.at),
            outcome: attempt.outcome.name(),
            reason: attempt.outcome.failure().map(|failure| failure.name()),
            asked_by: asked.0,
            asked_because: asked.1,
        }
    }
}
