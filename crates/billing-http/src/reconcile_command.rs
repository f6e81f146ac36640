//! Reconciliation, by an operator.

use std::sync::{Arc, atomic::AtomicBool};

use billing_app::{
    Billing, Reconcile,
    ports::{AskedBy, DifferenceFilter, FoundDifference, Page, Reconciliation},
};
use billing_domain::gateway::Gateway;
use billing_http::Until;
use clap::Args;
use time::OffsetDateTime;

use crate::{banner::say, events::moment, jobs_command::shown};

/// How many differences are shown.
const SHOWN: i64 = 100;

/// What to reconcile.
#[derive(Args)]
pub(crate) struct ReconcileCommand {
    /// Only say what differs.
    #[arg(long)]
    dry_run: bool,
    /// Since when things are listed at the gateway, such as 2026-03-01T12:00:00Z; by default since
    /// three days, or since the last run where that was longer ago.
    #[arg(long, value_parser = moment)]
    since: Option<OffsetDateTime>,
    /// With one gateway only.
    #[arg(long)]
    gateway: Option<Gateway>,
}

impl ReconcileCommand {
    /// Does it, beside a server that runs.
    pub(crate) async fn run(self, billing: &Billing) -> anyhow::Result<()> {
        let Self { dry_run, since, gateway } = self;
        let wanted = Reconcile { gateway, since, dry_run, asked_by: AskedBy::Operator };
        let pace = Until(Arc::new(AtomicBool::new(false)));
        let ran = billing.reconcile(wanted, &pace).await;
        for run in ran.map_err(|error| anyhow::anyhow!("{}", error.in_full()))? {
            tell(billing, &run).await?;
        }
        Ok(())
    }
}

async fn tell(billing: &Billing, run: &Reconciliation) -> anyhow::Result<()> {
    let filter = DifferenceFilter { found_in: Some(run.began.id), status: None };
    let found = billing.differences(filter, Page { after: None, limit: SHOWN }).await?;
    for FoundDifference { difference: it, status, why, .. } in &found {
        let (ours, theirs) = (it.ours.as_deref(), it.theirs.as_deref());
        let (ours, theirs) = (ours.unwrap_or("-"), theirs.unwrap_or("-"));
        let why = why.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
        let (thing, kind) = (it.thing.name(), it.kind.name());
        say(&format!("{status:<6} {kind:<15} {thing} {}: {ours} here, {theirs} there{why}", it.id));
    }
    let (gateway, since) = (run.began.gateway, shown(run.began.since));
    let tally = run.ended.as_ref().map(|ended| ended.tally).unwrap_or_default();
    say(&format!(
        "{gateway} since {since}: {} compared, {} differed, {} healed, {} left, {} unanswered",
        tally.compared, tally.found, tally.healed, tally.left, tally.unanswered
    ));
    Ok(())
}
