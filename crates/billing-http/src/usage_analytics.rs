//! How an organization uses its meters, and where that leads.

use actix_web::web::{Data, Json};
use billing_app::{MeterAnalytics, UsageAnalytics, UsageForecast, UsageSpan};
use billing_domain::{
    catalogue::Window,
    usage::{DayOfUse, Percentiles, limit_share},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{auth::Owned, body::Params, day::Day, moment::Moment, problem::Problem, state::Http};

/// Which days of which meter.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Span {
    /// The key of a meter; all of them by default.
    #[param(example = "api_calls")]
    meter: Option<String>,
    /// The first day, in UTC; by default 29 days before the last one.
    #[param(value_type = Option<String>, format = Date)]
    from: Option<Day>,
    /// The last day; today by default. At most 400 days.
    #[param(value_type = Option<String>, format = Date)]
    to: Option<Day>,
}

impl From<Span> for UsageSpan {
    fn from(span: Span) -> Self {
        let Span { meter, from, to } = span;
        Self { meter, from: from.map(|day| day.0), to: to.map(|day| day.0) }
    }
}

/// How an organization uses its meters.
#[derive(Serialize, ToSchema)]
pub(crate) struct Analytics {
    organization_id: Uuid,
    from: Day,
    to: Day,
    /// All that was recorded before is in the days; what stands now is newer.
    as_of: Moment,
    meters: Vec<MeterUsage>,
}

/// How an organization uses a meter. Shares of a limit are in hundredths of a percent: 8000 is 80 %.
#[derive(Serialize, ToSchema)]
pub(crate) struct MeterUsage {
    #[schema(example = "api_calls")]
    meter: String,
    name: String,
    /// How the events of a day become one number, which is `used` of the day: `count` and `sum`
    /// (less what ceased to exist, so it may be negative), `max` (the largest), `latest`, `unique`
    /// (how many distinct values the day saw; days do not add up).
    #[schema(example = "sum")]
    aggregation: &'static str,
    /// The window of the limit.
    #[schema(example = "billing_period")]
    window: &'static str,
    /// What is used in the window as it stands now.
    used: u64,
    /// What the plan allows; nothing when unlimited.
    limit: Option<u64>,
    /// Which part of the limit is used now.
    limit_share: Option<i64>,
    /// Every day from the first one of the organization on.
    days: Vec<DayUsage>,
    /// Of what whole days used.
    daily: Option<Spread>,
    /// The same as shares of the limit.
    daily_limit_share: Option<Spread>,
    /// The first day on which the most was used.
    peak: Option<DayUsage>,
    /// Where the pace of the last week leads: for meters that count or sum up, where the window
    /// does not roll.
    forecast: Option<Forecast>,
}

/// What was used on a day.
#[derive(Serialize, ToSchema)]
pub(crate) struct DayUsage {
    day: Day,
    used: i64,
    events: u64,
}

/// What half, nine tenths and 99 of 100 do not exceed, by the nearest rank.
#[derive(Serialize, ToSchema)]
pub(crate) struct Spread {
    p50: i64,
    p90: i64,
    p99: i64,
}

/// Where the pace leads: `used` now, and the mean of the `pace_days` whole days before today for
/// the time that is left.
#[derive(Serialize, ToSchema)]
pub(crate) struct Forecast {
    /// What was used on these days.
    pace_used: i64,
    /// How many days: the last 7, or as many as there were.
    pace_days: u8,
    /// When the window ends; nothing for one that never does.
    ends_at: Option<Moment>,
    /// What will have been used by then.
    used: Option<u64>,
    /// The same as a share of the limit.
    limit_share: Option<i64>,
    /// When the limit is reached, if that is before the window ends; bonuses are left out.
    reaches_limit_at: Option<Moment>,
}

/// Says how an organization uses its meters by day, how that compares with its limits, and where
/// the pace of the last week leads.
///
/// What a quota is decided on is `GET /api/billing/check-quota`, not this.
#[utoipa::path(get, path = "/api/billing/usage/{org_id}/analytics", tag = "Usage",
    params(("org_id" = Uuid, Path, description = "The organization"), Span),
    responses(
        (status = 200, description = "Its meters, or the one", body = Analytics),
        (status = 404, description = "`ORGANIZATION_NOT_FOUND`, `METER_NOT_FOUND`"),
    ))]
pub(crate) async fn of(
    http: Data<Http>,
    whose: Owned,
    Params(span): Params<Span>,
) -> Result<Json<Analytics>, Problem> {
    let UsageAnalytics { days, as_of, meters } =
        http.billing.analyze_usage(whose.0, &span.into()).await?;
    Ok(Json(Analytics {
        organization_id: whose.0.0,
        from: Day(*days.start()),
        to: Day(*days.end()),
        as_of: Moment(as_of),
        meters: meters.into_iter().map(MeterUsage::from).collect(),
    }))
}

impl From<MeterAnalytics> for MeterUsage {
    fn from(found: MeterAnalytics) -> Self {
        let MeterAnalytics { meter, days, daily, daily_share, peak, .. } = found;
        let answer = found.quota.check(0);
        let forecast = found.forecast.map(|forecast| Forecast::of(forecast, answer.limit));
        Self {
            aggregation: meter.aggregation.name(),
            meter: meter.key,
            name: meter.name,
            window: Window::name(found.window),
            used: answer.used,
            limit: answer.limit,
            limit_share: found.share,
            days: days.into_iter().map(DayUsage::from).collect(),
            daily: daily.map(Spread::from),
            daily_limit_share: daily_share.map(Spread::from),
            peak: peak.map(DayUsage::from),
            forecast,
        }
    }
}

impl Forecast {
    fn of(forecast: UsageForecast, limit: Option<u64>) -> Self {
        let UsageForecast { pace, at_end, reaches_limit_at } = forecast;
        let used = at_end.map(|(used, _)| used);
        let share = |used| limit_share(i64::try_from(used).unwrap_or(i64::MAX), limit?);
        Self {
            pace_used: pace.used,
            pace_days: pace.days,
            ends_at: at_end.map(|(_, at)| Moment(at)),
            used,
            limit_share: used.and_then(share),
            reaches_limit_at: reaches_limit_at.map(Moment),
        }
    }
}

impl From<DayOfUse> for DayUsage {
    fn from(DayOfUse { day, used, events }: DayOfUse) -> Self {
        Self { day: Day(day), used, events }
    }
}

impl From<Percentiles> for Spread {
    fn from(Percentiles { p50, p90, p99 }: Percentiles) -> Self {
        Self { p50, p90, p99 }
    }
}
