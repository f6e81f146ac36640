//! The usage ledger, with one door like the credit ledger.

use async_trait::async_trait;
use billing_app::{
    Error, Refusal,
    ports::{Correction, Usage, UsageLedger},
};
use billing_domain::{
    catalogue::Meter,
    id::{DecisionId, OrganizationId},
    usage::{
        Counter, RawUse, Recorded, Recount, Tallies, UsageAccount, UsageCommand, UsageOutcome,
    },
};
use diesel::QueryResult;
use diesel_async::AsyncPgConnection;
use time::OffsetDateTime;

use crate::{
    Database,
    door::{self, Door, Frame, Order},
    unit_of_work::PostgresUnit,
    usage_archive,
    writer::Writers,
};

pub(crate) mod asked;
mod columns;
mod counted;
pub(crate) mod decisions;
pub(crate) mod known;
mod rebuild;
mod record;
pub(crate) mod statements;

/// The accounts at hand.
type Accounts = door::Accounts<UsageDoor>;

/// The way into the usage ledger.
struct UsageDoor;

impl Door for UsageDoor {
    type Command = UsageCommand;
    type Outcome = UsageOutcome;
    type Account = UsageAccount;

    async fn load(
        connection: &AsyncPgConnection,
        orders: &[Order<'_, UsageCommand>],
        frame: Option<Frame>,
    ) -> Result<Accounts, Error> {
        known::load(connection, orders, frame).await
    }

    fn decide(
        account: &mut UsageAccount,
        command: &UsageCommand,
        now: OffsetDateTime,
    ) -> UsageOutcome {
        account.apply(command, now)
    }

    async fn record(
        connection: &AsyncPgConnection,
        accounts: &mut Accounts,
        now: OffsetDateTime,
        frame: Option<Frame>,
    ) -> Result<(), Error> {
        record::write(connection, accounts, now, frame).await
    }

    async fn prepare(connection: &AsyncPgConnection) -> QueryResult<()> {
        known::prepare(connection).await?;
        record::prepare(connection).await
    }

    fn first_hand(command: &UsageCommand, outcome: UsageOutcome) -> UsageOutcome {
        let UsageCommand::Record(usage) = command else { return outcome };
        let own = |facts: &Recorded| facts.decision == DecisionId(usage.id.0);
        match outcome {
            UsageOutcome::Recorded(facts) if own(&facts) => {
                UsageOutcome::Recorded(Recorded { replayed: false, ..facts })
            }
            UsageOutcome::Denied(facts) if own(&facts) => {
                UsageOutcome::Denied(Recorded { replayed: false, ..facts })
            }
            outcome @ (UsageOutcome::Recorded(_)
            | UsageOutcome::Denied(_)
            | UsageOutcome::KeyReused
            | UsageOutcome::TooLarge
            | UsageOutcome::Given { .. }) => outcome,
        }
    }
}

/// The usage ledger of a database, with its writers.
#[derive(Clone)]
pub struct UsageWriters(Writers<UsageDoor>);

impl UsageWriters {
    /// Starts the writers, each on its thread. They end when the last clone is dropped.
    pub fn start(database: &Database) -> Self {
        Self(Writers::start(database))
    }
}

#[async_trait]
impl UsageLedger for UsageWriters {
    async fn apply(
        &self,
        organization: OrganizationId,
        command: UsageCommand,
        now: OffsetDateTime,
    ) -> Result<UsageOutcome, Error> {
        self.0.apply(organization, command, now).await
    }

    async fn apply_all(
        &self,
        commands: Vec<(OrganizationId, Vec<UsageCommand>)>,
        now: OffsetDateTime,
    ) -> Vec<Result<Vec<UsageOutcome>, Error>> {
        self.0.apply_all(commands, now).await
    }
}

#[async_trait]
impl Usage for PostgresUnit {
    async fn apply(
        &mut self,
        organization: OrganizationId,
        command: &UsageCommand,
        now: OffsetDateTime,
    ) -> Result<UsageOutcome, Error> {
        door::apply_one::<UsageDoor>(self.connection(), organization, command, now).await
    }

    async fn raw_uses(
        &mut self,
        organization: OrganizationId,
        after: i64,
    ) -> Result<Vec<RawUse>, Error> {
        rebuild::raw_uses(self.connection(), organization, after).await
    }

    async fn counted(
        &mut self,
        organization: OrganizationId,
        meter: &Meter,
        starts: &[OffsetDateTime],
    ) -> Result<Counter, Error> {
        counted::read(self.connection(), organization, meter, starts).await
    }

    async fn checkpoints(&mut self, organization: OrganizationId) -> Result<Tallies, Error> {
        usage_archive::checkpoints(self.connection(), organization).await
    }

    async fn counts(&mut self, organization: OrganizationId) -> Result<Recount, Error> {
        rebuild::counts(self.connection(), organization).await
    }

    async fn correct(
        &mut self,
        organization: OrganizationId,
        correction: &Correction,
    ) -> Result<(), Error> {
        rebuild::correct(self.connection(), organization, correction).await
    }
}

/// A count as a column.
pub(crate) fn stored(count: u64) -> Result<i64, Error> {
    i64::try_from(count).map_err(|_| Refusal::TooMuch.into())
}

/// A count from its column.
pub(crate) fn counted(column: i64) -> Result<u64, Error> {
    Ok(u64::try_from(column).map_err(anyhow::Error::from)?)
}
