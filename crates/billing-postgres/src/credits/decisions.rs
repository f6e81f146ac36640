//! Decisions, with the account as it stood before them.
//!
//! The account is wound back: what it is now, less what the rows since then did.

use std::collections::BTreeMap;

use anyhow::Context;
use billing_app::Error;
use billing_domain::{
    credits::{
        Asked, CreditAccount, CreditDecision, Decided, Entry, IdempotencyKey, Operation, Settings,
        Verdict,
    },
    id::{DecisionId, GrantId, OrganizationId},
};
use diesel::{OptionalExtension, prelude::*};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    reads::{DrawAsOf, FindDecision, GrantsAsOf, GrantsOfDraws, RevokedSince, SinceThen},
    rows::{self, DrawRow, GrantRow},
};
use crate::{error::failed, queries::entries::EntryRow, schema::credit_transactions};

#[rustfmt::skip]
type DecisionRow = (
    Uuid, String, String, OffsetDateTime, Uuid, String, i64, i64, Option<i64>, Option<i64>,
);

/// The decision of an id, of one organization or of whichever has it.
pub(crate) async fn find(
    connection: &mut AsyncPgConnection,
    id: DecisionId,
    of: Option<OrganizationId>,
) -> Result<Option<CreditDecision>, Error> {
    let query = FindDecision { id: id.0, of: of.map(|of| of.0) };
    let row: Option<DecisionRow> = query.get_result(connection).await.optional().map_err(failed)?;
    let Some(row) = row else { return Ok(None) };
    let organization_id = OrganizationId(row.0);
    let decided = decided(row).with_context(|| format!("decision {id} cannot be read"))?;
    let (entry, before) = match decided.verdict {
        Verdict::Allowed { seq } => (entry(connection, organization_id, seq).await?, seq - 1),
        Verdict::Denied { seq, .. } => (None, seq),
    };
    let mut account = wound_back(connection, organization_id, before).await?;
    if decided.operation == Operation::Refund {
        know_draw(connection, &mut account, &decided, before).await?;
    }
    Ok(Some(CreditDecision { organization_id, decided, entry, before: account }))
}

fn decided(row: DecisionRow) -> anyhow::Result<Decided> {
    let (_, key, operation, at, decision, what, quantity, required, available, seq) = row;
    let seq = seq.context("the last row before it is not known")?;
    Ok(Decided {
        operation: operation.parse()?,
        key: IdempotencyKey::parse(&key)?,
        decision: DecisionId(decision),
        asked: Asked { what, quantity },
        required,
        at,
        verdict: match available {
            Some(available) => Verdict::Denied { seq, available },
            None => Verdict::Allowed { seq },
        },
    })
}

async fn entry(
    connection: &mut AsyncPgConnection,
    organization: OrganizationId,
    seq: i64,
) -> Result<Option<Entry>, Error> {
    let query =
        credit_transactions::table.find((organization.0, seq)).select(EntryRow::as_select());
    let row: Option<EntryRow> = query.get_result(connection).await.optional().map_err(failed)?;
    row.map(TryInto::try_into).transpose()
}

/// The account as it stood after a row.
async fn wound_back(
    connection: &mut AsyncPgConnection,
    organization: OrganizationId,
    seq: i64,
) -> Result<CreditAccount, Error> {
    let mut account = CreditAccount::new(organization);
    let since = SinceThen { organization: organization.0, seq };
    let (overdrawn, held, settings, at): (i64, i64, Option<Value>, Option<OffsetDateTime>) =
        since.get_result(connection).await.map_err(failed)?;
    account.last_seq = seq;
    account.last_at = at.unwrap_or(OffsetDateTime::UNIX_EPOCH);
    (account.overdrawn, account.held) = (overdrawn, held);
    account.settings = match settings {
        Some(settings) => serde_json::from_value(settings).map_err(anyhow::Error::from)?,
        None => Settings::default(),
    };
    let grants = GrantsAsOf { organization: organization.0, seq };
    let grants: Vec<GrantRow> = grants.load(connection).await.map_err(failed)?;
    let since = revoked_since(connection, organization, seq).await?;
    for row in grants {
        let (_, mut grant) = rows::grant(row)?;
        grant.revoked -= since.get(&grant.id).copied().unwrap_or_default();
        account.know_grant(grant);
    }
    Ok(account)
}

/// The use that was given back, with what had been given back of it before.
async fn know_draw(
    connection: &mut AsyncPgConnection,
    account: &mut CreditAccount,
    decided: &Decided,
    before: i64,
) -> Result<(), Error> {
    let organization = account.organization_id.0;
    let Ok(named) = decided.asked.what.parse() else { return Ok(()) };
    let (seq, decision) = rows::named_draw(named);
    let (owners, seqs, decisions) = ([organization], [seq], [decision]);
    let draw = DrawAsOf { organization, seq, decision, before };
    let draws: Vec<DrawRow> = draw.load(connection).await.map_err(failed)?;
    for row in draws {
        account.know_draw(rows::draw(row)?.1);
    }
    let grants = GrantsOfDraws { owners: &owners, seqs: &seqs, decisions: &decisions };
    let grants: Vec<GrantRow> = grants.load(connection).await.map_err(failed)?;
    let since = revoked_since(connection, account.organization_id, before).await?;
    for row in grants {
        // Those that had something left are known as they were; of the others nothing was left.
        let (_, mut grant) = rows::grant(row)?;
        (grant.remaining, grant.held) = (0, 0);
        grant.revoked -= since.get(&grant.id).copied().unwrap_or_default();
        account.know_grant(grant);
    }
    Ok(())
}

/// How much was taken back of each grant after a row.
async fn revoked_since(
    connection: &mut AsyncPgConnection,
    organization: OrganizationId,
    seq: i64,
) -> Result<BTreeMap<GrantId, i64>, Error> {
    let query = RevokedSince { organization: organization.0, seq };
    let since: Vec<(Uuid, i64)> = query.load(connection).await.map_err(failed)?;
    Ok(since.into_iter().map(|(grant, amount)| (GrantId(grant), amount)).collect())
}
