//! What becomes due by the business clock.
//!
//! A new sort of work is a line in [`DUE_WORK`], beside what it does in `impl DueWork`.

use async_trait::async_trait;
use billing_domain::period::Period;
use time::{Duration, OffsetDateTime};

use crate::{Billing, Error, jobs::DUE_AT_ONCE};

/// Work that becomes due by the business clock.
#[async_trait]
pub(super) trait DueWork: Sync {
    /// Its name, for the log.
    fn name(&self) -> &'static str;

    /// When there is something to do next; `last_run` is when it was last done.
    async fn next_due(
        &self,
        billing: &Billing,
        last_run: OffsetDateTime,
    ) -> Result<Option<OffsetDateTime>, Error>;

    /// Does what is due now, or a batch of it. How much was done: where it was nothing, nothing
    /// more can be done now.
    async fn run_due(&self, billing: &Billing) -> Result<usize, Error>;
}

/// All of it, in the order in which it is done at one instant: room first, then what a gateway or
/// our own engine brings, then what follows from it.
pub(super) const DUE_WORK: [&dyn DueWork; 8] = [
    &MonthlyPartitions,
    &AtGateways,
    &PlannedChanges,
    &Trials,
    // What is tried once more on the last day of grace is tried before it is over.
    &Collections,
    &Renewals,
    &CreditAccounts,
    &TopUps,
];

/// Partitions are made as months begin.
struct MonthlyPartitions;

#[async_trait]
impl DueWork for MonthlyPartitions {
    fn name(&self) -> &'static str {
        "partitions"
    }

    async fn next_due(
        &self,
        _: &Billing,
        last_run: OffsetDateTime,
    ) -> Result<Option<OffsetDateTime>, Error> {
        Ok(Some(Period::calendar_month(last_run).end))
    }

    async fn run_due(&self, billing: &Billing) -> Result<usize, Error> {
        billing.make_partitions().await.map(|()| 0)
    }
}

/// Simulated gateways renew subscriptions, end trials and pages, and tell of it by webhooks.
struct AtGateways;

#[async_trait]
impl DueWork for AtGateways {
    fn name(&self) -> &'static str {
        "gateways"
    }

    async fn next_due(
        &self,
        billing: &Billing,
        _: OffsetDateTime,
    ) -> Result<Option<OffsetDateTime>, Error> {
        let mut first: Option<OffsetDateTime> = None;
        for simulator in &billing.ports.simulators {
            let at = simulator.next_due().await.map_err(silent)?;
            first = [first, at].into_iter().flatten().min();
        }
        Ok(first)
    }

    async fn run_due(&self, billing: &Billing) -> Result<usize, Error> {
        let now = billing.ports.clock.now();
        for simulator in &billing.ports.simulators {
            simulator.move_to(now).await.map_err(silent)?;
        }
        let mut done = 0;
        loop {
            let progress = billing.process_webhooks().await?;
            if !progress.any() {
                return Ok(done);
            }
            done += progress.done;
        }
    }
}

fn silent(error: crate::ports::GatewayError) -> Error {
    Error::Unavailable {
        what: "the simulator of the gateway",
        retry_after: std::time::Duration::from_secs(1),
        cause: error.into(),
    }
}

/// Pauses end, and what is unknown of changes is asked for.
struct PlannedChanges;

#[async_trait]
impl DueWork for PlannedChanges {
    fn name(&self) -> &'static str {
        "changes"
    }

    async fn next_due(
        &self,
        billing: &Billing,
        _: OffsetDateTime,
    ) -> Result<Option<OffsetDateTime>, Error> {
        billing.ports.subscriptions.next_change_due_at().await
    }

    async fn run_due(&self, billing: &Billing) -> Result<usize, Error> {
        billing.carry_out_changes().await
    }
}

/// Trials are reminded of, and end.
struct Trials;

#[async_trait]
impl DueWork for Trials {
    fn name(&self) -> &'static str {
        "trials"
    }

    async fn next_due(
        &self,
        billing: &Billing,
        _: OffsetDateTime,
    ) -> Result<Option<OffsetDateTime>, Error> {
        billing.next_trial_due_at().await
    }

    async fn run_due(&self, billing: &Billing) -> Result<usize, Error> {
        billing.end_due_trials(DUE_AT_ONCE).await
    }
}

/// What our own engine bills goes on period by period, or ends.
struct Renewals;

#[async_trait]
impl DueWork for Renewals {
    fn name(&self) -> &'static str {
        "renewals"
    }

    async fn next_due(
        &self,
        billing: &Billing,
        _: OffsetDateTime,
    ) -> Result<Option<OffsetDateTime>, Error> {
        billing.next_renewal_due_at().await
    }

    async fn run_due(&self, billing: &Billing) -> Result<usize, Error> {
        billing.renew_due_subscriptions(DUE_AT_ONCE).await
    }
}

/// The money of invoices is taken, tried again, or given up.
struct Collections;

#[async_trait]
impl DueWork for Collections {
    fn name(&self) -> &'static str {
        "collections"
    }

    async fn next_due(
        &self,
        billing: &Billing,
        _: OffsetDateTime,
    ) -> Result<Option<OffsetDateTime>, Error> {
        billing.next_collection_due_at().await
    }

    async fn run_due(&self, billing: &Billing) -> Result<usize, Error> {
        billing.collect_due_invoices(DUE_AT_ONCE).await
    }
}

/// Grants start and end, their ends are told ahead, holds time out.
struct CreditAccounts;

#[async_trait]
impl DueWork for CreditAccounts {
    fn name(&self) -> &'static str {
        "credits"
    }

    async fn next_due(
        &self,
        billing: &Billing,
        _: OffsetDateTime,
    ) -> Result<Option<OffsetDateTime>, Error> {
        billing.ports.ledgers.next_credits_due().await
    }

    async fn run_due(&self, billing: &Billing) -> Result<usize, Error> {
        billing.book_due_credits().await
    }
}

/// Credits are bought for those who run low; caps end with the month.
struct TopUps;

#[async_trait]
impl DueWork for TopUps {
    fn name(&self) -> &'static str {
        "top-ups"
    }

    /// Those who must wait are looked at every hour, because the catalogue may change. While the
    /// clock is moved it does not: a look a day is enough, and one when the month begins.
    async fn next_due(
        &self,
        billing: &Billing,
        last_run: OffsetDateTime,
    ) -> Result<Option<OffsetDateTime>, Error> {
        let Some(look_at) = billing.ports.money.next_top_up().await? else { return Ok(None) };
        if look_at <= last_run {
            return Ok(Some(look_at));
        }
        let month_end = Period::calendar_month(last_run).end;
        Ok(Some(look_at.max(month_end.min(last_run.saturating_add(Duration::DAY)))))
    }

    async fn run_due(&self, billing: &Billing) -> Result<usize, Error> {
        billing.top_up_credits().await
    }
}
