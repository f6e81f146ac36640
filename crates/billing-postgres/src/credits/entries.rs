//! New rows of the ledger, as the columns of the statement that writes them.

use billing_app::Error;
use billing_domain::{
    credits::{Entry, Pending},
    id::OrganizationId,
};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{origins::OriginColumns, writes::InsertEntries};

#[derive(Default)]
pub(super) struct Entries<'a> {
    organizations: Vec<Uuid>,
    pub(super) seqs: Vec<i64>,
    dates: Vec<OffsetDateTime>,
    kinds: Vec<&'a str>,
    amounts: Vec<i64>,
    balances: Vec<i64>,
    overdrawn: Vec<i64>,
    held: Vec<i64>,
    touched: Vec<String>,
    origins: Vec<&'a str>,
    source_kinds: Vec<Option<&'a str>>,
    source_ids: Vec<Option<&'a str>>,
    decisions: Vec<Option<Uuid>>,
    keys: Vec<Option<&'a str>>,
    events: Vec<Option<&'a str>>,
    quantities: Vec<Option<i64>>,
    unit_costs: Vec<Option<i64>>,
    references: Vec<Option<i64>>,
    details: Vec<Option<serde_json::Value>>,
}

impl<'a> Entries<'a> {
    pub(super) fn of(pending: &'a [(OrganizationId, Pending)]) -> Result<Self, Error> {
        let mut columns = Self::default();
        for (organization, pending) in pending {
            for entry in &pending.entries {
                columns.push(*organization, entry)?;
            }
        }
        Ok(columns)
    }

    fn push(&mut self, organization: OrganizationId, entry: &'a Entry) -> Result<(), Error> {
        self.organizations.push(organization.0);
        self.seqs.push(entry.seq);
        self.dates.push(entry.at);
        self.kinds.push(entry.kind.name());
        self.amounts.push(entry.amount);
        self.balances.push(entry.balance_after);
        self.overdrawn.push(entry.overdrawn_change);
        self.held.push(entry.held_change);
        self.touched.push(serde_json::to_string(&entry.touched).map_err(anyhow::Error::from)?);
        let origin = OriginColumns::of(&entry.origin).map_err(anyhow::Error::from)?;
        self.origins.push(origin.name);
        self.source_kinds.push(origin.source.map(|it| it.kind.as_str()));
        self.source_ids.push(origin.source.map(|it| it.id.as_str()));
        self.decisions.push(origin.decision);
        self.keys.push(origin.key);
        self.events.push(origin.event);
        self.quantities.push(origin.quantity);
        self.unit_costs.push(origin.unit_cost);
        self.references.push(origin.refers_to);
        self.details.push(origin.detail);
        Ok(())
    }

    pub(super) fn statement(&self) -> InsertEntries<'_> {
        InsertEntries {
            organizations: &self.organizations,
            seqs: &self.seqs,
            dates: &self.dates,
            kinds: &self.kinds,
            amounts: &self.amounts,
            balances: &self.balances,
            overdrawn: &self.overdrawn,
            held: &self.held,
            touched: &self.touched,
            origins: &self.origins,
            source_kinds: &self.source_kinds,
            source_ids: &self.source_ids,
            decisions: &self.decisions,
            keys: &self.keys,
            events: &self.events,
            quantities: &self.quantities,
            unit_costs: &self.unit_costs,
            references: &self.references,
            details: &self.details,
        }
    }
}
