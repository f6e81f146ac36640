//! What is known of use before commands are decided.

use std::collections::BTreeSet;

use billing_app::Error;
use billing_domain::{
    credits::IdempotencyKey,
    id::{BonusId, DecisionId, OrganizationId},
    quota::Quota,
    usage::{
        Bonus, CounterKey, Recorded, UsageAccount, UsageCommand, UsageOperation, UsageOutcome,
    },
};
use diesel::QueryResult;
use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};

use time::OffsetDateTime;
use tokio::try_join;
use uuid::Uuid;

use super::{
    Accounts, counted,
    statements::{Bonuses, Counters, DecidedKeys, LockAccounts},
};
use crate::{
    catalogue::amount,
    error::failed,
    statement::unless,
    writer::{Frame, Order},
};

pub(crate) type CounterRow = (Uuid, String, String, OffsetDateTime, i64);
pub(crate) type BonusRow = (Uuid, Uuid, String, i64, i64, String, OffsetDateTime, OffsetDateTime);
type KeyRow = (
    Uuid,
    String,
    String,
    Uuid,
    String,
    i64,
    bool,
    Option<i64>,
    String,
    i64,
    i64,
    Option<OffsetDateTime>,
);

/// Locks the accounts that the commands name and reads what they will be decided on. Accounts
/// that do not exist are left out. In a frame all of it is one flight.
pub(super) async fn load(
    connection: &AsyncPgConnection,
    orders: &[Order<'_, UsageCommand>],
    frame: Option<Frame>,
) -> Result<Accounts, Error> {
    let asked = Asked::of(orders);
    let lock = LockAccounts { organizations: &asked.organizations };
    let locking = async { lock.load::<(Uuid, i64)>(&mut { connection }).await };
    let (locked, read) = match frame {
        Some(frame) => {
            let opening = async { (&mut { connection }).batch_execute(frame.opening).await };
            let ((), locked, read) =
                try_join!(biased; opening, locking, asked.read(connection)).map_err(failed)?;
            (locked, read)
        }
        None => {
            let locked = locking.await.map_err(failed)?;
            (locked, asked.read(connection).await.map_err(failed)?)
        }
    };
    let mut accounts = Accounts::new();
    for (id, last_seq) in locked {
        let mut account = UsageAccount::new(OrganizationId(id));
        account.last_seq = last_seq;
        accounts.insert(account.organization_id, account);
    }
    let (counters, bonuses, decided) = read;
    for row in counters {
        let (organization, key, used) = counter(row)?;
        if let Some(account) = accounts.get_mut(&organization) {
            account.know_counter(key, used);
        }
    }
    for row in bonuses {
        let (organization, bonus) = bonus(row)?;
        if let Some(account) = accounts.get_mut(&organization) {
            account.know_bonus(bonus);
        }
    }
    for row in decided {
        know_decision(&mut accounts, row)?;
    }
    Ok(accounts)
}

/// Prepares every statement.
pub(super) async fn prepare(connection: &AsyncPgConnection) -> QueryResult<()> {
    let asked = Asked::of(&[]);
    let organizations = asked.organizations.as_slice();
    unless(false, connection, LockAccounts { organizations }).await?;
    asked.read(connection).await.map(drop)
}

/// What the commands name.
struct Asked<'a> {
    organizations: Vec<Uuid>,
    owners: Vec<Uuid>,
    keys: Vec<&'a str>,
    meters: Vec<&'a str>,
    windows: Vec<&'a str>,
    starts: Vec<OffsetDateTime>,
    earliest: OffsetDateTime,
}

impl<'a> Asked<'a> {
    fn of(orders: &'a [Order<'_, UsageCommand>]) -> Self {
        let owners: Vec<Uuid> = orders.iter().map(|order| order.organization.0).collect();
        let mut organizations = owners.clone();
        organizations.sort_unstable();
        organizations.dedup();
        let earliest = orders.iter().map(|order| order.now).min();
        // One counter may be asked for by many commands, and must come once.
        let needed: BTreeSet<_> = orders
            .iter()
            .map(|order| {
                let rule = &order.command.rule;
                let meter = order.command.meter.as_str();
                (order.organization.0, meter, rule.window.name(), rule.period.start)
            })
            .collect();
        let mut asked = Self {
            organizations,
            owners: Vec::with_capacity(needed.len()),
            keys: orders.iter().map(|order| order.command.key.as_str()).collect(),
            meters: Vec::with_capacity(needed.len()),
            windows: Vec::with_capacity(needed.len()),
            starts: Vec::with_capacity(needed.len()),
            earliest: earliest.unwrap_or(OffsetDateTime::UNIX_EPOCH),
        };
        for (owner, meter, window, start) in needed {
            asked.owners.push(owner);
            asked.meters.push(meter);
            asked.windows.push(window);
            asked.starts.push(start);
        }
        asked
    }

    async fn read(
        &self,
        connection: &AsyncPgConnection,
    ) -> QueryResult<(Vec<CounterRow>, Vec<BonusRow>, Vec<KeyRow>)> {
        let organizations = self.organizations.as_slice();
        let counters = Counters {
            organizations,
            owners: &self.owners,
            meters: &self.meters,
            windows: &self.windows,
            starts: &self.starts,
        };
        try_join!(
            biased;
            async { counters.load(&mut { connection }).await },
            async {
                let bonuses = Bonuses { organizations, now: self.earliest };
                bonuses.load(&mut { connection }).await
            },
            async {
                let decided = DecidedKeys { organizations, keys: &self.keys };
                decided.load(&mut { connection }).await
            },
        )
    }
}

/// A count, and whose it is.
pub(crate) fn counter(row: CounterRow) -> Result<(OrganizationId, CounterKey, u64), Error> {
    let (organization, meter, window, start, used) = row;
    let window = window.parse().map_err(anyhow::Error::from)?;
    let key = CounterKey { meter, window, start };
    Ok((OrganizationId(organization), key, counted(used)?))
}

/// A bonus, and whose it is.
pub(crate) fn bonus(row: BonusRow) -> Result<(OrganizationId, Bonus), Error> {
    let (organization, id, meter, amount, remaining, reason, expires_at, created_at) = row;
    let bonus = Bonus {
        id: BonusId(id),
        meter,
        amount: counted(amount)?,
        remaining: counted(remaining)?,
        reason,
        expires_at,
        created_at,
    };
    Ok((OrganizationId(organization), bonus))
}

fn know_decision(accounts: &mut Accounts, row: KeyRow) -> Result<(), Error> {
    let (
        organization,
        key,
        operation,
        event,
        meter,
        quantity,
        recorded,
        most,
        overage,
        used,
        bonus,
        resets_at,
    ) = row;
    let Some(account) = accounts.get_mut(&OrganizationId(organization)) else { return Ok(()) };
    let operation = UsageOperation::ALL
        .into_iter()
        .find(|known| known.name() == operation)
        .ok_or_else(|| anyhow::anyhow!("`{operation}` is not an operation on usage"))?;
    let facts = Recorded {
        decision: DecisionId(event),
        quota: Quota {
            limit: amount(most)?,
            overage: overage.parse().map_err(anyhow::Error::from)?,
            used: counted(used)?,
            bonus: counted(bonus)?,
            resets_at,
        },
        quantity: counted(quantity)?,
        replayed: false,
    };
    let outcome =
        if recorded { UsageOutcome::Recorded(facts) } else { UsageOutcome::Denied(facts) };
    let key = IdempotencyKey::parse(&key).map_err(anyhow::Error::from)?;
    account.know_decision(operation, key, meter, outcome);
    Ok(())
}
