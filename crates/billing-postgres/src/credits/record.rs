//! What commands changed is written down, in one flight.

use billing_app::Error;
use billing_domain::{
    credits::{Consume, CreditOutcome, Entry, Grant, Origin, Pending},
    id::OrganizationId,
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use futures_util::future::try_join_all;
use time::OffsetDateTime;
use tokio::try_join;
use uuid::Uuid;

use super::{
    Accounts,
    statements::{InsertEntries, InsertGrant, InsertKeys, UpdateAccounts, UpdateGrants},
};
use crate::error::failed;

/// Writes what is pending on the accounts. Fewer rows than expected are an error: what
/// row-level security hides must not be lost in silence.
pub(super) async fn write(
    connection: &mut AsyncPgConnection,
    accounts: &mut Accounts,
) -> Result<(), Error> {
    let pending: Vec<(OrganizationId, Pending)> =
        accounts.iter_mut().map(|(id, account)| (*id, account.take_pending())).collect();
    let moved = moved(accounts, &pending);
    let changed = changed(accounts, &pending);
    let entries = Entries::of(&pending)?;
    let keys = Keys::of(&pending);
    let granted = granted(accounts, &pending);
    let shared: &AsyncPgConnection = connection;
    let (moved_rows, changed_rows, ..) = try_join!(
        async {
            if moved.organizations.is_empty() {
                return Ok(0);
            }
            moved.statement().execute(&mut { shared }).await
        },
        async {
            if changed.grants.is_empty() {
                return Ok(0);
            }
            changed.statement().execute(&mut { shared }).await
        },
        try_join_all(granted.iter().map(|(owner, grant)| async move {
            insert_grant(*owner, grant).execute(&mut { shared }).await
        })),
        async {
            if entries.seqs.is_empty() {
                return Ok(0);
            }
            entries.statement().execute(&mut { shared }).await
        },
        async {
            if keys.keys.is_empty() {
                return Ok(0);
            }
            keys.statement().execute(&mut { shared }).await
        },
    )
    .map_err(failed)?;
    if (moved_rows, changed_rows) != (moved.organizations.len(), changed.grants.len()) {
        return Err(anyhow::anyhow!("rows of the ledger were hidden or lost").into());
    }
    Ok(())
}

#[derive(Default)]
struct Moved {
    organizations: Vec<Uuid>,
    seqs: Vec<i64>,
    dates: Vec<OffsetDateTime>,
    balances: Vec<i64>,
    overdrawn: Vec<i64>,
    dues: Vec<Option<OffsetDateTime>>,
}

impl Moved {
    fn statement(&self) -> UpdateAccounts<'_> {
        let Self { organizations, seqs, dates, balances, overdrawn, dues } = self;
        UpdateAccounts { organizations, seqs, dates, balances, overdrawn, dues }
    }
}

fn moved(accounts: &Accounts, pending: &[(OrganizationId, Pending)]) -> Moved {
    let mut moved = Moved::default();
    for (id, pending) in pending {
        let Some(account) = accounts.get(id) else { continue };
        // A grant that starts later moves nothing but the date at which something is due.
        if pending.entries.is_empty() && pending.granted.is_empty() {
            continue;
        }
        moved.organizations.push(id.0);
        moved.seqs.push(account.last_seq);
        moved.dates.push(account.last_at);
        moved.balances.push(account.balance());
        moved.overdrawn.push(account.overdrawn);
        moved.dues.push(account.next_due_at());
    }
    moved
}

#[derive(Default)]
struct Changed {
    organizations: Vec<Uuid>,
    grants: Vec<Uuid>,
    remaining: Vec<i64>,
    started: Vec<bool>,
}

impl Changed {
    fn statement(&self) -> UpdateGrants<'_> {
        let Self { organizations, grants, remaining, started } = self;
        UpdateGrants { organizations, grants, remaining, started }
    }
}

fn changed(accounts: &Accounts, pending: &[(OrganizationId, Pending)]) -> Changed {
    let mut changed = Changed::default();
    for (id, pending) in pending {
        let grants = accounts.get(id).into_iter().flat_map(|account| account.grants());
        for grant in grants.filter(|grant| pending.changed.contains(&grant.id)) {
            changed.organizations.push(id.0);
            changed.grants.push(grant.id.0);
            changed.remaining.push(grant.remaining);
            changed.started.push(grant.started);
        }
    }
    changed
}

fn granted<'a>(
    accounts: &'a Accounts,
    pending: &'a [(OrganizationId, Pending)],
) -> Vec<(OrganizationId, &'a Grant)> {
    let of_account = |(id, pending): &'a (OrganizationId, Pending)| {
        let grants = accounts.get(id).into_iter().flat_map(|account| account.grants());
        grants.filter(|grant| pending.granted.contains(&grant.id)).map(|grant| (*id, grant))
    };
    pending.iter().flat_map(of_account).collect()
}

fn insert_grant(owner: OrganizationId, grant: &Grant) -> InsertGrant<'_> {
    let Grant { id, kind, amount, remaining, starts_at, expires_at, source, granted_at, started } =
        grant;
    InsertGrant {
        organization: owner.0,
        id: id.0,
        kind: kind.name(),
        amount: *amount,
        remaining: *remaining,
        starts_at: *starts_at,
        expires_at: *expires_at,
        source_kind: &source.kind,
        source_id: &source.id,
        granted_at: *granted_at,
        started: *started,
    }
}

