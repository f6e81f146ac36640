//! What commands changed is written down, in one flight.

use billing_app::Error;
use billing_domain::{credits::Pending, id::OrganizationId};
use diesel::QueryResult;
use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};
use tokio::try_join;

use super::{
    Accounts,
    columns::{Changed, Granted, Moved},
    entries::{Entries, Keys},
};
use crate::{error::failed, statement::unless, writer::Frame};

/// Writes what is pending on the accounts; in a frame, together with the commit.
pub(super) async fn write(
    connection: &AsyncPgConnection,
    accounts: &mut Accounts,
    frame: Option<Frame>,
) -> Result<(), Error> {
    let pending: Vec<(OrganizationId, Pending)> =
        accounts.iter_mut().map(|(id, account)| (*id, account.take_pending())).collect();
    let moved = Moved::of(accounts, &pending);
    let changed = Changed::of(accounts, &pending);
    let granted = Granted::of(accounts, &pending);
    let entries = Entries::of(&pending)?;
    let keys = Keys::of(&pending);
    // Each statement is sent before the next one, and the commit last of all.
    let written = try_join!(
        biased;
        unless(moved.organizations.is_empty(), connection, moved.statement()),
        unless(changed.grants.is_empty(), connection, changed.statement()),
        unless(granted.ids.is_empty(), connection, granted.statement()),
        unless(entries.seqs.is_empty(), connection, entries.statement()),
        unless(keys.keys.is_empty(), connection, keys.statement()),
        async {
            match frame {
                Some(frame) => (&mut { connection }).batch_execute(frame.closing).await,
                None => Ok(()),
            }
        },
    );
    written.map(drop).map_err(failed)
}

/// Prepares every statement, so that no commit overtakes one that is still being prepared.
pub(super) async fn prepare(connection: &AsyncPgConnection) -> QueryResult<()> {
    let accounts = Accounts::new();
    unless(false, connection, Moved::of(&accounts, &[]).statement()).await?;
    unless(false, connection, Changed::of(&accounts, &[]).statement()).await?;
    unless(false, connection, Granted::of(&accounts, &[]).statement()).await?;
    unless(false, connection, Entries::default().statement()).await?;
    unless(false, connection, Keys::default().statement()).await
}
