//! The way into a ledger: what decides, what it is decided on, and one transaction around it.

use std::collections::BTreeMap;

use billing_app::{Error, Missing};
use billing_domain::id::OrganizationId;
use diesel::QueryResult;
use diesel_async::AsyncPgConnection;
use time::OffsetDateTime;

/// What a transaction begins and ends with, where its statements fly together with them.
#[derive(Clone, Copy)]
pub(crate) struct Frame {
    /// Goes before the first statement.
    pub(crate) opening: &'static str,
    /// Goes after the last one.
    pub(crate) closing: &'static str,
}

/// A writer serves many organizations, so it runs as the engine. Its statements look up rows by
/// their keys, and are planned once, perhaps while a table is still empty: such a plan would read
/// all of a table that has grown since. The SELECT is refused where something failed before:
/// PostgreSQL would answer ROLLBACK to the COMMIT without an error.
pub(crate) const WRITING: Frame = Frame {
    opening: "BEGIN; SET LOCAL ROLE billing_engine; SET LOCAL enable_seqscan = off",
    closing: "SELECT; COMMIT",
};

/// A command, whose it is, and when it is decided.
pub(crate) struct Order<'a, C> {
    pub(crate) organization: OrganizationId,
    pub(crate) command: &'a C,
    pub(crate) now: OffsetDateTime,
    /// Whether it was sent before, and may have been committed.
    pub(crate) again: bool,
}

/// The accounts at hand, in the order in which they are locked.
pub(crate) type Accounts<D> = BTreeMap<OrganizationId, <D as Door>::Account>;

/// The one way into a ledger.
pub(crate) trait Door: Send + Sync + 'static {
    /// What one can ask.
    type Command: Send + Sync + 'static;
    /// What comes of it.
    type Outcome: Send + 'static;
    /// What decides.
    type Account: Send + 'static;

    /// Locks the accounts that the orders name, and reads what they will be decided on. Accounts
    /// that do not exist are left out. In a frame all of it is one flight behind its opening.
    fn load(
        connection: &AsyncPgConnection,
        orders: &[Order<'_, Self::Command>],
        frame: Option<Frame>,
    ) -> impl Future<Output = Result<Accounts<Self>, Error>> + Send
    where
        Self: Sized;

    /// Decides one command, by the domain alone.
    fn decide(
        account: &mut Self::Account,
        command: &Self::Command,
        now: OffsetDateTime,
    ) -> Self::Outcome;

    /// Writes what was decided, the last of it at `now`, in one flight; in a frame, with the commit
    /// at its end.
    fn record(
        connection: &AsyncPgConnection,
        accounts: &mut Accounts<Self>,
        now: OffsetDateTime,
        frame: Option<Frame>,
    ) -> impl Future<Output = Result<(), Error>> + Send
    where
        Self: Sized;

    /// Prepares every statement on a new connection, within an open transaction.
    fn prepare(connection: &AsyncPgConnection) -> impl Future<Output = QueryResult<()>> + Send;

    /// The outcome for the one who asked first: where a commit was unknown and the command was
    /// sent again, it is no replay.
    fn first_hand(command: &Self::Command, outcome: Self::Outcome) -> Self::Outcome;
}

/// Applies orders in their order, on a transaction that is open, or in a frame that opens and
/// commits one. An organization without an account answers nothing.
pub(crate) async fn apply<D: Door>(
    connection: &AsyncPgConnection,
    orders: &[Order<'_, D::Command>],
    frame: Option<Frame>,
) -> Result<Vec<Option<D::Outcome>>, Error> {
    let mut accounts = D::load(connection, orders, frame).await?;
    let decide = |order: &Order<'_, D::Command>| {
        let account = accounts.get_mut(&order.organization)?;
        Some(D::decide(account, order.command, order.now))
    };
    let outcomes = orders.iter().map(decide).collect();
    if let Some(now) = orders.iter().map(|order| order.now).max() {
        D::record(connection, &mut accounts, now, frame).await?;
    }
    Ok(outcomes)
}

/// Applies one command on a transaction that is open.
pub(crate) async fn apply_one<D: Door>(
    connection: &AsyncPgConnection,
    organization: OrganizationId,
    command: &D::Command,
    now: OffsetDateTime,
) -> Result<D::Outcome, Error> {
    let orders = [Order { organization, command, now, again: false }];
    let outcome = apply::<D>(connection, &orders, None).await?.into_iter().flatten().next();
    outcome.ok_or(Error::NotFound(Missing::Organization))
}
