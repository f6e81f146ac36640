//! A credit note as a row.

use anyhow::Context;
use billing_app::Error;
use billing_domain::{
    id::{CreditNoteId, InvoiceId, OrganizationId, PaymentId},
    invoice::CreditNote,
    money::Money,
};
use diesel::prelude::*;
use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::schema::credit_notes;

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = credit_notes, check_for_backend(diesel::pg::Pg))]
pub(crate) struct CreditNoteRow {
    organization_id: Uuid,
    credit_note_id: Uuid,
    number: String,
    invoice_id: Uuid,
    payment_id: Uuid,
    currency: String,
    amount: i64,
    taxes: Value,
    issued_at: OffsetDateTime,
}

impl TryFrom<&CreditNote> for CreditNoteRow {
    type Error = Error;

    fn try_from(it: &CreditNote) -> Result<Self, Error> {
        let CreditNote {
            id,
            organization_id,
            number,
            invoice_id,
            payment_id,
            amount,
            taxes,
            issued_at,
        } = it;
        Ok(Self {
            organization_id: organization_id.0,
            credit_note_id: id.0,
            number: number.clone(),
            invoice_id: invoice_id.0,
            payment_id: payment_id.0,
            currency: amount.currency().to_string(),
            amount: amount.minor(),
            taxes: serde_json::to_value(taxes).map_err(anyhow::Error::new)?,
            issued_at: *issued_at,
        })
    }
}

impl TryFrom<CreditNoteRow> for CreditNote {
    type Error = Error;

    fn try_from(row: CreditNoteRow) -> Result<Self, Error> {
        let id = row.credit_note_id;
        let read = move || -> anyhow::Result<Self> {
            Ok(Self {
                id: CreditNoteId(row.credit_note_id),
                organization_id: OrganizationId(row.organization_id),
                number: row.number,
                invoice_id: InvoiceId(row.invoice_id),
                payment_id: PaymentId(row.payment_id),
                amount: Money::new(row.amount, row.currency.parse()?),
                taxes: serde_json::from_value(row.taxes)?,
                issued_at: row.issued_at,
            })
        };
        Ok(read().with_context(|| format!("credit note {id} cannot be read"))?)
    }
}
