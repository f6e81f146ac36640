//! How trials end, in figures.

use actix_web::web::{Data, Json};
use billing_domain::trial::TrialCounts;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{problem::Problem, state::Http};

/// How trials end.
#[derive(Serialize, ToSchema)]
pub(crate) struct TrialMetrics {
    /// All of them.
    total: TrialFigures,
    /// By what was tried.
    by_plan: Vec<PlanTrials>,
    /// By the month of UTC in which they began, the oldest first.
    by_cohort: Vec<CohortTrials>,
    /// What the figures mean.
    definitions: Definitions,
}

/// How trials went. Rates are decimal numbers in text, between 0 and 1.
#[derive(Serialize, ToSchema)]
pub(crate) struct TrialFigures {
    started: i64,
    /// Not ended yet.
    active: i64,
    converted: i64,
    expired: i64,
    cancelled: i64,
    /// Converted of all that ended; nothing where none ended.
    #[schema(example = "0.3333")]
    conversion_rate: Option<String>,
    /// Converted of those that ended in the last 30 days; nothing where none ended.
    #[schema(example = "0.2500")]
    conversion_rate_30_days: Option<String>,
    ended_30_days: i64,
    converted_30_days: i64,
    /// From the begin to the conversion; nothing where none was converted.
    #[schema(example = "14.00")]
    mean_days_to_convert: Option<String>,
}

/// How trials of a plan went.
#[derive(Serialize, ToSchema)]
pub(crate) struct PlanTrials {
    #[schema(example = "starter")]
    plan: String,
    #[serde(flatten)]
    figures: TrialFigures,
}

/// How the trials went that began in one month.
#[derive(Serialize, ToSchema)]
pub(crate) struct CohortTrials {
    /// Year and month.
    #[schema(example = "2026-03")]
    month: String,
    #[serde(flatten)]
    figures: TrialFigures,
}

/// What the figures mean.
#[derive(Serialize, ToSchema)]
pub(crate) struct Definitions {
    conversion_rate: &'static str,
    conversion_rate_30_days: &'static str,
    mean_days_to_convert: &'static str,
}

const DEFINITIONS: Definitions = Definitions {
    conversion_rate: "trials that ran out, were not cancelled, and whose first payment was made, of \
                      all trials that ended",
    conversion_rate_30_days: "the same, of the trials that ended within the last 30 days",
    mean_days_to_convert: "from the begin of a trial to the begin of its first paid period, over all \
                           that were converted",
};

/// Says how trials end, by plan and by the month in which they began.
///
/// Trials that our engine runs; a trial that a gateway bills is not among them.
#[utoipa::path(get, path = "/api/admin/metrics/trials", tag = "Administration",
    responses((status = 200, description = "The figures", body = TrialMetrics)))]
pub(crate) async fn show(http: Data<Http>) -> Result<Json<TrialMetrics>, Problem> {
    let figures = http.billing.trial_figures().await?;
    let by_plan = figures.by_plan.into_iter();
    let by_month = figures.by_month.into_iter();
    Ok(Json(TrialMetrics {
        total: figures.total.into(),
        by_plan: by_plan
            .map(|of| PlanTrials { plan: of.plan, figures: of.counts.into() })
            .collect(),
        by_cohort: by_month
            .map(|of| CohortTrials {
                month: format!("{:04}-{:02}", of.month.year(), u8::from(of.month.month())),
                figures: of.counts.into(),
            })
            .collect(),
        definitions: DEFINITIONS,
    }))
}

impl From<TrialCounts> for TrialFigures {
    fn from(counts: TrialCounts) -> Self {
        let days = counts.mean_days_to_convert();
        Self {
            started: counts.started,
            active: counts.active,
            converted: counts.converted,
            expired: counts.expired,
            cancelled: counts.cancelled,
            conversion_rate: counts.rate().map(ten_thousandths),
            conversion_rate_30_days: counts.recent_rate().map(ten_thousandths),
            ended_30_days: counts.recently_ended,
            converted_30_days: counts.recently_converted,
            mean_days_to_convert: days.map(|it| format!("{}.{:02}", it / 100, it % 100)),
        }
    }
}

fn ten_thousandths(rate: i64) -> String {
    format!("{}.{:04}", rate / 10_000, rate % 10_000)
}
