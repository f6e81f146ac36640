//! Rows of the credit ledger, read back.

use anyhow::Context;
use billing_app::Error;
use billing_domain::credits::Entry;
use diesel::prelude::*;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{credits::origins::OriginRow, schema::credit_transactions};

#[derive(Queryable, Selectable)]
#[diesel(table_name = credit_transactions, check_for_backend(diesel::pg::Pg))]
pub(crate) struct EntryRow {
    seq: i64,
    at: OffsetDateTime,
    kind: String,
    amount: i64,
    balance_after: i64,
    overdrawn_change: i64,
    held_change: i64,
    touched: serde_json::Value,
    origin: String,
    source_kind: Option<String>,
    source_id: Option<String>,
    decision_id: Option<Uuid>,
    key: Option<String>,
    event: Option<String>,
    quantity: Option<i64>,
    unit_cost: Option<i64>,
    refers_to: Option<i64>,
    detail: Option<serde_json::Value>,
}

impl TryFrom<EntryRow> for Entry {
    type Error = Error;

    fn try_from(row: EntryRow) -> Result<Self, Error> {
        let seq = row.seq;
        let read = move || -> anyhow::Result<Self> {
            let origin = OriginRow {
                name: row.origin,
                source_kind: row.source_kind,
                source_id: row.source_id,
                decision: row.decision_id,
                key: row.key,
                event: row.event,
                quantity: row.quantity,
                unit_cost: row.unit_cost,
                refers_to: row.refers_to,
                detail: row.detail,
            };
            Ok(Self {
                seq: row.seq,
                at: row.at,
                kind: row.kind.parse()?,
                amount: row.amount,
                balance_after: row.balance_after,
                overdrawn_change: row.overdrawn_change,
                held_change: row.held_change,
                touched: serde_json::from_value(row.touched)?,
                origin: origin.try_into()?,
            })
        };
        Ok(read().with_context(|| format!("row {seq} of the ledger cannot be read"))?)
    }
}
