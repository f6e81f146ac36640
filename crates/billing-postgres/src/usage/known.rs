//! What is known of use before commands are decided.

use billing_app::Error;
use billing_domain::{
    credits::IdempotencyKey,
    id::{BonusId, DecisionId, OrganizationId},
    quota::Quota,
    usage::{
        Bonus, CounterKey, Recorded, UsageAccount, UsageCommand, UsageOperation, UsageOutcome,
    },
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use time::OffsetDateTime;
use tokio::try_join;
use uuid::Uuid;

use super::{
    Accounts, counted,
    statements::{Bonuses, Counters, DecidedKeys, LockAccounts},
};
use crate::{catalogue::amount, error::failed};

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

/// Locks the accounts that the commands name. Those that do not exist are left out.
pub(super) async fn lock(
    connection: &mut AsyncPgConnection,
    commands: &[(OrganizationId, &UsageCommand)],
) -> Result<Accounts, Error> {
    let mut organizations: Vec<Uuid> = commands.iter().map(|(id, _)| id.0).collect();
    organizations.sort_unstable();
    organizations.dedup();
    let lock = LockAccounts { organizations: &organizations };
    let rows: Vec<(Uuid, i64)> = lock.load(connection).await.map_err(failed)?;
    let accounts = rows.into_iter().map(|(id, last_seq)| {
        let mut account = UsageAccount::new(OrganizationId(id));
        account.last_seq = last_seq;
        (account.organization_id, account)
    });
    Ok(accounts.collect())
}

/// Reads, in one flight, what the commands will be decided on.
pub(super) async fn read(
    connection: &mut AsyncPgConnection,
    accounts: &mut Accounts,
    commands: &[(OrganizationId, &UsageCommand)],
    now: OffsetDateTime,
) -> Result<(), Error> {
    let organizations: Vec<Uuid> = accounts.keys().map(|id| id.0).collect();
    let organizations = organizations.as_slice();
    let keys: Vec<&str> = commands.iter().map(|(_, command)| command.key.as_str()).collect();
    let owners: Vec<Uuid> = commands.iter().map(|(id, _)| id.0).collect();
    let meters: Vec<&str> = commands.iter().map(|(_, command)| command.meter.as_str()).collect();
    let windows: Vec<&str> = commands.iter().map(|(_, it)| it.rule.window.name()).collect();
    let starts: Vec<OffsetDateTime> = commands.iter().map(|(_, it)| it.rule.period.start).collect();
    let counters = Counters {
        organizations,
        owners: &owners,
        meters: &meters,
        windows: &windows,
        starts: &starts,
    };
    let shared: &AsyncPgConnection = connection;
    let (counters, bonuses, decided) = try_join!(
        async { counters.load::<CounterRow>(&mut { shared }).await },
        async { Bonuses { organizations, now }.load::<BonusRow>(&mut { shared }).await },
        async { DecidedKeys { organizations, keys: &keys }.load::<KeyRow>(&mut { shared }).await },
    )
    .map_err(failed)?;
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
        know_decision(accounts, row)?;
    }
    Ok(())
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
