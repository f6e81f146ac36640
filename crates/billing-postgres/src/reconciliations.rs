//! Reconciliation: what we have of what a gateway has, and the book of where the two differ.

mod book;
mod known;
mod ledger;

use async_trait::async_trait;
use billing_app::{
    Error,
    ports::{
        DifferenceFilter, FoundDifference, Known, Look, NewReconciliation, Page, Reconciliation,
        ReconciliationEnd, ReconciliationQueries, Reconciliations, Wanted,
    },
};
use billing_domain::{
    gateway::Gateway,
    id::{DifferenceId, OrganizationId, ReconciliationId},
    reconciliation::{Difference, Thing},
};
use time::OffsetDateTime;

use crate::Database;

#[async_trait]
impl ReconciliationQueries for Database {
    async fn known(&self, gateway: Gateway, wanted: &[Wanted]) -> Result<Vec<Known>, Error> {
        known::known(self, gateway, wanted).await
    }

    async fn unfinished(
        &self,
        gateway: Gateway,
        after: Option<(Thing, String)>,
        limit: i64,
    ) -> Result<Vec<(Thing, String)>, Error> {
        known::unfinished(self, gateway, after, limit).await
    }

    async fn ledger_differences(
        &self,
        gateway: Gateway,
        overdue_since: OffsetDateTime,
        limit: i64,
    ) -> Result<Vec<(OrganizationId, Difference)>, Error> {
        ledger::differences(self, gateway, overdue_since, limit).await
    }
}

#[async_trait]
impl Reconciliations for Database {
    async fn begin(&self, run: &NewReconciliation) -> Result<(), Error> {
        book::begin(self, run).await
    }

    async fn record(&self, look: &Look) -> Result<usize, Error> {
        book::record(self, look).await
    }

    async fn end(&self, run: ReconciliationId, ended: &ReconciliationEnd) -> Result<(), Error> {
        book::end(self, run, ended).await
    }

    async fn runs(&self, page: Page<ReconciliationId>) -> Result<Vec<Reconciliation>, Error> {
        book::runs(self, page).await
    }

    async fn run(&self, id: ReconciliationId) -> Result<Option<Reconciliation>, Error> {
        book::run(self, id).await
    }

    async fn differences(
        &self,
        filter: DifferenceFilter,
        page: Page<DifferenceId>,
    ) -> Result<Vec<FoundDifference>, Error> {
        book::differences(self, filter, page).await
    }

    async fn open_count(&self) -> Result<i64, Error> {
        book::open_count(self).await
    }
}
