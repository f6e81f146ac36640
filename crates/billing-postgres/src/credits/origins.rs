//! What caused a row, as columns and back.

use anyhow::Context;
use billing_domain::{
    credits::{IdempotencyKey, Origin, Source},
    id::{DecisionId, HoldId, OrganizationId},
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

/// What caused a row, as its columns.
#[derive(Default)]
pub(crate) struct OriginColumns<'a> {
    pub(crate) name: &'static str,
    pub(crate) source: Option<&'a Source>,
    pub(crate) decision: Option<Uuid>,
    pub(crate) key: Option<&'a str>,
    pub(crate) event: Option<&'a str>,
    pub(crate) quantity: Option<i64>,
    pub(crate) unit_cost: Option<i64>,
    pub(crate) refers_to: Option<i64>,
    pub(crate) detail: Option<Value>,
}

/// The same, as read.
pub(crate) struct OriginRow {
    pub(crate) name: String,
    pub(crate) source_kind: Option<String>,
    pub(crate) source_id: Option<String>,
    pub(crate) decision: Option<Uuid>,
    pub(crate) key: Option<String>,
    pub(crate) event: Option<String>,
    pub(crate) quantity: Option<i64>,
    pub(crate) unit_cost: Option<i64>,
    pub(crate) refers_to: Option<i64>,
    pub(crate) detail: Option<Value>,
}

/// Until when credits are held.
#[derive(Serialize, Deserialize)]
pub(crate) struct Until {
    #[serde(with = "time::serde::rfc3339")]
    pub(crate) until: OffsetDateTime,
}

/// To whom credits are given.
#[derive(Serialize, Deserialize)]
struct To {
    to: OrganizationId,
}

impl<'a> OriginColumns<'a> {
    pub(crate) fn of(origin: &'a Origin) -> serde_json::Result<Self> {
        let none = Self { name: origin.name(), ..Self::default() };
        Ok(match origin {
            Origin::Grant(source) | Origin::Expiry(source) | Origin::Revoke(source) => {
                Self { source: Some(source), ..none }
            }
            Origin::Consume { decision, key, event, quantity, unit_cost } => Self {
                decision: Some(decision.0),
                key: Some(key.as_str()),
                event: Some(event),
                quantity: Some(*quantity),
                unit_cost: Some(*unit_cost),
                ..none
            },
            Origin::Hold { hold, key, event, until } => Self {
                decision: Some(hold.0),
                key: Some(key.as_str()),
                event: Some(event),
                detail: Some(serde_json::to_value(Until { until: *until })?),
                ..none
            },
            Origin::Settle { hold, event } => {
                Self { decision: Some(hold.0), event: Some(event), ..none }
            }
            Origin::Release(hold) | Origin::TimeOut(hold) => {
                Self { decision: Some(hold.0), ..none }
            }
            Origin::Refund { decision, key, draw } => Self {
                decision: Some(decision.0),
                key: Some(key.as_str()),
                refers_to: Some(*draw),
                ..none
            },
            Origin::Transfer { decision, key, to } => Self {
                decision: Some(decision.0),
                key: Some(key.as_str()),
                detail: Some(serde_json::to_value(To { to: *to })?),
                ..none
            },
            Origin::Settings(settings) => {
                Self { detail: Some(serde_json::to_value(settings)?), ..none }
            }
        })
    }
}

impl TryFrom<OriginRow> for Origin {
    type Error = anyhow::Error;

    fn try_from(row: OriginRow) -> anyhow::Result<Self> {
        let source = || {
            let (kind, id) = (row.source_kind.clone(), row.source_id.clone());
            anyhow::Ok(Source { kind: kind.context("source")?, id: id.context("source")? })
        };
        let decision = || row.decision.context("decision");
        let key = || anyhow::Ok(IdempotencyKey::parse(row.key.as_deref().context("key")?)?);
        let event = || row.event.clone().context("event");
        let detail = || row.detail.clone().context("detail");
        Ok(match row.name.as_str() {
            "grant" => Self::Grant(source()?),
            "expiry" => Self::Expiry(source()?),
            "revoke" => Self::Revoke(source()?),
            "consume" => Self::Consume {
                decision: DecisionId(decision()?),
                key: key()?,
                event: event()?,
                quantity: row.quantity.context("quantity")?,
                unit_cost: row.unit_cost.context("unit cost")?,
            },
            "hold" => Self::Hold {
                hold: HoldId(decision()?),
                key: key()?,
                event: event()?,
                until: serde_json::from_value::<Until>(detail()?)?.until,
            },
            "settle" => Self::Settle { hold: HoldId(decision()?), event: event()? },
            "release" => Self::Release(HoldId(decision()?)),
            "time_out" => Self::TimeOut(HoldId(decision()?)),
            "refund" => Self::Refund {
                decision: DecisionId(decision()?),
                key: key()?,
                draw: row.refers_to.context("the row that is given back")?,
            },
            "transfer" => Self::Transfer {
                decision: DecisionId(decision()?),
                key: key()?,
                to: serde_json::from_value::<To>(detail()?)?.to,
            },
            "settings" => Self::Settings(serde_json::from_value(detail()?)?),
            unknown => anyhow::bail!("`{unknown}` is not what causes a row"),
        })
    }
}
