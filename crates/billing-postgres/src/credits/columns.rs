//! What changed on accounts and grants, as the columns of the statements that write it.

use billing_domain::{
    credits::{Grant, Pending},
    id::OrganizationId,
};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    Accounts,
    statements::{InsertGrants, UpdateAccounts, UpdateGrants},
};

#[derive(Default)]
pub(super) struct Moved {
    pub(super) organizations: Vec<Uuid>,
    seqs: Vec<i64>,
    dates: Vec<OffsetDateTime>,
    balances: Vec<i64>,
    overdrawn: Vec<i64>,
    dues: Vec<Option<OffsetDateTime>>,
}

impl Moved {
    pub(super) fn of(accounts: &Accounts, pending: &[(OrganizationId, Pending)]) -> Self {
        let mut moved = Self::default();
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

    pub(super) fn statement(&self) -> UpdateAccounts<'_> {
        let Self { organizations, seqs, dates, balances, overdrawn, dues } = self;
        UpdateAccounts { organizations, seqs, dates, balances, overdrawn, dues }
    }
}

#[derive(Default)]
pub(super) struct Changed {
    organizations: Vec<Uuid>,
    pub(super) grants: Vec<Uuid>,
    remaining: Vec<i64>,
    started: Vec<bool>,
}

impl Changed {
    pub(super) fn of(accounts: &Accounts, pending: &[(OrganizationId, Pending)]) -> Self {
        let mut changed = Self::default();
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

    pub(super) fn statement(&self) -> UpdateGrants<'_> {
        let Self { organizations, grants, remaining, started } = self;
        UpdateGrants { organizations, grants, remaining, started }
    }
}

#[derive(Default)]
pub(super) struct Granted<'a> {
    organizations: Vec<Uuid>,
    pub(super) ids: Vec<Uuid>,
    kinds: Vec<&'a str>,
    amounts: Vec<i64>,
    remaining: Vec<i64>,
    starts: Vec<OffsetDateTime>,
    expiries: Vec<Option<OffsetDateTime>>,
    source_kinds: Vec<&'a str>,
    source_ids: Vec<&'a str>,
    dates: Vec<OffsetDateTime>,
    started: Vec<bool>,
}

impl<'a> Granted<'a> {
    pub(super) fn of(accounts: &'a Accounts, pending: &[(OrganizationId, Pending)]) -> Self {
        let mut columns = Self::default();
        for (id, pending) in pending {
            let grants = accounts.get(id).into_iter().flat_map(|account| account.grants());
            for grant in grants.filter(|grant| pending.granted.contains(&grant.id)) {
                columns.push(*id, grant);
            }
        }
        columns
    }

    fn push(&mut self, owner: OrganizationId, grant: &'a Grant) {
        let Grant {
            id,
            kind,
            amount,
            remaining,
            starts_at,
            expires_at,
            source,
            granted_at,
            started,
        } = grant;
        self.organizations.push(owner.0);
        self.ids.push(id.0);
        self.kinds.push(kind.name());
        self.amounts.push(*amount);
        self.remaining.push(*remaining);
        self.starts.push(*starts_at);
        self.expiries.push(*expires_at);
        self.source_kinds.push(&source.kind);
        self.source_ids.push(&source.id);
        self.dates.push(*granted_at);
        self.started.push(*started);
    }

    pub(super) fn statement(&self) -> InsertGrants<'_> {
        InsertGrants {
            organizations: &self.organizations,
            ids: &self.ids,
            kinds: &self.kinds,
            amounts: &self.amounts,
            remaining: &self.remaining,
            starts: &self.starts,
            expiries: &self.expiries,
            source_kinds: &self.source_kinds,
            source_ids: &self.source_ids,
            dates: &self.dates,
            started: &self.started,
        }
    }
}
