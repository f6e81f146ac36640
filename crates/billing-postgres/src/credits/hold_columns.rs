//! What changed on holds, as the columns of the statements that write it.

use std::collections::BTreeSet;

use billing_app::Error;
use billing_domain::{
    credits::{Hold, HoldState, Pending},
    id::{HoldId, OrganizationId},
};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{
    Accounts,
    writes::{InsertHolds, ResolveHolds},
};

#[derive(Default)]
pub(super) struct Holds<'a> {
    organizations: Vec<Uuid>,
    pub(super) ids: Vec<Uuid>,
    events: Vec<&'a str>,
    amounts: Vec<i64>,
    parts: Vec<serde_json::Value>,
    untils: Vec<OffsetDateTime>,
    hows: Vec<Option<&'a str>>,
    settled: Vec<Option<i64>>,
    seqs: Vec<Option<i64>>,
    balances: Vec<Option<i64>>,
}

impl<'a> Holds<'a> {
    /// Those of each account that are chosen.
    pub(super) fn of(
        accounts: &'a Accounts,
        pending: &[(OrganizationId, Pending)],
        chosen: impl Fn(&Pending) -> &BTreeSet<HoldId>,
    ) -> Result<Self, Error> {
        let mut columns = Self::default();
        for (id, pending) in pending {
            let chosen = chosen(pending);
            let holds = accounts.get(id).into_iter().flat_map(|account| account.holds());
            for hold in holds.filter(|hold| chosen.contains(&hold.id)) {
                columns.push(*id, hold)?;
            }
        }
        Ok(columns)
    }

    fn push(&mut self, owner: OrganizationId, hold: &'a Hold) -> Result<(), Error> {
        let resolved = match hold.state {
            HoldState::Open => None,
            HoldState::Resolved { how, settled, seq, balance_after } => {
                Some((how.name(), settled, seq, balance_after))
            }
        };
        self.organizations.push(owner.0);
        self.ids.push(hold.id.0);
        self.events.push(&hold.event);
        self.amounts.push(hold.amount);
        self.parts.push(serde_json::to_value(&hold.parts).map_err(anyhow::Error::from)?);
        self.untils.push(hold.until);
        self.hows.push(resolved.map(|(how, ..)| how));
        self.settled.push(resolved.map(|(_, settled, ..)| settled));
        self.seqs.push(resolved.map(|(_, _, seq, _)| seq));
        self.balances.push(resolved.map(|(_, _, _, balance)| balance));
        Ok(())
    }

    pub(super) fn insert(&self) -> InsertHolds<'_> {
        InsertHolds {
            organizations: &self.organizations,
            ids: &self.ids,
            events: &self.events,
            amounts: &self.amounts,
            parts: &self.parts,
            untils: &self.untils,
            hows: &self.hows,
            settled: &self.settled,
            seqs: &self.seqs,
            balances: &self.balances,
        }
    }

    pub(super) fn resolve(&self) -> ResolveHolds<'_> {
        let Self { organizations, ids, hows, settled, seqs, balances, .. } = self;
        ResolveHolds { organizations, ids, hows, settled, seqs, balances }
    }
}
