//! What is known of accounts before commands are decided.

use billing_app::Error;
use billing_domain::credits::CreditCommand;
use diesel::QueryResult;
use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use tokio::try_join;

use super::{
    Accounts,
    asked::{Asked, Rows},
    reads::LockAccounts,
    rows::{self, AccountRow},
};
use crate::{
    door::{Frame, Order},
    error::failed,
    statement::unless,
};

/// Locks the accounts that the commands name and reads what they will be decided on. Accounts
/// that do not exist are left out.
///
/// In a frame all of it is one flight behind the opening of the transaction, but for holds, where
/// there are any. PostgreSQL takes the
/// statements one after the other, so the later ones see what the holder of a lock committed.
pub(super) async fn load(
    connection: &AsyncPgConnection,
    orders: &[Order<'_, CreditCommand>],
    frame: Option<Frame>,
) -> Result<Accounts, Error> {
    let asked = Asked::of(orders);
    let lock = LockAccounts { organizations: &asked.organizations };
    let locking = async { lock.load::<AccountRow>(&mut { connection }).await };
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
    for row in locked {
        let account = rows::account(row)?;
        accounts.insert(account.organization_id, account);
    }
    know(&mut accounts, read)?;
    for row in asked.read_holds(connection, &accounts).await.map_err(failed)? {
        let (organization, hold) = rows::hold(row)?;
        if let Some(account) = accounts.get_mut(&organization) {
            account.know_hold(hold);
        }
    }
    Ok(accounts)
}

fn know(accounts: &mut Accounts, read: Rows) -> Result<(), Error> {
    for row in read.grants {
        let (organization, grant) = rows::grant(row)?;
        if let Some(account) = accounts.get_mut(&organization) {
            account.know_grant(grant);
        }
    }
    for row in read.draws {
        let (organization, draw) = rows::draw(row)?;
        if let Some(account) = accounts.get_mut(&organization) {
            account.know_draw(draw);
        }
    }
    for row in read.keys {
        let known = rows::known(row)?;
        if let Some(account) = accounts.get_mut(&known.organization) {
            account.know_decision(known.operation, known.key, known.asked, known.outcome);
        }
    }
    Ok(())
}

/// Prepares every statement.
pub(super) async fn prepare(connection: &AsyncPgConnection) -> QueryResult<()> {
    unless(false, connection, LockAccounts { organizations: &[] }).await?;
    Asked::prepare(connection).await
}
