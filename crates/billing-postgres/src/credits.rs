//! The credit ledger.
//!
//! It has one door, [`apply`]: a slice of commands on an open transaction. A request of its own, a
//! unit of work and a batch of many requests all go through it.

use std::collections::BTreeMap;

use async_trait::async_trait;
use billing_app::{
    Error, Missing,
    ports::{CreditLedger, Credits, Scope},
};
use billing_domain::{
    credits::{CreditAccount, CreditCommand, CreditOutcome},
    id::OrganizationId,
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use time::OffsetDateTime;

use crate::{Database, error::failed, unit_of_work::PostgresUnit};

pub(crate) mod known;
mod record;
mod statements;

/// Applies commands in their order, each to the account of its organization.
///
/// Account rows are locked first, in the order of their organizations; grants, keys and sources
/// are read in later statements, which see what the transaction that held the lock committed. An
/// organization without an account answers nothing.
pub(crate) async fn apply(
    connection: &mut AsyncPgConnection,
    commands: &[(OrganizationId, &CreditCommand)],
    now: OffsetDateTime,
) -> Result<Vec<Option<CreditOutcome>>, Error> {
    let mut accounts = known::lock(connection, commands).await?;
    known::read(connection, &mut accounts, commands).await?;
    let outcomes = commands
        .iter()
        .map(|(organization, command)| {
            accounts.get_mut(organization).map(|account| account.apply(command, now))
        })
        .collect();
    record::write(connection, &mut accounts).await?;
    Ok(outcomes)
}

/// The accounts at hand, in the order in which they are locked.
pub(crate) type Accounts = BTreeMap<OrganizationId, CreditAccount>;

async fn apply_one(
    connection: &mut AsyncPgConnection,
    organization: OrganizationId,
    command: &CreditCommand,
    now: OffsetDateTime,
) -> Result<CreditOutcome, Error> {
    let outcomes = apply(connection, &[(organization, command)], now).await?;
    let outcome = outcomes.into_iter().flatten().next();
    outcome.ok_or(Error::NotFound(Missing::Organization))
}

#[async_trait]
impl CreditLedger for Database {
    async fn apply(
        &self,
        organization: OrganizationId,
        command: CreditCommand,
        now: OffsetDateTime,
    ) -> Result<CreditOutcome, Error> {
        let mut session = self.session(Scope::Organization(organization)).await?;
        let outcome = apply_one(session.connection(), organization, &command, now).await?;
        session.commit().await?;
        Ok(outcome)
    }

    async fn due(&self, now: OffsetDateTime, limit: i64) -> Result<Vec<OrganizationId>, Error> {
        let mut session = self.reading(Scope::Engine).await?;
        let due = statements::Due { now, limit, _none: &() };
        let due: Vec<uuid::Uuid> = due.load(session.connection()).await.map_err(failed)?;
        session.commit().await?;
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
        apply_one(self.connection(), organization, command, now).await
    }
}
