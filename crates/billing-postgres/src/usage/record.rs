//! What commands counted is written down, in one flight.

use billing_app::Error;
use billing_domain::{id::OrganizationId, usage::UsagePending};
use diesel::QueryResult;
use diesel_async::{AsyncPgConnection, SimpleAsyncConnection};
use time::OffsetDateTime;
use tokio::try_join;

use super::{Accounts, columns::Columns, statements::UpdateAccounts};
use crate::{door::Frame, error::failed, statement::unless};

/// Writes what is pending on the accounts; in a frame, together with the commit.
pub(super) async fn write(
    connection: &AsyncPgConnection,
    accounts: &mut Accounts,
    now: OffsetDateTime,
    frame: Option<Frame>,
) -> Result<(), Error> {
    let (mut organizations, mut seqs) = (Vec::new(), Vec::new());
    let mut columns = Columns::default();
    let pending: Vec<(OrganizationId, UsagePending)> =
        accounts.iter_mut().map(|(id, account)| (*id, account.take_pending())).collect();
    for (id, pending) in &pending {
        if !pending.counted.is_empty() {
            organizations.push(id.0);
            seqs.extend(accounts.get(id).map(|account| account.last_seq));
        }
        columns.add(*id, pending)?;
    }
    let moved = UpdateAccounts { organizations: &organizations, seqs: &seqs };
    // Each statement is sent before the next one, and the commit last of all.
    let written = try_join!(
        biased;
        unless(organizations.is_empty(), connection, moved),
        unless(columns.counters.used.is_empty(), connection, columns.counters.statement()),
        unless(columns.values.values.is_empty(), connection, columns.values.statement()),
        unless(columns.given.bonuses.is_empty(), connection, columns.given.statement()),
        unless(columns.bonuses.bonuses.is_empty(), connection, columns.bonuses.statement()),
        unless(columns.events.seqs.is_empty(), connection, columns.events.statement(now)),
        unless(columns.keys.keys.is_empty(), connection, columns.keys.statement()),
        unless(columns.told.is_empty(), connection, columns.told.statement()),
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
    let columns = Columns::default();
    let now = OffsetDateTime::UNIX_EPOCH;
    unless(false, connection, UpdateAccounts { organizations: &[], seqs: &[] }).await?;
    unless(false, connection, columns.counters.statement()).await?;
    unless(false, connection, columns.values.statement()).await?;
    unless(false, connection, columns.given.statement()).await?;
    unless(false, connection, columns.bonuses.statement()).await?;
    unless(false, connection, columns.events.statement(now)).await?;
    unless(false, connection, columns.keys.statement()).await?;
    unless(false, connection, columns.told.statement()).await
}
