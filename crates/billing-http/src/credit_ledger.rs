//! The credit ledger, as it is shown.

use std::collections::BTreeMap;

use billing_app::CreditReport;
use billing_domain::{
    credits::{Entry, Grant as Given, GrantKind, Origin, Settings, Touch},
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
    /// What is left, less what is overdrawn.
    balance: i64,
    /// What may be used: the balance without what is held, and the overdraft.
    available: i64,
    /// How much is reserved.
    held: i64,
    /// How much is owed: used beyond what there was, or taken back after it was used.
    overdrawn: i64,
    settings: CreditSettings,
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
    /// What is left, with what is held of it.
    remaining: i64,
    held: i64,
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
    /// `earned`, `purchased`, `consumed`, `expired`, `refunded`, `transferred`, `adjusted`, `held`
    /// or `released`.
    #[schema(example = "consumed")]
    kind: &'static str,
    /// By how much the balance changed.
    amount: i64,
    balance_after: i64,
    /// By how much the overdrawn part changed.
    overdrawn_change: i64,
    /// By how much what is held changed.
    held_change: i64,
    /// What caused it: `grant`, `expiry`, `consume`, `hold`, `settle`, `release`, `time_out`,
    /// `revoke`, `refund`, `transfer` or `settings`.
    #[schema(example = "consume")]
    cause: &'static str,
    /// The decision that allowed it; for what was held, the hold.
    decision_id: Option<Uuid>,
    /// Which grants changed, and by how much.
    grants: Vec<Part>,
    /// What the credits were given for; for grants that started, expired or were taken back.
    source: Option<Source>,
    /// The credit event that was held or settled.
    event: Option<String>,
    /// The row that was given back.
    refunds: Option<i64>,
    /// To whom credits were given.
    to_organization_id: Option<Uuid>,
    /// What was consumed.
    consumed: Option<Consumption>,
}

/// The part of a row that one grant bears.
#[derive(Serialize, ToSchema)]
pub(crate) struct Part {
    grant_id: Uuid,
    amount: i64,
    held: i64,
}

/// What an organization's credits are decided by.
#[derive(Serialize, ToSchema)]
pub(crate) struct CreditSettings {
    /// How many credits may be used beyond what there is.
    overdraft_limit: i64,
    /// In which order grants are used.
    draw_order: Vec<&'static str>,
    /// Below which balance it is told; 0 for never.
    low_balance: i64,
    /// Likewise in percent of what the grants with something left gave; 0 for never.
    low_percent: u8,
}

impl From<Settings> for CreditSettings {
    fn from(settings: Settings) -> Self {
        let Settings { overdraft_limit, order, low_balance, low_percent } = settings;
        let draw_order = <[GrantKind; 4]>::from(order).map(GrantKind::name).to_vec();
        Self { overdraft_limit, draw_order, low_balance, low_percent }
    }
}

impl From<Touch> for Part {
    fn from(touch: Touch) -> Self {
        let Touch { grant_id, amount, held } = touch;
        Self { grant_id: grant_id.0, amount, held }
    }
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
        let CreditReport { balance, available, held, overdrawn, settings, by_kind, grants } =
            report;
        Self {
            organization_id: organization.0,
            balance,
            available,
            held,
            overdrawn,
            settings: settings.into(),
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
            held,
            revoked: _,
            starts_at,
            expires_at,
            source,
            granted_at,
            started,
            noticed: _,
        } = grant;
        Self {
            id: id.0,
            kind: kind.name(),
            amount,
            remaining,
            held,
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
        let cause = entry.origin.name();
        let mut row = Self {
            seq: entry.seq,
            at: Moment(entry.at),
            kind: entry.kind.name(),
            amount: entry.amount,
            balance_after: entry.balance_after,
            overdrawn_change: entry.overdrawn_change,
            held_change: entry.held_change,
            cause,
            decision_id: None,
            grants: entry.touched.into_iter().map(Part::from).collect(),
            source: None,
            event: None,
            refunds: None,
            to_organization_id: None,
            consumed: None,
        };
        match entry.origin {
            Origin::Grant(source) | Origin::Expiry(source) | Origin::Revoke(source) => {
                row.source = Some(source.into());
            }
            Origin::Consume { decision, key, event, quantity, unit_cost } => {
                let (decision_id, idempotency_key) = (decision.0, key.as_str().to_owned());
                row.decision_id = Some(decision_id);
                row.consumed =
                    Some(Consumption { decision_id, idempotency_key, event, quantity, unit_cost });
            }
            Origin::Hold { hold, event, .. } | Origin::Settle { hold, event } => {
                (row.decision_id, row.event) = (Some(hold.0), Some(event));
            }
            Origin::Release(hold) | Origin::TimeOut(hold) => row.decision_id = Some(hold.0),
            Origin::Refund { decision, draw, .. } => {
                (row.decision_id, row.refunds) = (Some(decision.0), Some(draw));
            }
            Origin::Transfer { decision, to, .. } => {
                (row.decision_id, row.to_organization_id) = (Some(decision.0), Some(to.0));
            }
            Origin::Settings(_) => {}
        }
        row
    }
}
