//! The credit ledger, as it is shown.

use std::collections::BTreeMap;

use billing_app::CreditReport;
use billing_domain::{
    credits::{Entry, Grant as Given, Origin, Touch},
    id::OrganizationId,
};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::moment::Moment;

/// The credits of an organization.
#[derive(Serialize, ToSchema)]
pub(crate) struct Credits {
    organization_id: Uuid,
    /// What may be used, overdraft aside.
    balance: i64,
    /// What was used beyond what there was.
    overdrawn: i64,
    overdraft_limit: i64,
    /// What is left of each kind: `purchased`, `subscription`, `promotional`, `adjustment`.
    by_kind: BTreeMap<&'static str, i64>,
    /// Grants with something left, in the order in which they are used.
    grants: Vec<Grant>,
}

/// Credits given at once.
#[derive(Serialize, ToSchema)]
pub(crate) struct Grant {
    id: Uuid,
    /// `purchased`, `subscription`, `promotional` or `adjustment`.
    #[schema(example = "promotional")]
    kind: &'static str,
    amount: i64,
    remaining: i64,
    starts_at: Moment,
    /// Nothing for those that never expire.
    expires_at: Option<Moment>,
    granted_at: Moment,
    /// Whether they may be used already.
    started: bool,
    source: Source,
}

/// What credits were given for.
#[derive(Serialize, ToSchema)]
pub(crate) struct Source {
    /// `payment`, `period` or `operator`.
    #[schema(example = "payment")]
    kind: String,
    id: String,
}

/// A row of the ledger.
#[derive(Serialize, ToSchema)]
pub(crate) struct Transaction {
    /// Counted from 1, without gaps.
    seq: i64,
    at: Moment,
    /// `earned`, `purchased`, `consumed`, `expired` or `adjusted`.
    #[schema(example = "consumed")]
    kind: &'static str,
    /// By how much the balance changed.
    amount: i64,
    balance_after: i64,
    /// By how much the overdrawn part changed.
    overdrawn_change: i64,
    /// Which grants changed, and by how much.
    grants: Vec<Part>,
    /// What the credits were given for; for grants that started or expired.
    source: Option<Source>,
    /// What was consumed.
    consumed: Option<Consumption>,
}

/// The part of a row that one grant bears.
#[derive(Serialize, ToSchema)]
pub(crate) struct Part {
    grant_id: Uuid,
    amount: i64,
}

/// What was consumed.
#[derive(Serialize, ToSchema)]
pub(crate) struct Consumption {
    decision_id: Uuid,
    idempotency_key: String,
    event: String,
    quantity: i64,
    unit_cost: i64,
}

impl Credits {
    pub(crate) fn of(organization: OrganizationId, report: CreditReport) -> Self {
        let CreditReport { balance, overdrawn, overdraft_limit, by_kind, grants } = report;
        Self {
            organization_id: organization.0,
            balance,
            overdrawn,
            overdraft_limit,
            by_kind: by_kind.into_iter().map(|(kind, left)| (kind.name(), left)).collect(),
            grants: grants.into_iter().map(Grant::from).collect(),
        }
    }
}

impl From<Given> for Grant {
    fn from(grant: Given) -> Self {
        let Given {
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
        Self {
            id: id.0,
            kind: kind.name(),
            amount,
            remaining,
            starts_at: Moment(starts_at),
            expires_at: expires_at.map(Moment),
            granted_at: Moment(granted_at),
            started,
            source: Source::from(source),
        }
    }
}

impl From<billing_domain::credits::Source> for Source {
    fn from(source: billing_domain::credits::Source) -> Self {
        let billing_domain::credits::Source { kind, id } = source;
        Self { kind, id }
    }
}

impl From<Entry> for Transaction {
    fn from(entry: Entry) -> Self {
        let Entry { seq, at, kind, amount, balance_after, overdrawn_change, touched, origin } =
            entry;
        let (source, consumed) = match origin {
            Origin::Grant(source) | Origin::Expiry(source) => (Some(source.into()), None),
            Origin::Consume { decision, key, event, quantity, unit_cost } => {
                let (decision_id, idempotency_key) = (decision.0, key.as_str().to_owned());
                let consumption =
                    Consumption { decision_id, idempotency_key, event, quantity, unit_cost };
                (None, Some(consumption))
            }
        };
        let part = |touch: Touch| Part { grant_id: touch.grant_id.0, amount: touch.amount };
        Self {
            seq,
            at: Moment(at),
            kind: kind.name(),
            amount,
            balance_after,
            overdrawn_change,
            grants: touched.into_iter().map(part).collect(),
            source,
            consumed,
        }
    }
}
