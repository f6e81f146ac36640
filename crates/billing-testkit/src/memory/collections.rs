//! How the money of invoices is taken.

use std::collections::BTreeMap;

use async_trait::async_trait;
use billing_app::{
    Error,
    ports::{
        CollectionQueries, Collections, FailedPayment, FailedStatus, Page, PaymentFigures, Tally,
    },
};
use billing_domain::{
    collection::{Attempt, AttemptOutcome, Collection, MethodRecord},
    event::Event,
    gateway::GatewayRef,
    id::{InvoiceId, OrganizationId},
    payment::{ChargeFailure, DeclineKind},
};
use time::OffsetDateTime;

use super::{MemoryStore, ledgers::at_most, trials::first_due, unit::Unit};

#[async_trait]
impl Collections for Unit {
    async fn find(
        &mut self,
        organization: OrganizationId,
        invoice: InvoiceId,
    ) -> Result<Option<Collection>, Error> {
        self.shared.reachable()?;
        let found = self.world.collections.get(&invoice);
        let own = found.filter(|one| one.organization_id == organization);
        Ok(own.filter(|_| self.sees(organization)).cloned())
    }

    async fn open(&mut self, organization: OrganizationId) -> Result<Vec<Collection>, Error> {
        self.shared.reachable()?;
        let all = self.world.collections.values();
        let own = all.filter(|one| one.organization_id == organization && one.state.is_open());
        Ok(own.filter(|_| self.sees(organization)).cloned().collect())
    }

    async fn record_of(
        &mut self,
        organization: OrganizationId,
        method: &GatewayRef,
        since: OffsetDateTime,
    ) -> Result<MethodRecord, Error> {
        self.shared.reachable()?;
        let all = self.world.collections.values();
        let own = all.filter(|one| one.organization_id == organization && self.sees(organization));
        let attempts = own.flat_map(|one| &one.attempts).filter(|one| one.method == *method);
        let mut record = MethodRecord::default();
        for attempt in attempts {
            record.attempts += u32::from(attempt.at > since);
            record.refused_for_good |= is_hard(attempt);
        }
        Ok(record)
    }

    async fn save(&mut self, collection: &Collection, events: &[Event]) -> Result<(), Error> {
        let id = collection.invoice_id;
        let before = self.world.collections.get(&id).map(|one| one.organization_id);
        self.may_replace(collection.organization_id, before)?;
        self.world.collections.insert(id, collection.clone());
        self.world.events.extend_from_slice(events);
        Ok(())
    }
}

fn is_hard(attempt: &Attempt) -> bool {
    attempt.outcome.failure().map(ChargeFailure::kind) == Some(DeclineKind::Hard)
}

#[async_trait]
impl CollectionQueries for MemoryStore {
    async fn collections_due(
        &self,
        now: OffsetDateTime,
        limit: i64,
    ) -> Result<Vec<(OrganizationId, InvoiceId)>, Error> {
        self.shared.read(|world| {
            let all = world.collections.values();
            let all = all.filter_map(|one| Some((one.next_due_at?, one.invoice_id)));
            let due = first_due(all, now, limit).into_iter();
            due.filter_map(|id| Some((world.collections.get(&id)?.organization_id, id))).collect()
        })
    }

    async fn next_collection_due_at(&self) -> Result<Option<OffsetDateTime>, Error> {
        self.shared.read(|world| world.collections.values().filter_map(|one| one.next_due_at).min())
    }

    async fn failed_payments(
        &self,
        status: Option<FailedStatus>,
        page: Page<InvoiceId>,
    ) -> Result<Vec<FailedPayment>, Error> {
        self.shared.read(|world| {
            let newest_first = world.collections.values().rev();
            let failed = newest_first.filter(|one| {
                one.failed_at.is_some()
                    && status.is_none_or(|status| FailedStatus::of(one) == status)
                    && page.after.is_none_or(|after| one.invoice_id < after)
            });
            let shown = failed.filter_map(|one| {
                let invoice = world.invoices.get(&one.invoice_id)?;
                Some(FailedPayment {
                    collection: one.clone(),
                    number: invoice.number.clone(),
                    total: invoice.bill.total(),
                })
            });
            shown.take(at_most(page.limit)).collect()
        })
    }

    async fn payment_figures(
        &self,
        since: OffsetDateTime,
        until: OffsetDateTime,
    ) -> Result<PaymentFigures, Error> {
        self.shared.read(|world| {
            let within = |at: OffsetDateTime| since < at && at <= until;
            let mut figures = PaymentFigures::default();
            let mut failed = BTreeMap::new();
            for one in world.collections.values() {
                for attempt in one.attempts.iter().filter(|it| within(it.at)) {
                    match attempt.outcome {
                        AttemptOutcome::Pending => figures.pending += 1,
                        AttemptOutcome::Succeeded => figures.succeeded += 1,
                        AttemptOutcome::Failed(why) => *failed.entry(why.kind()).or_default() += 1,
                    }
                }
                let Some(invoice) = world.invoices.get(&one.invoice_id) else { continue };
                let total = invoice.bill.total();
                let tally = Tally { invoices: 1, amount: total.minor() };
                let has_failed = one.failed_at.is_some();
                if within(one.created_at) {
                    figures.add(total.currency(), (one.state.name(), has_failed), tally);
                }
                if has_failed && one.state.is_open() {
                    figures.of(total.currency()).at_risk.add(tally);
                }
            }
            figures.failed = failed.into_iter().collect();
            figures
        })
    }
}
