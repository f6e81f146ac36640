//! Rows of the credit ledger, read back.

use anyhow::Context;
use billing_app::Error;
use billing_domain::{
    credits::{Entry, IdempotencyKey, Origin, Source},
    id::DecisionId,
};
use diesel::prelude::*;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::schema::credit_transactions;

#[derive(Queryable, Selectable)]
#[diesel(table_name = credit_transactions, check_for_backend(diesel::pg::Pg))]
pub(super) struct EntryRow {
    seq: i64,
    at: OffsetDateTime,
    kind: String,
    amount: i64,
    balance_after: i64,
    overdrawn_change: i64,
    touched: serde_json::Value,
    origin: String,
    source_kind: Option<String>,
    source_id: Option<String>,
    decision_id: Option<Uuid>,
    key: Option<String>,
    event: Option<String>,
    quantity: Option<i64>,
    unit_cost: Option<i64>,
}

impl TryFrom<EntryRow> for Entry {
    type Error = Error;

    fn try_from(row: EntryRow) -> Result<Self, Error> {
        let seq = row.seq;
        let read = move || -> anyhow::Result<Self> {
            let source = |kind: Option<String>, id: Option<String>| {
                anyhow::Ok(Source { kind: kind.context("source")?, id: id.context("source")? })
            };
            let origin = match row.origin.as_str() {
                "grant" => Origin::Grant(source(row.source_kind, row.source_id)?),
                "expiry" => Origin::Expiry(source(row.source_kind, row.source_id)?),
                _ => Origin::Consume {
                    decision: DecisionId(row.decision_id.context("decision")?),
                    key: IdempotencyKey::parse(&row.key.context("key")?)?,
                    event: row.event.context("event")?,
                    quantity: row.quantity.context("quantity")?,
                    unit_cost: row.unit_cost.context("unit cost")?,
                },
            };
            Ok(Self {
                seq: row.seq,
                at: row.at,
                kind: row.kind.parse()?,
                amount: row.amount,
                balance_after: row.balance_after,
                overdrawn_change: row.overdrawn_change,
                touched: serde_json::from_value(row.touched)?,
                origin,
            })
        };
        Ok(read().with_context(|| format!("row {seq} of the ledger cannot be read"))?)
    }
}
