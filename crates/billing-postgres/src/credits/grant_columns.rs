//! What changed on grants, as the columns of the statements that write it.

use billing_domain::{
    credits::{Grant, Pending},
    id::OrganizationId,
};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    Accounts,
    writes::{InsertGrants, UpdateGrants},
};

#[derive(Default)]
pub(super) struct Changed {
    organizations: Vec<Uuid>,
    pub(super) grants: Vec<Uuid>,
    remaining: Vec<i64>,
    held: Vec<i64>,
    revoked: Vec<i64>,
    started: Vec<bool>,
    noticed: Vec<i16>,
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
                changed.held.push(grant.held);
                changed.revoked.push(grant.revoked);
                changed.started.push(grant.started);
                changed.noticed.push(i16::from(grant.noticed));
            }
        }
        changed
    }

    pub(super) fn statement(&self) -> UpdateGrants<'_> {
        let Self { organizations, grants, remaining, held, revoked, started, noticed } = self;
        UpdateGrants { organizations, grants, remaining, held, revoked, started, noticed }
    }
}

#[derive(Default)]
pub(super) struct Granted<'a> {
    organizations: Vec<Uuid>,
    pub(super) ids: Vec<Uuid>,
    kinds: Vec<&'a str>,
    amounts: Vec<i64>,
    remaining: Vec<i64>,
    held: Vec<i64>,
    revoked: Vec<i64>,
    starts: Vec<OffsetDateTime>,
    expiries: Vec<Option<OffsetDateTime>>,
    source_kinds: Vec<&'a str>,
    source_ids: Vec<&'a str>,
    dates: Vec<OffsetDateTime>,
    started: Vec<bool>,
    noticed: Vec<i16>,
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
            held,
            revoked,
            starts_at,
            expires_at,
            source,
            granted_at,
            started,
            noticed,
        } = grant;
        self.organizations.push(owner.0);
        self.ids.push(id.0);
        self.kinds.push(kind.name());
        self.amounts.push(*amount);
        self.remaining.push(*remaining);
        self.held.push(*held);
        self.revoked.push(*revoked);
        self.starts.push(*starts_at);
        self.expiries.push(*expires_at);
        self.source_kinds.push(&source.kind);
        self.source_ids.push(&source.id);
        self.dates.push(*granted_at);
        self.started.push(*started);
        self.noticed.push(i16::from(*noticed));
    }

    pub(super) fn statement(&self) -> InsertGrants<'_> {
        InsertGrants {
            organizations: &self.organizations,
            ids: &self.ids,
            kinds: &self.kinds,
            amounts: &self.amounts,
            remaining: &self.remaining,
            held: &self.held,
            revoked: &self.revoked,
            starts: &self.starts,
            expiries: &self.expiries,
            source_kinds: &self.source_kinds,
            source_ids: &self.source_ids,
            dates: &self.dates,
            started: &self.started,
            noticed: &self.noticed,
        }
    }
}
