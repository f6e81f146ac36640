//! How all organizations use their meters.

use actix_web::web::{Data, Json};
use billing_app::{MeterMetrics, NearLimit, UsageMetrics, ports::DayOfAll};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    body::Params,
    day::Day,
    moment::Moment,
    problem::Problem,
    state::Http,
    usage_analytics::{Span, Spread},
};

/// How all organizations use their meters.
#[derive(Serialize, ToSchema)]
pub(crate) struct Metrics {
    from: Day,
    to: Day,
    /// All that was recorded before is in the days.
    as_of: Moment,
    /// How many organizations used something on these days.
    organizations: u64,
    meters: Vec<MeterMetric>,
}

/// How all organizations use a meter. Shares of limits are in hundredths of a percent: 8000 is 80 %.
#[derive(Serialize, ToSchema)]
pub(crate) struct MeterMetric {
    #[schema(example = "api_calls")]
    meter: String,
    name: String,
    /// How events become one number: `count`, `sum`, `max`, `latest` or `unique`.
    #[schema(example = "sum")]
    aggregation: &'static str,
    /// Days on which something was used.
    days: Vec<MetricDay>,
    /// How many of the organizations that used something have a limit on it.
    limited: u64,
    /// Which share of their limits they use now.
    limit_share: Option<Spread>,
    /// How many of them use more than 80 %.
    above_80_percent: u64,
    /// Who: the highest share first, at most 100.
    nearest: Vec<Near>,
}

/// What all organizations used on a day.
#[derive(Serialize, ToSchema)]
pub(crate) struct MetricDay {
    day: Day,
    /// The sum over the organizations; of a `max` meter the largest of theirs.
    used: i64,
    events: u64,
    organizations: u64,
}

/// An organization near its limit, in the window as it stands now.
#[derive(Serialize, ToSchema)]
pub(crate) struct Near {
    organization_id: Uuid,
    used: u64,
    limit: u64,
    limit_share: i64,
}

/// Says how all organizations use their meters by day, and who is near a limit.
#[utoipa::path(get, path = "/api/admin/metrics/usage", tag = "Administration",
    params(Span),
    responses(
        (status = 200, description = "All meters, or the one", body = Metrics),
        (status = 404, description = "`METER_NOT_FOUND`"),
    ))]
pub(crate) async fn show(
    http: Data<Http>,
    Params(span): Params<Span>,
) -> Result<Json<Metrics>, Problem> {
    let UsageMetrics { days, as_of, organizations, meters } =
        http.billing.measure_usage(&span.into()).await?;
    Ok(Json(Metrics {
        from: Day(*days.start()),
        to: Day(*days.end()),
        as_of: Moment(as_of),
        organizations,
        meters: meters.into_iter().map(MeterMetric::from).collect(),
    }))
}

impl From<MeterMetrics> for MeterMetric {
    fn from(found: MeterMetrics) -> Self {
        let MeterMetrics { meter, days, limited, shares, near, nearest } = found;
        Self {
            aggregation: meter.aggregation.name(),
            meter: meter.key,
            name: meter.name,
            days: days.into_iter().map(MetricDay::from).collect(),
            limited,
            limit_share: shares.map(Spread::from),
            above_80_percent: near,
            nearest: nearest.into_iter().map(Near::from).collect(),
        }
    }
}

impl From<DayOfAll> for MetricDay {
    fn from(DayOfAll { of_use, organizations }: DayOfAll) -> Self {
        let (used, events) = (of_use.used, of_use.events);
        Self { day: Day(of_use.day), used, events, organizations }
    }
}

impl From<NearLimit> for Near {
    fn from(NearLimit { organization_id, used, limit, share }: NearLimit) -> Self {
        Self { organization_id: organization_id.0, used, limit, limit_share: share }
    }
}
