//! What is known of accounts before commands are decided.

use anyhow::Context;
use billing_app::Error;
use billing_domain::{
    credits::{
        Consumed, CreditAccount, CreditCommand, CreditOutcome, Denied, Grant, IdempotencyKey,
        Source,
    },
    id::{DecisionId, GrantId, OrganizationId},
};
use diesel::QueryResult;
use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};

use time::OffsetDateTime;
use tokio::try_join;
use uuid::Uuid;

use super::{
    Accounts,
    statements::{DecidedKeys, KnownSources, LockAccounts, OpenGrants},
};
use crate::{
    error::failed,
    statement::unless,
    writer::{Frame, Order},
};

type AccountRow = (Uuid, i64, OffsetDateTime, i64, i64);
pub(crate) type GrantRow = (
    Uuid,
    Uuid,
    String,
    i64,
    i64,
    OffsetDateTime,
    Option<OffsetDateTime>,
    String,
    String,
    OffsetDateTime,
    bool,
);
type KeyRow = (
    Uuid,
    String,
    OffsetDateTime,
    Uuid,
    String,
    i64,
    i64,
    Option<i64>,
    Option<i64>,
    Option<i64>,
    Option<serde_json::Value>,
);
type SourceRow = (Uuid, String, String, Uuid);

/// Locks the accounts that the commands name and reads what they will be decided on. Accounts
/// that do not exist are left out.
///
/// In a frame all of it is one flight behind the opening of the transaction. PostgreSQL takes the
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
    for (id, last_seq, last_at, overdrawn, overdraft_limit) in locked {
        let mut account = CreditAccount::new(OrganizationId(id));
        account.last_seq = last_seq;
        account.last_at = last_at;
        account.overdrawn = overdrawn;
        account.overdraft_limit = overdraft_limit;
        accounts.insert(account.organization_id, account);
    }
    let (grants, decided, sources) = read;
    for row in grants {
        let (organization, grant) = grant(row)?;
        if let Some(account) = accounts.get_mut(&organization) {
            account.know_grant(grant);
        }
    }
    for (organization, kind, id, grant) in sources {
        if let Some(account) = accounts.get_mut(&OrganizationId(organization)) {
            account.know_source(Source { kind, id }, GrantId(grant));
        }
    }
    for row in decided {
        know_decision(&mut accounts, row)?;
    }
    Ok(accounts)
}

/// Prepares every statement.
pub(super) async fn prepare(connection: &AsyncPgConnection) -> QueryResult<()> {
    let (organizations, keys, kinds, ids) = (&[][..], &[][..], &[][..], &[][..]);
    unless(false, connection, LockAccounts { organizations }).await?;
    unless(false, connection, OpenGrants { organizations }).await?;
    unless(false, connection, DecidedKeys { organizations, keys }).await?;
    unless(false, connection, KnownSources { organizations, kinds, ids }).await
}

/// What the commands name.
struct Asked<'a> {
    organizations: Vec<Uuid>,
    keys: Vec<&'a str>,
    source_kinds: Vec<&'a str>,
    source_ids: Vec<&'a str>,
}

impl<'a> Asked<'a> {
    fn of(orders: &'a [Order<'_, CreditCommand>]) -> Self {
        let mut organizations: Vec<Uuid> = orders.iter().map(|it| it.organization.0).collect();
        organizations.sort_unstable();
        organizations.dedup();
        let (keys, source_kinds, source_ids) = (Vec::new(), Vec::new(), Vec::new());
        let mut asked = Self { organizations, keys, source_kinds, source_ids };
        for order in orders {
            match order.command {
                CreditCommand::Consume(consume) => asked.keys.push(consume.key.as_str()),
                CreditCommand::Grant(grant) => {
                    asked.source_kinds.push(&grant.source.kind);
                    asked.source_ids.push(&grant.source.id);
                }
                CreditCommand::BookDue => {}
            }
        }
        asked
    }

    async fn read(
        &self,
        connection: &AsyncPgConnection,
    ) -> QueryResult<(Vec<GrantRow>, Vec<KeyRow>, Vec<SourceRow>)> {
        let organizations = self.organizations.as_slice();
        try_join!(
            biased;
            async { OpenGrants { organizations }.load(&mut { connection }).await },
            async {
                if self.keys.is_empty() {
                    return Ok(Vec::new());
                }
                let decided = DecidedKeys { organizations, keys: &self.keys };
                decided.load(&mut { connection }).await
            },
            async {
                if self.source_ids.is_empty() {
                    return Ok(Vec::new());
                }
                let (kinds, ids) = (self.source_kinds.as_slice(), self.source_ids.as_slice());
                KnownSources { organizations, kinds, ids }.load(&mut { connection }).await
            },
        )
    }
}

/// A grant, and whose it is.
pub(crate) fn grant(row: GrantRow) -> Result<(OrganizationId, Grant), Error> {
    let (
        organization,
        id,
        kind,
        amount,
        remaining,
        starts_at,
        expires_at,
        source_kind,
        source_id,
        granted_at,
        started,
    ) = row;
    let kind = kind.parse().with_context(|| format!("grant {id} cannot be read"))?;
    let grant = Grant {
        id: GrantId(id),
        kind,
        amount,
        remaining,
        starts_at,
        expires_at,
        source: Source { kind: source_kind, id: source_id },
        granted_at,
        started,
    };
    Ok((OrganizationId(organization), grant))
}

fn know_decision(accounts: &mut Accounts, row: KeyRow) -> Result<(), Error> {
    let (
        organization,
        key,
        at,
        decision,
        event,
        quantity,
        required,
        available,
        seq,
        balance_after,
        touched,
    ) = row;
    let Some(account) = accounts.get_mut(&OrganizationId(organization)) else { return Ok(()) };
    let decision = DecisionId(decision);
    let outcome = match (available, seq, balance_after, touched) {
        (Some(available), ..) => {
            CreditOutcome::Denied(Denied { decision, required, available, at, replayed: false })
        }
        (None, Some(seq), Some(balance_after), Some(touched)) => {
            let touched = serde_json::from_value(touched).map_err(anyhow::Error::from)?;
            let cost = required;
            let replayed = false;
            let consumed = Consumed { decision, seq, cost, balance_after, touched, replayed };
            CreditOutcome::Consumed(consumed)
        }
        (None, ..) => {
            return Err(anyhow::anyhow!("decision {decision} has no row in the ledger").into());
        }
    };
    let key = IdempotencyKey::parse(&key).map_err(anyhow::Error::from)?;
    account.know_decision(key, event, quantity, outcome);
    Ok(())
}
