//! What was decided under keys, as the columns of the statement that keeps it.

use billing_domain::{
    credits::{Decided, Pending, Verdict},
    id::OrganizationId,
};
use time::OffsetDateTime;
use uuid::Uuid;

use super::writes::InsertKeys;

#[derive(Default)]
pub(super) struct Keys<'a> {
    pub(super) keys: Vec<&'a str>,
    organizations: Vec<Uuid>,
    operations: Vec<&'a str>,
    dates: Vec<OffsetDateTime>,
    decisions: Vec<Uuid>,
    events: Vec<&'a str>,
    quantities: Vec<i64>,
    required: Vec<i64>,
    seqs: Vec<i64>,
    available: Vec<Option<i64>>,
}

impl<'a> Keys<'a> {
    pub(super) fn of(pending: &'a [(OrganizationId, Pending)]) -> Self {
        let mut columns = Self::default();
        for (organization, pending) in pending {
            for decided in &pending.decided {
                columns.push(*organization, decided);
            }
        }
        columns
    }

    fn push(&mut self, organization: OrganizationId, decided: &'a Decided) {
        let (seq, available) = match decided.verdict {
            Verdict::Allowed { seq } => (seq, None),
            Verdict::Denied { seq, available } => (seq, Some(available)),
        };
        self.keys.push(decided.key.as_str());
        self.organizations.push(organization.0);
        self.operations.push(decided.operation.name());
        self.dates.push(decided.at);
        self.decisions.push(decided.decision.0);
        self.events.push(&decided.asked.what);
        self.quantities.push(decided.asked.quantity);
        self.required.push(decided.required);
        self.seqs.push(seq);
        self.available.push(available);
    }

    pub(super) fn statement(&self) -> InsertKeys<'_> {
        InsertKeys {
            keys: &self.keys,
            organizations: &self.organizations,
            operations: &self.operations,
            dates: &self.dates,
            decisions: &self.decisions,
            events: &self.events,
            quantities: &self.quantities,
            required: &self.required,
            seqs: &self.seqs,
            available: &self.available,
        }
    }
}
