//! How the inbox does.

use std::time::Duration;

use actix_web::web::{Data, Json};
use billing_app::{
    Turned, WebhookMetrics,
    ports::{InboxFigures, InboxHealth},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{body::Params, moment::Moment, problem::Problem, state::Http};

/// Over which while.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct While {
    /// The last so many hours, from 1 to 168.
    #[serde(default = "a_day")]
    #[param(minimum = 1, maximum = 168, default = 24)]
    hours: i64,
}

const fn a_day() -> i64 {
    24
}

/// What became of the webhooks that came in since an instant, and how many wait now.
#[derive(Serialize, ToSchema)]
pub(crate) struct InboxMetrics {
    /// `healthy`: at least 99 % succeed and fewer than 10 wait. `degraded`: at least 95 %, and
    /// fewer than 50. Else `unhealthy`.
    #[schema(example = "healthy")]
    status: &'static str,
    /// Since when webhooks are counted that came in.
    since: Moment,
    received: i64,
    processed: i64,
    ignored: i64,
    retrying: i64,
    dead: i64,
    discarded: i64,
    /// How many of 10 000 that were tried had their effect, or none to have.
    #[schema(example = 10_000)]
    success_basis_points: i64,
    /// From coming in to the effect, in microseconds: half of them took no longer.
    median_to_effect_us: Option<u64>,
    /// The same for 99 in 100.
    p99_to_effect_us: Option<u64>,
    /// How many wait now to be processed, first or again, whenever they came; up to 10 000.
    pending: i64,
    /// How many wait now for a person, whenever they came; up to 10 000.
    dead_letters: i64,
    refused: Refused,
}

/// What this server has turned away since it started; nothing of it is kept.
#[derive(Serialize, ToSchema)]
pub(crate) struct Refused {
    /// Without a good signature.
    bad_signatures: u64,
    /// Signed, but not to be read, or not for this account.
    unreadable: u64,
}

/// Says how the inbox does.
#[utoipa::path(get, path = "/api/admin/metrics/webhooks", tag = "Administration",
    params(While),
    responses((status = 200, description = "How it does", body = InboxMetrics)))]
pub(crate) async fn webhooks(
    http: Data<Http>,
    Params(asked): Params<While>,
) -> Result<Json<InboxMetrics>, Problem> {
    let metrics = http.billing.webhook_metrics(asked.hours).await?;
    let WebhookMetrics { since, figures, success, health, turned, condition } = metrics;
    let InboxFigures { received, processed, ignored, retrying, dead, discarded, .. } = figures;
    let InboxHealth { pending, dead: dead_letters } = health;
    let Turned { forged, unreadable } = turned;
    Ok(Json(InboxMetrics {
        status: condition.name(),
        since: Moment(since),
        received,
        processed,
        ignored,
        retrying,
        dead,
        discarded,
        success_basis_points: success,
        median_to_effect_us: figures.median_to_effect.map(micros),
        p99_to_effect_us: figures.p99_to_effect.map(micros),
        pending,
        dead_letters,
        refused: Refused { bad_signatures: forged, unreadable },
    }))
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
