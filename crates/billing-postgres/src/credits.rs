//! The credit ledger.
//!
//! It has one door: a slice of commands on an open transaction, or in a frame that opens and commits
//! one. Units of work and writers with batches of many requests all go through it.

use async_trait::async_trait;
use billing_app::{
    Error, Missing,
    ports::{CreditLedger, Credits, Scope},
};
use billing_domain::{
    credits::{Consume, CreditAccount, CreditCommand, CreditOutcome, NewHold, Send},
    id::{GrantId, OrganizationId},
};
use diesel::QueryResult;
use diesel_async::AsyncPgConnection;
use time::OffsetDateTime;

use crate::{
    Database,
    door::{self, Door, Frame, Order, apply_one},
    unit_of_work::PostgresUnit,
    writer::Writers,
};

mod account_columns;
mod asked;
pub(crate) mod decisions;
mod entries;
mod grant_columns;
mod hold_columns;
mod keys;
mod known;
pub(crate) mod origins;
mod reads;
mod record;
pub(crate) mod rows;
mod writes;

/// The accounts at hand.
type Accounts = door::Accounts<CreditDoor>;

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

    fn first_hand(command: &CreditCommand, mut outcome: CreditOutcome) -> CreditOutcome {
        match (command, &mut outcome) {
            (CreditCommand::Consume(asked), CreditOutcome::Consumed(it)) => {
                it.replayed &= it.decision != asked.decision;
            }
            (CreditCommand::Hold(asked), CreditOutcome::Held(it)) => {
                it.replayed &= it.hold != asked.id;
            }
            (CreditCommand::Refund(asked), CreditOutcome::Refunded(it)) => {
                it.replayed &= it.decision != asked.decision;
            }
            (CreditCommand::Consume(Consume { decision, .. }), CreditOutcome::Denied(it)) => {
                it.replayed &= it.decision != *decision;
            }
            (CreditCommand::Hold(NewHold { id, .. }), CreditOutcome::Denied(it)) => {
                it.replayed &= it.decision.0 != id.0;
            }
            (CreditCommand::Grant(asked), CreditOutcome::Granted { id, already }) => {
                *already &= *id != asked.id;
            }
            _ => {}
        }
        outcome
    }
}

/// The credit ledger of a database, with its writers.
#[derive(Clone)]
pub struct CreditWriters {
    database: Database,
    writers: Writers<CreditDoor>,
}

impl CreditWriters {
    /// Starts the writers, each on its thread. They end when the last clone is dropped.
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
        let due = reads::Due { now, limit };
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

    async fn transfer(
        &mut self,
        from: OrganizationId,
        send: &Send,
        new_grant: &(dyn Fn() -> GrantId + Sync),
        now: OffsetDateTime,
    ) -> Result<CreditOutcome, Error> {
        let connection = self.connection();
        let (send, to) = (CreditCommand::Send(send.clone()), send.to);
        // Both accounts are locked by one statement, in the order in which all locks are taken.
        let [gives, takes] = [(from, &send), (to, &CreditCommand::BookDue)]
            .map(|(organization, command)| Order { organization, command, now, again: true });
        let mut accounts = known::load(connection, &[gives, takes], None).await?;
        if !accounts.contains_key(&to) {
            return Err(Error::NotFound(Missing::Organization));
        }
        let giver = accounts.get_mut(&from).ok_or(Error::NotFound(Missing::Organization))?;
        let outcome = giver.apply(&send, now);
        if let (CreditOutcome::Sent(sent), Some(taker)) = (&outcome, accounts.get_mut(&to)) {
            for grant in sent.grants(new_grant, now) {
                taker.apply(&CreditCommand::Grant(grant), now);
            }
        }
        record::write(connection, &mut accounts, None).await?;
        Ok(outcome)
    }
}
