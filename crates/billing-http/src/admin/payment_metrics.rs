//! How money comes, in figures.

use std::collections::BTreeMap;

use actix_web::web::{Data, Json};
use billing_app::ports::{CurrencyFigures as Counted, Tally as Sum};
use billing_domain::payment::DeclineKind;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{body::Params, moment::Moment, money::Money, problem::Problem, state::Http};

/// Of how many days.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Days {
    /// The last so many days, from 1 to 366.
    #[serde(default = "month")]
    #[param(minimum = 1, maximum = 366, default = 30)]
    days: i64,
}

const fn month() -> i64 {
    30
}

/// How the money of our invoices comes.
#[derive(Serialize, ToSchema)]
pub(crate) struct PaymentMetrics {
    since: Moment,
    until: Moment,
    attempts: AttemptFigures,
    /// Attempts that failed, by what may be done about them.
    failed_by_kind: BTreeMap<String, i64>,
    /// How many invoices, over all currencies; amounts do not add up over them.
    failed_first: i64,
    recovered: i64,
    /// A decimal number in text, between 0 and 1; nothing where no payment failed.
    #[schema(example = "0.6250")]
    recovery_rate: Option<String>,
    by_currency: Vec<CurrencyFigures>,
    /// What the figures mean.
    definitions: PaymentDefinitions,
}

/// How attempts ended.
#[derive(Serialize, ToSchema)]
pub(crate) struct AttemptFigures {
    succeeded: i64,
    failed: i64,
    /// Nobody knows yet.
    pending: i64,
    /// A decimal number in text, between 0 and 1; nothing where no attempt ended.
    #[schema(example = "0.9500")]
    success_rate: Option<String>,
}

/// How the money of invoices in one currency came.
#[derive(Serialize, ToSchema)]
pub(crate) struct CurrencyFigures {
    #[schema(example = "USD")]
    currency: String,
    paid_at_once: Tally,
    failed_first: Tally,
    recovered: Tally,
    given_up: Tally,
    at_risk: Tally,
    #[schema(example = "0.6250")]
    recovery_rate: Option<String>,
}

/// How many invoices, and what they come to.
#[derive(Serialize, ToSchema)]
pub(crate) struct Tally {
    invoices: i64,
    amount: Money,
}

/// What the figures mean.
#[derive(Serialize, ToSchema)]
pub(crate) struct PaymentDefinitions {
    attempts: &'static str,
    success_rate: &'static str,
    failed_by_kind: &'static str,
    failed_first: &'static str,
    recovered: &'static str,
    recovery_rate: &'static str,
    at_risk: &'static str,
}

const DEFINITIONS: PaymentDefinitions = PaymentDefinitions {
    attempts: "charges of invoices of ours that were made in these days; what a gateway bills it \
               charges itself, and is not among them",
    success_rate: "attempts that brought the money, of all whose end is known",
    failed_by_kind: "hard: never again with that method; ask_customer: only the payer can pay; \
                     new_method: another method is needed; soft: tried again after days; technical: \
                     tried again after minutes",
    failed_first: "invoices issued in these days whose first attempt failed, or for which there was \
                   nothing to charge",
    recovered: "those of them that were paid later",
    recovery_rate: "recovered of failed_first; those that are still tried again count as not \
                    recovered",
    at_risk: "what is due on all invoices that failed and are neither paid nor given up, as things \
              stand now",
};

/// Says how the money of our invoices comes: attempts, recovery, and what is at risk.
#[utoipa::path(get, path = "/api/admin/metrics/payments", tag = "Administration",
    params(Days),
    responses((status = 200, description = "The figures", body = PaymentMetrics)))]
pub(crate) async fn show(
    http: Data<Http>,
    Params(wanted): Params<Days>,
) -> Result<Json<PaymentMetrics>, Problem> {
    let metrics = http.billing.payment_metrics(wanted.days).await?;
    let figures = metrics.figures;
    let (succeeded, failed) = (figures.succeeded, figures.all_failed());
    let mut failed_by_kind: BTreeMap<_, _> =
        DeclineKind::ALL.into_iter().map(|kind| (kind.name().to_owned(), 0)).collect();
    failed_by_kind
        .extend(figures.failed.iter().map(|(kind, count)| (kind.name().to_owned(), *count)));
    let all = |of: fn(&Counted) -> Sum| {
        figures.by_currency.iter().fold(0, |sum: i64, it| sum.saturating_add(of(it).invoices))
    };
    let (failed_first, recovered) = (all(|it| it.failed_first), all(|it| it.recovered));
    Ok(Json(PaymentMetrics {
        since: Moment(metrics.since),
        until: Moment(metrics.until),
        attempts: AttemptFigures {
            succeeded,
            failed,
            pending: figures.pending,
            success_rate: share(succeeded, succeeded.saturating_add(failed)),
        },
        failed_by_kind,
        failed_first,
        recovered,
        recovery_rate: share(recovered, failed_first),
        by_currency: figures.by_currency.iter().map(CurrencyFigures::from).collect(),
        definitions: DEFINITIONS,
    }))
}

impl From<&Counted> for CurrencyFigures {
    fn from(it: &Counted) -> Self {
        let shown = |sum: Sum| Tally {
            invoices: sum.invoices,
            amount: billing_domain::money::Money::new(sum.amount, it.currency).into(),
        };
        Self {
            currency: it.currency.code().to_owned(),
            paid_at_once: shown(it.at_once),
            failed_first: shown(it.failed_first),
            recovered: shown(it.recovered),
            given_up: shown(it.given_up),
            at_risk: shown(it.at_risk),
            recovery_rate: share(it.recovered.invoices, it.failed_first.invoices),
        }
    }
}

/// A part of a whole in ten-thousandths, rounded down.
fn share(part: i64, whole: i64) -> Option<String> {
    let rate = i128::from(part).checked_mul(10_000)?.checked_div(i128::from(whole))?;
    Some(format!("{}.{:04}", rate / 10_000, rate % 10_000))
}
