//! Whether the server lives, and whether it should be asked.

use std::time::Duration;

use actix_web::{
    HttpResponse,
    web::{Data, Json},
};
use billing_app::{
    Error,
    ports::{Circuit, EmailHealth, InboxHealth},
};
use billing_domain::gateway::Gateway;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{problem::Problem, state::Http};

/// A database that takes longer does not answer.
const PATIENCE: Duration = Duration::from_secs(2);

/// The server answers.
#[derive(Serialize, ToSchema)]
pub(crate) struct Live {
    #[schema(example = "live")]
    status: &'static str,
}

/// Whether the server should be asked.
#[derive(Serialize, ToSchema)]
pub(crate) struct Ready {
    /// `ready` or `not_ready`.
    #[schema(example = "ready")]
    status: &'static str,
    checks: Checks,
    /// Nothing where the database does not answer.
    webhooks: Option<Waiting>,
    /// Nothing where the database does not answer.
    emails: Option<Mail>,
    /// Differences that do not heal and wait for a person; nothing where the database does not
    /// answer.
    open_differences: Option<i64>,
    /// Whether calls reach each gateway; that one does not makes the server no less ready.
    gateways: Vec<Reach>,
}

/// Whether calls reach a gateway.
#[derive(Serialize, ToSchema)]
pub(crate) struct Reach {
    #[schema(example = "stripe")]
    gateway: &'static str,
    /// `closed`: they do; `open`: it does not answer and is left alone; `half_open`: one does.
    #[schema(example = "closed")]
    circuit: &'static str,
}

/// What it depends on.
#[derive(Serialize, ToSchema)]
pub(crate) struct Checks {
    /// `ok` or `failing`.
    #[schema(example = "ok")]
    database: &'static str,
    /// Whether the server is about to stop.
    draining: bool,
}

/// How many webhooks stand where.
#[derive(Serialize, ToSchema)]
pub(crate) struct Waiting {
    /// To be processed.
    pending: i64,
    /// Failed for good.
    dead: i64,
}

/// How emails are sent, and how many stand where.
#[derive(Serialize, ToSchema)]
pub(crate) struct Mail {
    /// `smtp`, or `mailbox` in a sandbox; nothing where they are only kept as `unsent`.
    #[schema(example = "smtp")]
    mailer: Option<&'static str>,
    /// To be sent.
    pending: i64,
    /// Failed for good.
    dead: i64,
    /// Kept, because there was no way to send them.
    unsent: i64,
}

/// Something that does nothing.
#[derive(Serialize, ToSchema)]
pub(crate) struct Hello {
    ok: bool,
}

/// Says that the server answers.
#[utoipa::path(get, path = "/health/live", tag = "Health",
    responses((status = 200, description = "It does", body = Live)))]
pub(crate) async fn live() -> Json<Live> {
    Json(Live { status: "live" })
}

/// Says whether the server should be asked: the database answers, and it is not about to stop.
#[utoipa::path(get, path = "/health/ready", tag = "Health",
    responses(
        (status = 200, description = "It should", body = Ready),
        (status = 503, description = "It should not; see `checks`", body = Ready),
    ))]
pub(crate) async fn ready(http: Data<Http>) -> HttpResponse {
    let asked = async {
        let inbox = http.billing.health().await?;
        let emails = http.billing.email_health().await?;
        Ok::<_, Error>((inbox, emails, http.billing.open_differences().await?))
    };
    let health = match tokio::time::timeout(PATIENCE, asked).await {
        Ok(Ok(health)) => Some(health),
        Ok(Err(error)) => {
            Problem::from(error).log();
            None
        }
        Err(_) => None,
    };
    let draining = http.is_draining();
    let ready = health.is_some() && !draining;
    let body = Ready {
        status: if ready { "ready" } else { "not_ready" },
        checks: Checks { database: if health.is_some() { "ok" } else { "failing" }, draining },
        webhooks: health.map(|(InboxHealth { pending, dead }, _, _)| Waiting { pending, dead }),
        emails: health.map(|(_, EmailHealth { pending, dead, unsent }, _)| Mail {
            mailer: http.billing.mailer(),
            pending,
            dead,
            unsent,
        }),
        open_differences: health.map(|(_, _, open)| open),
        gateways: http.billing.circuits().into_iter().map(reach).collect(),
    };
    let mut answer = if ready { HttpResponse::Ok() } else { HttpResponse::ServiceUnavailable() };
    answer.json(body)
}

fn reach((gateway, circuit): (Gateway, Circuit)) -> Reach {
    Reach { gateway: gateway.name(), circuit: circuit.name() }
}

/// Does nothing: what the other routes cost besides their work.
#[utoipa::path(get, path = "/api/hello", tag = "Health",
    responses((status = 200, description = "The key is valid", body = Hello)))]
pub(crate) async fn hello() -> Json<Hello> {
    Json(Hello { ok: true })
}
