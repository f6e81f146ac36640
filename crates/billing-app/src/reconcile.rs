//! Gateway, payments and ledger are compared. What differs is healed from what the gateway says, in
//! the very way in which webhooks have their effect: this alone is enough if all of them are lost.
//!
//! Lists of the gateway show what is suspicious; each suspect is then asked for by itself, and only
//! what differs then is a difference. What does not heal stays open: administrators are told once,
//! and every later run looks at it again.

mod comparing;
mod ledger;
mod looking;

use std::collections::BTreeSet;

use billing_domain::{
    gateway::Gateway,
    id::{DifferenceId, ReconciliationId},
    reconciliation::{DifferenceKind, Thing},
};
use time::{Duration, OffsetDateTime};

use crate::{
    Billing, Error, Missing,
    jobs::{Step, Steps},
    open_checkout::gateway_failed,
    ports::{
        AskedBy, DifferenceFilter, DifferenceStatus, Extent, FoundDifference, Listed, Listings,
        NewReconciliation, Page, PaymentGateway, Reconciliation, ReconciliationEnd,
        ReconciliationTally,
    },
    run_job::Pace,
};

/// How far back the lists are gone through; further where no run has come to its end since.
const WINDOW: Duration = Duration::days(3);
/// As far back as any run looks by itself.
const FURTHEST: Duration = Duration::days(90);
/// What nobody knows the end of for so long waits for a person. It was asked for again and again
/// until then: after a minute, five minutes, an hour, and five times after a day.
const OVERDUE: Duration = Duration::days(5);
/// How many things are read at once.
const BATCH: i64 = 100;
/// A run that nobody has a lease for ends by itself after so long.
const LONGEST: std::time::Duration = std::time::Duration::from_secs(24 * 60 * 60);

/// What is to be reconciled.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Reconcile {
    /// With this gateway only.
    pub gateway: Option<Gateway>,
    /// From when on; by default since three days, or since the last run if that is longer ago.
    pub since: Option<OffsetDateTime>,
    /// Whether differences are only noted.
    pub dry_run: bool,
    /// Who asks.
    pub asked_by: AskedBy,
}

/// A run under way.
struct Reconciler<'a> {
    billing: &'a Billing,
    gateway: &'a dyn PaymentGateway,
    steps: &'a Steps<'a>,
    began: NewReconciliation,
    tally: ReconciliationTally,
    /// What was compared already.
    met: BTreeSet<(Thing, String)>,
    /// Differences that were open when the run began.
    open: BTreeSet<(Thing, String, DifferenceKind)>,
}

impl Billing {
    /// Reconciles with every gateway that keeps lists, or with one. The runs, as they ended.
    ///
    /// Two at once are harmless. What a gateway does not answer fails the run; what was healed by
    /// then stays.
    pub async fn reconcile(
        &self,
        wanted: Reconcile,
        pace: &dyn Pace,
    ) -> Result<Vec<Reconciliation>, Error> {
        let steps = Steps::new(pace, LONGEST, self.ports.clock.wall());
        if let Some(gateway) = wanted.gateway {
            self.gateway(Some(gateway))?;
        }
        self.run_reconciliations(wanted, Extent::Whole, &steps).await
    }

    /// The same as a job. How many differences were healed it tells the steps.
    pub(crate) async fn reconcile_by_schedule(&self, steps: &Steps<'_>) -> Result<(), Error> {
        self.run_reconciliations(scheduled(), Extent::Whole, steps).await.map(drop)
    }

    /// Asks after payments under way, open invoices and open pages, and takes in how they stand.
    pub(crate) async fn look_after_unfinished(&self, steps: &Steps<'_>) -> Result<(), Error> {
        self.run_reconciliations(scheduled(), Extent::Unfinished, steps).await.map(drop)
    }

    /// Runs, the newest first.
    pub async fn reconciliations(
        &self,
        page: Page<ReconciliationId>,
    ) -> Result<Vec<Reconciliation>, Error> {
        self.ports.reconciliations.runs(page).await
    }

    /// A run. `NotFound(Reconciliation)`.
    pub async fn reconciliation(&self, id: ReconciliationId) -> Result<Reconciliation, Error> {
        let found = self.ports.reconciliations.run(id).await?;
        found.ok_or(Error::NotFound(Missing::Reconciliation))
    }

    /// Differences that a filter lets through, the newest first.
    pub async fn differences(
        &self,
        filter: DifferenceFilter,
        page: Page<DifferenceId>,
    ) -> Result<Vec<FoundDifference>, Error> {
        self.ports.reconciliations.differences(filter, page).await
    }

    /// How many differences wait for a person, as far as it is worth counting.
    pub async fn open_differences(&self) -> Result<i64, Error> {
        self.ports.reconciliations.open_count().await
    }

