//! Gateways, payments and the ledger compared: runs, on demand too, and what they found.

use core::{fmt::Display, str::FromStr};

use actix_web::web::{Data, Json, Path};
use billing_app::{
    Missing, Reconcile,
    ports::{
        AskedBy, DifferenceFilter, DifferenceStatus, FoundDifference, NewReconciliation, Page,
        Reconciliation, ReconciliationTally,
    },
};
use billing_domain::{id::ReconciliationId, reconciliation::Difference};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    body::{Body, Params, id_in_path},
    moment::Moment,
    pace::Until,
    page::{List, Paging, page, ten},
    problem::Problem,
    state::Http,
};

/// How many differences come along with a run.
const SHOWN: i64 = 100;

/// What to reconcile.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "gateway": "stripe", "since": "2026-03-01T00:00:00Z", "dry_run": true }))]
pub(crate) struct Wish {
    /// The name of the gateway; all by default.
    #[schema(example = "stripe")]
    gateway: Option<String>,
    /// Since when things are listed at the gateway; by default since three days, or since the
    /// last run where that was longer ago. What is not final is looked at in any case.
    since: Option<Moment>,
    /// Whether differences are only noted, and nothing is healed.
    #[serde(default)]
    #[schema(default = false)]
    dry_run: bool,
}

/// A run of reconciliation.
#[derive(Serialize, ToSchema)]
pub(crate) struct Run {
    id: Uuid,
    #[schema(example = "stripe")]
    gateway: &'static str,
    /// `whole`, or `unfinished`: only payments under way, open invoices and open pages.
    #[schema(example = "whole")]
    extent: &'static str,
    /// `schedule`, `cron`, `admin` or `operator`.
    #[schema(example = "schedule")]
    asked_by: &'static str,
    dry_run: bool,
    /// Since when things were listed at the gateway.
    since: Moment,
    /// By the business clock.
    started_at: Moment,
    /// Nothing while it runs, or where its server died.
    ended_at: Option<Moment>,
    /// Things that were compared.
    compared: u64,
    /// Differences that were found.
    found: u64,
    /// Those of them that were healed.
    healed: u64,
    /// Those that were left.
    left: u64,
    /// Things of which the gateway did not say how they stand.
    unanswered: u64,
    /// Why it did not come to its end.
    error: Option<String>,
}

/// A run, and what it found first.
#[derive(Serialize, ToSchema)]
pub(crate) struct RunWithDifferences {
    #[serde(flatten)]
    run: Run,
    /// The newest first, a hundred at most.
    differences: Vec<Shown>,
}

/// Where a gateway and we differ, or our own records among themselves.
#[derive(Serialize, ToSchema)]
#[schema(as = ReconciliationDifference)]
pub(crate) struct Shown {
    id: Uuid,
    /// The run that found it first.
    reconciliation_id: Uuid,
    #[schema(example = "stripe")]
    gateway: &'static str,
    /// Whose it is, where that is known.
    organization_id: Option<Uuid>,
    /// `checkout`, `subscription`, `payment` or `invoice`.
    #[schema(example = "payment")]
    thing: &'static str,
    /// What the gateway calls it.
    #[schema(example = "pi_1")]
    object_id: String,
    /// `missing_here`, `missing_there`, `status`, `currency`, `amount`, `refund`, `terms`,
    /// `no_grant`, `no_payment`, `no_reversal`, `invoice_payment` or `overdue`.
    #[schema(example = "missing_here")]
    kind: &'static str,
    /// What we said.
    ours: Option<String>,
    /// What the gateway said, or what should be.
    theirs: Option<String>,
    /// `healed`; `open`: it waits for a person, and every run looks again; or `seen` in a run that
    /// was to heal nothing.
    #[schema(example = "healed")]
    status: &'static str,
    /// Why it does not heal.
    why: Option<String>,
    found_at: Moment,
    healed_at: Option<Moment>,
}

/// Which differences.
#[derive(Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Which {
    /// `seen`, `healed` or `open`; all by default.
    status: Option<String>,
    /// How many, from 1 to 100.
    #[serde(default = "ten")]
    #[param(minimum = 1, maximum = 100, default = 10)]
    limit: i64,
    /// The id of the last one on the page before.
    starting_after: Option<String>,
}

/// Reconciles now, and answers when it is done. Two at once are harmless.
#[utoipa::path(post, path = "/api/admin/reconciliations", tag = "Administration",
    request_body = Wish,
    responses(
        (status = 200, description = "A run for each gateway that keeps lists", body = List<Run>),
        (status = 404, description = "`GATEWAY_NOT_FOUND`"),
        (status = 503, description = "`GATEWAY_UNAVAILABLE`, `SERVICE_UNAVAILABLE`: the run is recorded with what it came to"),
    ))]
