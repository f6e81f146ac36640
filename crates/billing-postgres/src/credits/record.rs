//! What commands changed is written down, in one flight.

use billing_app::Error;
use billing_domain::{credits::Pending, id::OrganizationId};
use diesel::QueryResult;
use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};
use futures_util::future::try_join_all;
use tokio::try_join;

use super::{
    Accounts,
    account_columns::{Configured, Moved},
    entries::Entries,
    grant_columns::{Changed, Granted},
    hold_columns::Holds,
    keys::Keys,
};
use crate::{door::Frame, error::failed, outbox::EventColumns, statement::unless};

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
    let configured = Configured::of(accounts, &pending);
    let held = Holds::of(accounts, &pending, |pending| &pending.held)?;
    let resolved = Holds::of(accounts, &pending, |pending| &pending.resolved)?;
    let mut told = EventColumns::default();
    for (organization, pending) in &pending {
        let seq = accounts.get(organization).map_or(0, |account| account.last_seq);
        told.decided(*organization, seq, &pending.told)?;
    }
    // Each statement is sent before the next one, and the commit last of all.
    let written = try_join!(
        biased;
        unless(moved.organizations.is_empty(), connection, moved.statement()),
        unless(changed.grants.is_empty(), connection, changed.statement()),
        unless(granted.ids.is_empty(), connection, granted.statement()),
        unless(entries.seqs.is_empty(), connection, entries.statement()),
        unless(keys.keys.is_empty(), connection, keys.statement()),
        unless(held.ids.is_empty(), connection, held.insert()),
        unless(resolved.ids.is_empty(), connection, resolved.resolve()),
        unless(told.is_empty(), connection, told.statement()),
        try_join_all(configured.iter().map(|it| unless(false, connection, it.statement()))),
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
    unless(false, connection, Keys::default().statement()).await?;
    unless(false, connection, Holds::default().insert()).await?;
    unless(false, connection, Holds::default().resolve()).await?;
    unless(false, connection, Configured::default().statement()).await?;
    unless(false, connection, EventColumns::default().statement()).await
}