    async fn run_reconciliations(
        &self,
        wanted: Reconcile,
        extent: Extent,
        steps: &Steps<'_>,
    ) -> Result<Vec<Reconciliation>, Error> {
        let mut runs = Vec::new();
        let gateways = self.ports.gateways.iter().map(|gateway| &**gateway);
        let wants = |it: &&dyn PaymentGateway| wanted.gateway.is_none_or(|one| one == it.gateway());
        for gateway in gateways.filter(wants) {
            let Some(listings) = gateway.listings() else { continue };
            let began = self.begin_reconciliation(gateway.gateway(), wanted, extent).await?;
            let mut run = Reconciler {
                billing: self,
                gateway,
                steps,
                began,
                tally: ReconciliationTally::default(),
                met: BTreeSet::new(),
                open: BTreeSet::new(),
            };
            let went = run.go_through(listings).await;
            let Reconciler { began, mut tally, met, .. } = run;
            tally.compared = u64::try_from(met.len()).unwrap_or(u64::MAX);
            let error = went.as_ref().err().map(Error::in_full);
            let ended = ReconciliationEnd { ended_at: self.ports.clock.now(), tally, error };
            self.ports.reconciliations.end(began.id, &ended).await?;
            went?;
            runs.push(Reconciliation { began, ended: Some(ended) });
        }
        Ok(runs)
    }

    async fn begin_reconciliation(
        &self,
        gateway: Gateway,
        wanted: Reconcile,
        extent: Extent,
    ) -> Result<NewReconciliation, Error> {
        let started_at = self.ports.clock.now();
        let since = match wanted.since {
            Some(since) => since,
            None => self.not_covered_since(gateway, started_at).await?,
        };
        let began = NewReconciliation {
            id: ReconciliationId(self.ports.ids.next()),
            gateway,
            extent,
            asked_by: wanted.asked_by,
            dry_run: wanted.dry_run,
            since,
            started_at,
        };
        self.ports.reconciliations.begin(&began).await?;
        Ok(began)
    }

    /// What changed before this was covered by an earlier run.
    async fn not_covered_since(
        &self,
        gateway: Gateway,
        now: OffsetDateTime,
    ) -> Result<OffsetDateTime, Error> {
        let latest = self.ports.reconciliations.runs(Page { after: None, limit: BATCH }).await?;
        let covers = |run: &&Reconciliation| {
            let NewReconciliation { gateway: with, extent, dry_run, .. } = run.began;
            let whole = run.ended.as_ref().is_some_and(|ended| ended.error.is_none());
            with == gateway && extent == Extent::Whole && !dry_run && whole
        };
        let last = latest.iter().find(covers).map(|run| run.began.started_at);
        let window = now - WINDOW;
        Ok(last.map_or(window, |last| last.clamp(now - FURTHEST, window)))
    }
}

impl Reconciler<'_> {
    async fn go_through(&mut self, listings: &dyn Listings) -> Result<(), Error> {
        self.remember_open().await?;
        if self.began.extent == Extent::Whole {
            for sort in Listed::ALL {
                self.go_through_list(listings, sort).await?;
            }
        }
        self.look_at_unfinished().await?;
        if self.began.extent == Extent::Unfinished {
            return Ok(());
        }
        let open: Vec<_> = self.open.iter().cloned().collect();
        for (thing, id, kind) in open {
            if !kind.is_of_ledger() && !self.met.contains(&(thing, id.clone())) {
                self.look_into((thing, id)).await?;
            }
        }
        self.compare_ledger().await
    }

    /// The right to go on for a step.
    async fn step(&self) -> Result<Step, Error> {
        let step = self.steps.next(self.billing).await?;
        step.ok_or_else(|| Error::Unavailable {
            what: "the rest of the reconciliation",
            retry_after: std::time::Duration::from_secs(1),
            cause: anyhow::anyhow!("it was asked to stop"),
        })
    }

    async fn remember_open(&mut self) -> Result<(), Error> {
        let filter = DifferenceFilter { found_in: None, status: Some(DifferenceStatus::Open) };
        let mut after = None;
        loop {
            let page = Page { after, limit: BATCH };
            let found = self.billing.ports.reconciliations.differences(filter, page).await?;
            let Some(last) = found.last() else { return Ok(()) };
            after = Some(last.id);
            let here = found.into_iter().filter(|it| it.gateway == self.began.gateway);
            let key =
                |it: FoundDifference| (it.difference.thing, it.difference.id, it.difference.kind);
            self.open.extend(here.map(key));
        }
    }

    async fn go_through_list(
        &mut self,
        listings: &dyn Listings,
        sort: Listed,
    ) -> Result<(), Error> {
        let mut after: Option<String> = None;
        loop {
            let step = self.step().await?;
            let page = listings.page(sort, self.began.since, after.as_deref()).await;
            let page = page.map_err(|error| gateway_failed(self.gateway, error))?;
            let suspects = self.suspects(page.sightings).await?;
            drop(step);
            for suspect in suspects {
                self.look_into(suspect).await?;
            }
            after = page.next;
            if after.is_none() {
                return Ok(());
            }
        }
    }

    async fn look_at_unfinished(&mut self) -> Result<(), Error> {
        let mut after: Option<(Thing, String)> = None;
        loop {
            let queries = &self.billing.ports.reconciling;
            let found = queries.unfinished(self.began.gateway, after.clone(), BATCH).await?;
            let Some(last) = found.last() else { return Ok(()) };
            after = Some(last.clone());
            for (thing, id) in found {
                // Live subscriptions are on a list: one by one they would be too many.
                let wanted = self.began.extent == Extent::Whole || thing != Thing::Subscription;
                if wanted && !self.met.contains(&(thing, id.clone())) {
                    self.look_into((thing, id)).await?;
                }
            }
        }
    }
}

const fn scheduled() -> Reconcile {
    Reconcile { gateway: None, since: None, dry_run: false, asked_by: AskedBy::Schedule }
}
