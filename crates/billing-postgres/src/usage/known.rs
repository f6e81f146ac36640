//! What is known of use before commands are decided.

use billing_app::Error;
use billing_domain::{
    credits::IdempotencyKey,
    id::{BonusId, DecisionId, OrganizationId},
    quota::Quota,
    usage::{Bonus, Counter, CounterKey, Decided, UsageAccount, UsageCommand, UsageOperation},
};
use diesel::QueryResult;
use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use time::OffsetDateTime;
use tokio::try_join;
use uuid::Uuid;

use super::{
    Accounts,
    asked::{Asked, Read},
    counted,
    statements::LockAccounts,
};
use crate::{
    catalogue::amount,
    door::{Frame, Order},
    error::failed,
    statement::unless,
};

pub(crate) type CounterRow =
    (Uuid, String, String, OffsetDateTime, i64, i64, i16, Option<OffsetDateTime>);
pub(crate) type BonusRow = (Uuid, Uuid, String, i64, i64, String, OffsetDateTime, OffsetDateTime);
pub(super) type ValueRow = (Uuid, String, String, OffsetDateTime, String);
pub(super) type KeyRow = (
    Uuid,
    String,
    String,
    Uuid,
    String,
    i64,
    bool,
    Option<i64>,
    Option<String>,
    Option<i64>,
    Option<i64>,
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
    know(&mut accounts, read)?;
    Ok(accounts)
}

fn know(accounts: &mut Accounts, read: Read) -> Result<(), Error> {
    let Read { counters, values, bonuses, expired, keys } = read;
    for row in counters {
        let (organization, key, counter) = counter(row)?;
        if let Some(account) = accounts.get_mut(&organization) {
            account.know_counter(key, counter);
        }
    }
    for (organization, meter, window, start, value) in values {
        if let Some(account) = accounts.get_mut(&OrganizationId(organization)) {
            account.know_value(counter_key(&meter, &window, start)?, value);
        }
    }
    for row in bonuses.into_iter().chain(expired) {
        let (organization, bonus) = bonus(row)?;
        if let Some(account) = accounts.get_mut(&organization) {
            account.know_bonus(bonus);
        }
    }
    for row in keys {
        know_decision(accounts, row)?;
    }
    Ok(())
}

/// Prepares every statement.
pub(super) async fn prepare(connection: &AsyncPgConnection) -> QueryResult<()> {
    let asked = Asked::of(&[]);
    let organizations = asked.organizations.as_slice();
    unless(false, connection, LockAccounts { organizations }).await?;
    asked.prepare(connection).await
}

/// A count, and whose it is.
pub(crate) fn counter(row: CounterRow) -> Result<(OrganizationId, CounterKey, Counter), Error> {
    let (organization, meter, window, start, used, from_bonus, warned, latest_at) = row;
    let counter = Counter {
        used: counted(used)?,
        from_bonus: counted(from_bonus)?,
        warned: u8::try_from(warned).map_err(anyhow::Error::from)?,
        latest_at,
    };
    Ok((OrganizationId(organization), counter_key(&meter, &window, start)?, counter))
}

pub(crate) fn counter_key(
    meter: &str,
    window: &str,
    start: OffsetDateTime,
) -> Result<CounterKey, Error> {
    let window = window.parse().map_err(anyhow::Error::from)?;
    Ok(CounterKey { meter: meter.into(), window, start })
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
    let quota = quota(most, overage.as_deref(), used, bonus, resets_at)?;
    // Rows of tracked use once had facts; they are as good as none.
    let quota = quota.filter(|_| operation == UsageOperation::CheckAndRecord);
    let (decision, meter) = (DecisionId(event), meter.into());
    let key = IdempotencyKey::parse(&key).map_err(anyhow::Error::from)?;
    account.know_decision(operation, key, Decided { decision, meter, quantity, recorded, quota });
    Ok(())
}

/// What a use was decided on, where that is kept.
pub(super) fn quota(
    most: Option<i64>,
    overage: Option<&str>,
    used: Option<i64>,
    bonus: Option<i64>,
    resets_at: Option<OffsetDateTime>,
) -> Result<Option<Quota>, Error> {
    let (Some(overage), Some(used), Some(bonus)) = (overage, used, bonus) else { return Ok(None) };
    Ok(Some(Quota {
        limit: amount(most)?,
        overage: overage.parse().map_err(anyhow::Error::from)?,
        used: counted(used)?,
        bonus: counted(bonus)?,
        resets_at,
    }))
}
