//! The credit ledger.
//!
//! It has one door: a slice of commands on an open transaction, or in a frame that opens and commits
//! one. Units of work and writers with batches of many requests all go through it.

use async_trait::async_trait;
use billing_app::{
    Error,
    ports::{CreditLedger, Credits, Scope},
};
use billing_domain::{
    credits::{Consumed, CreditAccount, CreditCommand, CreditOutcome, Denied},
    id::OrganizationId,
};
use diesel::QueryResult;
use diesel_async::AsyncPgConnection;
use time::OffsetDateTime;

use crate::{
    Database,
    unit_of_work::PostgresUnit,
    writer::{self, Door, Frame, Order, Writers, apply_one},
};

mod columns;
mod entries;
pub(crate) mod known;
mod record;
mod statements;

/// The accounts at hand.
type Accounts = writer::Accounts<CreditDoor>;

/// The way into the credit ledger.
struct CreditDoor;

impl Door for CreditDoor {
    type Command = CreditCommand;
    type Outcome = CreditOutcome;
    type Account = CreditAccount;

    async fn load(
        connection: &AsyncPgConnection,
        orders: &[Order<'_, CreditCommand>],
        frame: Option<Frame>,
    ) -> Result<Accounts, Error> {
        known::load(connection, orders, frame).await
    }

    fn decide(
        account: &mut CreditAccount,
        command: &CreditCommand,
        now: OffsetDateTime,
    ) -> CreditOutcome {
        account.apply(command, now)
    }

    async fn record(
        connection: &AsyncPgConnection,
        accounts: &mut Accounts,
        _: OffsetDateTime,
        frame: Option<Frame>,
    ) -> Result<(), Error> {
        record::write(connection, accounts, frame).await
    }

    async fn prepare(connection: &AsyncPgConnection) -> QueryResult<()> {
        known::prepare(connection).await?;
        record::prepare(connection).await
    }

    fn first_hand(command: &CreditCommand, outcome: CreditOutcome) -> CreditOutcome {
        match (command, outcome) {
            (CreditCommand::Consume(asked), CreditOutcome::Consumed(it))
                if it.decision == asked.decision =>
            {
                CreditOutcome::Consumed(Consumed { replayed: false, ..it })
            }
            (CreditCommand::Consume(asked), CreditOutcome::Denied(it))
                if it.decision == asked.decision =>
            {
                CreditOutcome::Denied(Denied { replayed: false, ..it })
            }
            (CreditCommand::Grant(asked), CreditOutcome::Granted { id, .. }) if id == asked.id => {
                CreditOutcome::Granted { id, already: false }
            }
            (_, outcome) => outcome,
        }
    }
}

/// The credit ledger of a database, with its writers.
#[derive(Clone)]
pub struct CreditWriters {
    database: Database,
    writers: Writers<CreditDoor>,
}

impl CreditWriters {
    /// Starts the writers on the current runtime. They end when the last clone is dropped.
    pub fn start(database: &Database) -> Self {
        Self { database: database.clone(), writers: Writers::start(database) }
    }
}

#[async_trait]
impl CreditLedger for CreditWriters {
    async fn apply(
        &self,
        organization: OrganizationId,
        command: CreditCommand,
        now: OffsetDateTime,
    ) -> Result<CreditOutcome, Error> {
        self.writers.apply(organization, command, now).await
    }

    async fn due(&self, now: OffsetDateTime, limit: i64) -> Result<Vec<OrganizationId>, Error> {
        let due = statements::Due { now, limit };
        let due: Vec<uuid::Uuid> = self.database.rows(Scope::Engine, due).await?;
        Ok(due.into_iter().map(OrganizationId).collect())
    }
}

#[async_trait]
impl Credits for PostgresUnit {
    async fn apply(
        &mut self,
        organization: OrganizationId,
        command: &CreditCommand,
        now: OffsetDateTime,
    ) -> Result<CreditOutcome, Error> {
        apply_one::<CreditDoor>(self.connection(), organization, command, now).await
    }
}
