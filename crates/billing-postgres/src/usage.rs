//! The usage ledger, with one door like the credit ledger.

use std::collections::BTreeMap;

use async_trait::async_trait;
use billing_app::{
    Error, Missing,
    ports::{Scope, Usage, UsageLedger},
};
use billing_domain::{
    id::OrganizationId,
    usage::{Bonus, UsageAccount, UsageCommand, UsageOutcome},
};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use time::OffsetDateTime;

use crate::{Database, error::failed, schema::usage_bonuses, unit_of_work::PostgresUnit};

pub(crate) mod known;
mod record;
pub(crate) mod statements;

/// The accounts at hand, in the order in which they are locked.
pub(crate) type Accounts = BTreeMap<OrganizationId, UsageAccount>;

/// Applies commands in their order, each to the account of its organization, which is locked
/// first. An organization without an account answers nothing.
pub(crate) async fn apply(
    connection: &mut AsyncPgConnection,
    commands: &[(OrganizationId, &UsageCommand)],
    now: OffsetDateTime,
) -> Result<Vec<Option<UsageOutcome>>, Error> {
    let mut accounts = known::lock(connection, commands).await?;
    known::read(connection, &mut accounts, commands, now).await?;
    let outcomes = commands
        .iter()
        .map(|(organization, command)| {
            accounts.get_mut(organization).map(|account| account.apply(command, now))
        })
        .collect();
    record::write(connection, &mut accounts, now).await?;
    Ok(outcomes)
}

#[async_trait]
impl UsageLedger for Database {
    async fn apply(
        &self,
        organization: OrganizationId,
        command: UsageCommand,
        now: OffsetDateTime,
    ) -> Result<UsageOutcome, Error> {
        let mut session = self.session(Scope::Organization(organization)).await?;
        let outcomes = apply(session.connection(), &[(organization, &command)], now).await?;
        session.commit().await?;
        let outcome = outcomes.into_iter().flatten().next();
        outcome.ok_or(Error::NotFound(Missing::Organization))
    }
}

#[async_trait]
impl Usage for PostgresUnit {
    async fn give_bonus(
        &mut self,
        organization: OrganizationId,
        bonus: &Bonus,
    ) -> Result<(), Error> {
        let Bonus { id, meter, amount, remaining, reason, expires_at, created_at } = bonus;
        let row = (
            usage_bonuses::organization_id.eq(organization.0),
            usage_bonuses::bonus_id.eq(id.0),
            usage_bonuses::meter.eq(meter),
            usage_bonuses::amount.eq(stored(*amount)?),
            usage_bonuses::remaining.eq(stored(*remaining)?),
            usage_bonuses::reason.eq(reason),
            usage_bonuses::expires_at.eq(expires_at),
            usage_bonuses::created_at.eq(created_at),
        );
        let insert = diesel::insert_into(usage_bonuses::table).values(row).on_conflict_do_nothing();
        insert.execute(self.connection()).await.map_err(failed)?;
        Ok(())
    }
}

/// A count as a column.
pub(crate) fn stored(count: u64) -> Result<i64, Error> {
    let stored = i64::try_from(count);
    stored.map_err(|_| Error::invalid("quantity", "the total on this meter would be too large"))
}

/// A count from its column.
pub(crate) fn counted(column: i64) -> Result<u64, Error> {
    Ok(u64::try_from(column).map_err(anyhow::Error::from)?)
}