pub(crate) async fn run(
    http: Data<Http>,
    Body(wish): Body<Wish>,
) -> Result<Json<List<Run>>, Problem> {
    let wanted = Reconcile {
        gateway: parsed("gateway", wish.gateway.as_deref())?,
        since: wish.since.map(|since| since.0),
        dry_run: wish.dry_run,
        asked_by: AskedBy::Admin,
    };
    let pace = Until(http.draining.clone());
    let ran = http.spawned(|billing| async move { billing.reconcile(wanted, &pace).await });
    Ok(Json(List::all(ran.await??.into_iter().map(Run::from).collect())))
}

/// Lists runs of reconciliation, the newest first.
#[utoipa::path(get, path = "/api/admin/reconciliations", tag = "Administration",
    params(Paging),
    responses((status = 200, description = "A page of them", body = List<Run>)))]
pub(crate) async fn list(
    http: Data<Http>,
    Params(paging): Params<Paging>,
) -> Result<Json<List<Run>>, Problem> {
    let page = page(paging.limit, paging.starting_after.as_deref())?;
    let found = http.billing.reconciliations(page).await?;
    Ok(Json(List::of(found, page, Run::from)))
}

/// Shows a run of reconciliation and what it found.
#[utoipa::path(get, path = "/api/admin/reconciliations/{id}", tag = "Administration",
    params(("id" = Uuid, Path, description = "The run")),
    responses(
        (status = 200, description = "The run", body = RunWithDifferences),
        (status = 404, description = "`RECONCILIATION_NOT_FOUND`"),
    ))]
pub(crate) async fn one(
    http: Data<Http>,
    id: Path<String>,
) -> Result<Json<RunWithDifferences>, Problem> {
    let id: ReconciliationId = id_in_path(&id, Missing::Reconciliation)?;
    let run = http.billing.reconciliation(id).await?;
    let filter = DifferenceFilter { found_in: Some(id), status: None };
    let found = http.billing.differences(filter, Page { after: None, limit: SHOWN }).await?;
    let differences = found.into_iter().map(Shown::from).collect();
    Ok(Json(RunWithDifferences { run: run.into(), differences }))
}

/// Lists differences, the newest first. Those that are `open` wait for a person.
#[utoipa::path(get, path = "/api/admin/differences", tag = "Administration",
    params(Which),
    responses((status = 200, description = "A page of them", body = List<Shown>)))]
pub(crate) async fn differences(
    http: Data<Http>,
    Params(which): Params<Which>,
) -> Result<Json<List<Shown>>, Problem> {
    let page = page(which.limit, which.starting_after.as_deref())?;
    let status: Option<DifferenceStatus> = parsed("status", which.status.as_deref())?;
    let filter = DifferenceFilter { found_in: None, status };
    let found = http.billing.differences(filter, page).await?;
    Ok(Json(List::of(found, page, Shown::from)))
}

/// A name of ours; nothing where none is given.
fn parsed<T: FromStr<Err: Display>>(field: &str, name: Option<&str>) -> Result<Option<T>, Problem> {
    let parsed = name.map(str::parse).transpose();
    parsed.map_err(|error| Problem::invalid(field, format!("({error})")))
}

impl From<Reconciliation> for Run {
    fn from(run: Reconciliation) -> Self {
        let Reconciliation { began, ended } = run;
        let NewReconciliation { id, gateway, extent, asked_by, dry_run, since, started_at } = began;
        let tally = ended.as_ref().map(|ended| ended.tally).unwrap_or_default();
        let ReconciliationTally { compared, found, healed, left, unanswered } = tally;
        Self {
            id: id.0,
            gateway: gateway.name(),
            extent: extent.name(),
            asked_by: asked_by.name(),
            dry_run,
            since: Moment(since),
            started_at: Moment(started_at),
            ended_at: ended.as_ref().map(|ended| Moment(ended.ended_at)),
            compared,
            found,
            healed,
            left,
            unanswered,
            error: ended.and_then(|ended| ended.error),
        }
    }
}

impl From<FoundDifference> for Shown {
    fn from(found: FoundDifference) -> Self {
        let FoundDifference { difference, .. } = found;
        let Difference { thing, id, kind, ours, theirs } = difference;
        Self {
            id: found.id.0,
            reconciliation_id: found.found_in.0,
            gateway: found.gateway.name(),
            organization_id: found.organization_id.map(|id| id.0),
            thing: thing.name(),
            object_id: id,
            kind: kind.name(),
            ours,
            theirs,
            status: found.status.name(),
            why: found.why,
            found_at: Moment(found.found_at),
            healed_at: found.healed_at.map(Moment),
        }
    }
}
