//! New rows of the ledger and decided keys, as the columns of the statements that write them.

use billing_app::Error;
use billing_domain::{
    credits::{Consume, CreditOutcome, Entry, Origin, Pending},
    id::OrganizationId,
};
use time::OffsetDateTime;
use uuid::Uuid;

use super::statements::{InsertEntries, InsertKeys};

#[derive(Default)]
pub(super) struct Entries<'a> {
    organizations: Vec<Uuid>,
    pub(super) seqs: Vec<i64>,
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

    pub(super) fn statement(&self) -> InsertEntries<'_> {
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
pub(super) struct Keys<'a> {
    pub(super) keys: Vec<&'a str>,
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
    pub(super) fn of(pending: &'a [(OrganizationId, Pending)]) -> Self {
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

    pub(super) fn statement(&self) -> InsertKeys<'_> {
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