#[derive(Default)]
struct Entries<'a> {
    organizations: Vec<Uuid>,
    seqs: Vec<i64>,
    dates: Vec<OffsetDateTime>,
    kinds: Vec<&'a str>,
    amounts: Vec<i64>,
    balances: Vec<i64>,
    overdrawn: Vec<i64>,
    touched: Vec<serde_json::Value>,
    origins: Vec<&'a str>,
    source_kinds: Vec<Option<&'a str>>,
    source_ids: Vec<Option<&'a str>>,
    decisions: Vec<Option<Uuid>>,
    keys: Vec<Option<&'a str>>,
    events: Vec<Option<&'a str>>,
    quantities: Vec<Option<i64>>,
    unit_costs: Vec<Option<i64>>,
}

impl<'a> Entries<'a> {
    fn of(pending: &'a [(OrganizationId, Pending)]) -> Result<Self, Error> {
        let mut columns = Self::default();
        for (organization, pending) in pending {
            for entry in &pending.entries {
                columns.push(*organization, entry)?;
            }
        }
        Ok(columns)
    }

    fn push(&mut self, organization: OrganizationId, entry: &'a Entry) -> Result<(), Error> {
        let Entry { seq, at, kind, amount, balance_after, overdrawn_change, touched, origin } =
            entry;
        self.organizations.push(organization.0);
        self.seqs.push(*seq);
        self.dates.push(*at);
        self.kinds.push(kind.name());
        self.amounts.push(*amount);
        self.balances.push(*balance_after);
        self.overdrawn.push(*overdrawn_change);
        self.touched.push(serde_json::to_value(touched).map_err(anyhow::Error::from)?);
        let (name, source, consumed) = match origin {
            Origin::Grant(source) => ("grant", Some(source), None),
            Origin::Expiry(source) => ("expiry", Some(source), None),
            Origin::Consume { decision, key, event, quantity, unit_cost } => {
                ("consume", None, Some((decision.0, key.as_str(), event, *quantity, *unit_cost)))
            }
        };
        self.origins.push(name);
        self.source_kinds.push(source.map(|it| it.kind.as_str()));
        self.source_ids.push(source.map(|it| it.id.as_str()));
        self.decisions.push(consumed.map(|(decision, ..)| decision));
        self.keys.push(consumed.map(|(_, key, ..)| key));
        self.events.push(consumed.map(|(_, _, event, ..)| event.as_str()));
        self.quantities.push(consumed.map(|(_, _, _, quantity, _)| quantity));
        self.unit_costs.push(consumed.map(|(_, _, _, _, unit_cost)| unit_cost));
        Ok(())
    }

    fn statement(&self) -> InsertEntries<'_> {
        InsertEntries {
            organizations: &self.organizations,
            seqs: &self.seqs,
            dates: &self.dates,
            kinds: &self.kinds,
            amounts: &self.amounts,
            balances: &self.balances,
            overdrawn: &self.overdrawn,
            touched: &self.touched,
            origins: &self.origins,
            source_kinds: &self.source_kinds,
            source_ids: &self.source_ids,
            decisions: &self.decisions,
            keys: &self.keys,
            events: &self.events,
            quantities: &self.quantities,
            unit_costs: &self.unit_costs,
        }
    }
}

#[derive(Default)]
struct Keys<'a> {
    keys: Vec<&'a str>,
    organizations: Vec<Uuid>,
    dates: Vec<OffsetDateTime>,
    decisions: Vec<Uuid>,
    events: Vec<&'a str>,
    quantities: Vec<i64>,
    required: Vec<i64>,
    seqs: Vec<Option<i64>>,
    available: Vec<Option<i64>>,
}

impl<'a> Keys<'a> {
    fn of(pending: &'a [(OrganizationId, Pending)]) -> Self {
        let mut columns = Self::default();
        for (organization, pending) in pending {
            for (consume, outcome) in &pending.decided {
                columns.push(*organization, consume, (outcome, pending));
            }
        }
        columns
    }

    fn push(
        &mut self,
        organization: OrganizationId,
        consume: &'a Consume,
        (outcome, pending): (&CreditOutcome, &Pending),
    ) {
        let (at, seq, available) = match outcome {
            CreditOutcome::Consumed(consumed) => {
                let row = pending.entries.iter().find(|entry| entry.seq == consumed.seq);
                (row.map(|row| row.at), Some(consumed.seq), None)
            }
            CreditOutcome::Denied(denied) => (Some(denied.at), None, Some(denied.available)),
            CreditOutcome::KeyReused | CreditOutcome::Granted { .. } | CreditOutcome::Booked => {
                return;
            }
        };
        let Some(at) = at else { return };
        self.keys.push(consume.key.as_str());
        self.organizations.push(organization.0);
        self.dates.push(at);
        self.decisions.push(consume.decision.0);
        self.events.push(&consume.event);
        self.quantities.push(consume.quantity());
        self.required.push(consume.cost());
        self.seqs.push(seq);
        self.available.push(available);
    }

    fn statement(&self) -> InsertKeys<'_> {
        let Self {
            keys,
            organizations,
            dates,
            decisions,
            events,
            quantities,
            required,
            seqs,
            available,
        } = self;
        InsertKeys {
            keys,
            organizations,
            dates,
            decisions,
            events,
            quantities,
            required,
            seqs,
            available,
        }
    }
}
