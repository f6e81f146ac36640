//! The business clock of a sandbox: how it stands, and moving it.

use actix_web::web::{Data, Json};
use billing_app::{Advance, Advanced, ClockStands};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{body::Body, moment::Moment, problem::Problem, state::Http};

/// How the clocks stand.
#[derive(Serialize, ToSchema)]
pub(crate) struct Clocks {
    /// The business clock, which is moved.
    now: Moment,
    /// The wall clock, which never is.
    wall: Moment,
    /// How far the business clock is ahead.
    #[schema(example = 2_678_400)]
    ahead_seconds: i64,
}

/// How far to move the clock: one of both.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "advance": "1m" }))]
pub(crate) struct Move {
    /// By a length: `31d`, `3h`, `2w`, or a sum such as `1d12h`; at most ten years.
    advance: Option<String>,
    /// To an instant that is not before now.
    to: Option<Moment>,
}

/// How the clock was moved.
#[derive(Serialize, ToSchema)]
pub(crate) struct Moved {
    /// Where it stood.
    from: Moment,
    /// Where it stands.
    now: Moment,
    /// How often it stopped on the way, because something was due.
    stops: usize,
    /// How much was done there.
    done: usize,
}

/// Says how the clocks of a sandbox stand.
#[utoipa::path(get, path = "/api/admin/sandbox/clock", tag = "Sandbox",
    responses(
        (status = 200, description = "Both of them", body = Clocks),
        (status = 422, description = "`CLOCK_IS_REAL`"),
    ))]
pub(crate) async fn show(http: Data<Http>) -> Result<Json<Clocks>, Problem> {
    let stands = http.billing.clock_stands()?;
    let ClockStands { now, wall } = stands;
    let ahead_seconds = stands.ahead().whole_seconds();
    Ok(Json(Clocks { now: Moment(now), wall: Moment(wall), ahead_seconds }))
}

/// Moves the clock of a sandbox forward, and does on the way what becomes due, each thing at its
/// instant: grants end, subscriptions of the simulated gateway renew. Other requests wait.
#[utoipa::path(post, path = "/api/admin/sandbox/clock", tag = "Sandbox",
    request_body = Move,
    responses(
        (status = 200, description = "It is moved, on all servers", body = Moved),
        (status = 409, description = "`CONFLICT`: another moves it"),
        (status = 422, description = "`CLOCK_IS_REAL`, `CLOCK_GOES_BACK`"),
    ))]
pub(crate) async fn advance(
    http: Data<Http>,
    Body(asked): Body<Move>,
) -> Result<Json<Moved>, Problem> {
    let advance = match asked {
        Move { advance: Some(length), to: None } => match length.parse::<Advance>()? {
            by @ Advance::By(_) => by,
            Advance::To(_) => return Err(Problem::invalid("advance", "must be a length")),
        },
        Move { advance: None, to: Some(Moment(to)) } => Advance::To(to),
        Move { advance: Some(_), to: Some(_) } | Move { advance: None, to: None } => {
            return Err(Problem::invalid("advance", "or `to` must be given, and not both"));
        }
    };
    let moved = http.spawned(|billing| async move { billing.advance_clock(advance).await });
    let Advanced { from, now, stops, done } = moved.await??;
    Ok(Json(Moved { from: Moment(from), now: Moment(now), stops, done }))
}
