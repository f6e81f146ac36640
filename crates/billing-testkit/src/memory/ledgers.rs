//! The hot path: commands of their own.

use async_trait::async_trait;
use billing_app::{
    Error,
    ports::{CreditLedger, UsageLedger},
};
use billing_domain::{
    credits::{CreditCommand, CreditOutcome},
    id::OrganizationId,
    usage::{UsageCommand, UsageOutcome},
};
use time::OffsetDateTime;

use super::{MemoryStore, world::World};

#[async_trait]
impl CreditLedger for MemoryStore {
    async fn apply(
        &self,
        organization: OrganizationId,
        command: CreditCommand,
        now: OffsetDateTime,
    ) -> Result<CreditOutcome, Error> {
        self.shared.commit(|world| world.apply_credits(organization, &command, now)).await
    }

    async fn due(&self, now: OffsetDateTime, limit: i64) -> Result<Vec<OrganizationId>, Error> {
        self.shared.read(|world| {
            let all = world.credits.iter();
            let mut due: Vec<_> = all
                .filter_map(|(id, book)| Some((book.account.next_due_at()?, *id)))
                .filter(|(at, _)| *at <= now)
                .collect();
            due.sort();
            due.into_iter().take(at_most(limit)).map(|(_, id)| id).collect()
        })
    }
}

#[async_trait]
impl UsageLedger for MemoryStore {
    async fn apply(
        &self,
        organization: OrganizationId,
        command: UsageCommand,
        now: OffsetDateTime,
    ) -> Result<UsageOutcome, Error> {
        self.shared.commit(|world| world.apply_usage(organization, &command, now)).await
    }

    async fn apply_all(
        &self,
        commands: Vec<(OrganizationId, Vec<UsageCommand>)>,
        now: OffsetDateTime,
    ) -> Vec<Result<Vec<UsageOutcome>, Error>> {
        let mut outcomes = Vec::with_capacity(commands.len());
        for (organization, commands) in commands {
            let all = |world: &mut World| {
                let apply = |command| world.apply_usage(organization, command, now);
                commands.iter().map(apply).collect()
            };
            outcomes.push(self.shared.commit(all).await);
        }
        outcomes
    }
}

/// A limit as a number of items; a negative one is none.
pub(super) fn at_most(limit: i64) -> usize {
    usize::try_from(limit).unwrap_or_default()
}
