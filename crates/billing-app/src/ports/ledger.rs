//! The hot path: commands that are answered after they are durable.

use async_trait::async_trait;
use billing_domain::{
    credits::{CreditCommand, CreditOutcome},
    id::OrganizationId,
    usage::{UsageCommand, UsageOutcome},
};
use time::OffsetDateTime;

use crate::Error;

/// The credit ledger, one command at a time. An adapter may commit many at once.
///
/// `Ok` comes after the commit. An `Err` means that nothing is known to have happened: the same
/// command may be sent again and is decided once, by its key or source.
#[async_trait]
pub trait CreditLedger: Send + Sync {
    /// Decides and records one command. `NotFound(Organization)` for an unknown one.
    async fn apply(
        &self,
        organization: OrganizationId,
        command: CreditCommand,
        now: OffsetDateTime,
    ) -> Result<CreditOutcome, Error>;

    /// Organizations on whose account something is due, at most `limit` of them.
    async fn due(&self, now: OffsetDateTime, limit: i64) -> Result<Vec<OrganizationId>, Error>;
}

/// The usage ledger, with the same promises.
#[async_trait]
pub trait UsageLedger: Send + Sync {
    /// Decides and records one command. `NotFound(Organization)` for an unknown one.
    async fn apply(
        &self,
        organization: OrganizationId,
        command: UsageCommand,
        now: OffsetDateTime,
    ) -> Result<UsageOutcome, Error>;

    /// The same for many commands of many organizations. What comes of each organization's is in
    /// their order; it is one transaction, all of them or none, and holds up nobody else's.
    async fn apply_all(
        &self,
        commands: Vec<(OrganizationId, Vec<UsageCommand>)>,
        now: OffsetDateTime,
    ) -> Vec<Result<Vec<UsageOutcome>, Error>>;
}
