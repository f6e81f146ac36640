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
use diesel_async::{AsyncPgConnection, RunQueryDsl};

use time::OffsetDateTime;
use tokio::try_join;
use uuid::Uuid;

use super::{
    Accounts,
    statements::{DecidedKeys, KnownSources, LockAccounts, OpenGrants},
};
use crate::error::failed;

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

/// Locks the accounts that the commands name. Those that do not exist are left out.
pub(super) async fn lock(
    connection: &mut AsyncPgConnection,
    commands: &[(OrganizationId, &CreditCommand)],
) -> Result<Accounts, Error> {
    let mut organizations: Vec<Uuid> = commands.iter().map(|(id, _)| id.0).collect();
    organizations.sort_unstable();
    organizations.dedup();
    let lock = LockAccounts { organizations: &organizations };
    let rows: Vec<AccountRow> = lock.load(connection).await.map_err(failed)?;
    let accounts = rows.into_iter().map(|(id, last_seq, last_at, overdrawn, overdraft_limit)| {
        let mut account = CreditAccount::new(OrganizationId(id));
        account.last_seq = last_seq;
        account.last_at = last_at;
        account.overdrawn = overdrawn;
        account.overdraft_limit = overdraft_limit;
        (account.organization_id, account)
    });
    Ok(accounts.collect())
}

/// Reads, in one flight, what the commands will be decided on.
pub(super) async fn read(
    connection: &mut AsyncPgConnection,
    accounts: &mut Accounts,
    commands: &[(OrganizationId, &CreditCommand)],
) -> Result<(), Error> {
    let organizations: Vec<Uuid> = accounts.keys().map(|id| id.0).collect();
    let (mut keys, mut kinds, mut ids) = (Vec::new(), Vec::new(), Vec::new());
    for (_, command) in commands {
        match command {
            CreditCommand::Consume(consume) => keys.push(consume.key.as_str()),
            CreditCommand::Grant(grant) => {
                kinds.push(grant.source.kind.as_str());
                ids.push(grant.source.id.as_str());
            }
            CreditCommand::BookDue => {}
        }
    }
    let organizations = organizations.as_slice();
    let shared: &AsyncPgConnection = connection;
    let (grants, decided, sources) = try_join!(
        async { OpenGrants { organizations }.load::<GrantRow>(&mut { shared }).await },
        async {
            if keys.is_empty() {
                return Ok(Vec::new());
            }
            DecidedKeys { organizations, keys: &keys }.load::<KeyRow>(&mut { shared }).await
        },
        async {
            if ids.is_empty() {
                return Ok(Vec::new());
            }
            let known = KnownSources { organizations, kinds: &kinds, ids: &ids };
            known.load::<SourceRow>(&mut { shared }).await
        },
    )
    .map_err(failed)?;
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
        know_decision(accounts, row)?;
    }
    Ok(())
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
