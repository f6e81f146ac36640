//! The usage ledger, with one door like the credit ledger.

use async_trait::async_trait;
use billing_app::{
    Error, Refusal,
    ports::{Usage, UsageLedger},
};
use billing_domain::{
    id::{DecisionId, OrganizationId},
    usage::{Bonus, Recorded, UsageAccount, UsageCommand, UsageOutcome},
};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use time::OffsetDateTime;

use crate::{
    Database,
    error::failed,
    schema::usage_bonuses,
    unit_of_work::PostgresUnit,
    writer::{self, Door, Frame, Order, Writers},
};

mod columns;
pub(crate) mod known;
mod record;
pub(crate) mod statements;

/// The accounts at hand.
type Accounts = writer::Accounts<UsageDoor>;

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
        let own = |facts: &Recorded| facts.decision == DecisionId(command.id.0);
        match outcome {
            UsageOutcome::Recorded(facts) if own(&facts) => {
                UsageOutcome::Recorded(Recorded { replayed: false, ..facts })
            }
            UsageOutcome::Denied(facts) if own(&facts) => {
                UsageOutcome::Denied(Recorded { replayed: false, ..facts })
            }
            outcome @ (UsageOutcome::Recorded(_)
            | UsageOutcome::Denied(_)
            | UsageOutcome::KeyReused) => outcome,
        }
    }
}

/// The usage ledger of a database, with its writers.
#[derive(Clone)]
pub struct UsageWriters(Writers<UsageDoor>);

impl UsageWriters {
    /// Starts the writers on the current runtime. They end when the last clone is dropped.
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
    i64::try_from(count).map_err(|_| Refusal::TooMuch.into())
}

/// A count from its column.
pub(crate) fn counted(column: i64) -> Result<u64, Error> {
    Ok(u64::try_from(column).map_err(anyhow::Error::from)?)
}
