//! Invoices and credit notes.

mod billed_use;
mod columns;
mod credit_notes;
mod lines;
mod reads;

use async_trait::async_trait;
use billing_app::{Error, ports::Invoices};
use billing_domain::{
    event::Event,
    gateway::GatewayRef,
    id::{InvoiceId, OrganizationId, PaymentId, SubscriptionId},
    invoice::{BilledUse, CreditNote, DocumentNumber, Invoice, InvoiceStatus, Issuer, Series},
};
use diesel::{prelude::*, upsert::excluded};
use diesel_async::RunQueryDsl;
use time::OffsetDateTime;

use self::{columns::InvoiceRow, lines::LineRow, reads::with_lines};
pub(crate) use self::{
    credit_notes::CreditNoteRow,
    reads::{credit_notes, invoice, invoices},
};
use crate::{
    error::failed,
    organizations::Kind,
    schema::{credit_notes as notes, document_numbers, invoice_lines, invoices as table},
    unit_of_work::PostgresUnit,
};

#[async_trait]
impl Invoices for PostgresUnit {
    async fn by_reference(&mut self, reference: &GatewayRef) -> Result<Option<Invoice>, Error> {
        let object = (Kind::Invoice, reference.id.as_str());
        let Some(owner) = self.owner(reference.gateway, object).await? else { return Ok(None) };
        let row: Option<InvoiceRow> = table::table
            .filter(table::organization_id.eq(owner.0))
            .filter(table::gateway.eq(reference.gateway.name()))
            .filter(table::gateway_id.eq(&reference.id))
            .select(InvoiceRow::as_select())
            .for_no_key_update()
            .first(self.connection())
            .await
            .optional()
            .map_err(failed)?;
        let rows = row.into_iter().collect();
        Ok(with_lines(self.connection(), owner, rows).await?.pop())
    }

    async fn find(
        &mut self,
        organization: OrganizationId,
        id: InvoiceId,
    ) -> Result<Option<Invoice>, Error> {
        let row: Option<InvoiceRow> = table::table
            .find((organization.0, id.0))
            .select(InvoiceRow::as_select())
            .for_no_key_update()
            .first(self.connection())
            .await
            .optional()
            .map_err(failed)?;
        let rows = row.into_iter().collect();
        Ok(with_lines(self.connection(), organization, rows).await?.pop())
    }

    async fn paid_by(
        &mut self,
        organization: OrganizationId,
        payment: PaymentId,
    ) -> Result<Option<Invoice>, Error> {
        let row: Option<InvoiceRow> = table::table
            .filter(table::organization_id.eq(organization.0))
            .filter(table::payment_id.eq(payment.0))
            .filter(table::gateway.is_null())
            .select(InvoiceRow::as_select())
            .for_no_key_update()
            .first(self.connection())
            .await
            .optional()
            .map_err(failed)?;
        let rows = row.into_iter().collect();
        Ok(with_lines(self.connection(), organization, rows).await?.pop())
    }

    async fn of_period(
        &mut self,
        organization: OrganizationId,
        subscription: SubscriptionId,
        start: OffsetDateTime,
    ) -> Result<Option<Invoice>, Error> {
        let row: Option<InvoiceRow> = table::table
            .filter(table::organization_id.eq(organization.0))
            .filter(table::subscription_id.eq(subscription.0))
            .filter(table::period_start.eq(start))
            .filter(table::gateway.is_null())
            .filter(table::status.ne(InvoiceStatus::Void.name()))
            .select(InvoiceRow::as_select())
            .for_no_key_update()
            .first(self.connection())
            .await
            .optional()
            .map_err(failed)?;
        let rows = row.into_iter().collect();
        Ok(with_lines(self.connection(), organization, rows).await?.pop())
    }

    async fn credit_notes(
        &mut self,
        organization: OrganizationId,
        invoice: InvoiceId,
    ) -> Result<Vec<CreditNote>, Error> {
        let rows: Vec<CreditNoteRow> = notes::table
            .filter(notes::organization_id.eq(organization.0))
            .filter(notes::invoice_id.eq(invoice.0))
            .order(notes::credit_note_id)
            .select(CreditNoteRow::as_select())
            .load(self.connection())
            .await
            .map_err(failed)?;
        rows.into_iter().map(TryInto::try_into).collect()
    }

    async fn billed_use(
        &mut self,
        organization: OrganizationId,
        subscription: SubscriptionId,
        since: OffsetDateTime,
    ) -> Result<Vec<BilledUse>, Error> {
        billed_use::read(self.connection(), (organization, subscription), since).await
    }

    async fn next_number(&mut self, series: Series, year: i32) -> Result<DocumentNumber, Error> {
        let row = (
            document_numbers::series.eq(series.name()),
            document_numbers::year.eq(year),
            document_numbers::last.eq(1),
        );
        // The row is held from here to the end of the unit.
        let sequence: i64 = diesel::insert_into(document_numbers::table)
            .values(row)
            .on_conflict((document_numbers::series, document_numbers::year))
            .do_update()
            .set(
                document_numbers::last
                    .eq(document_numbers::last + excluded(document_numbers::last)),
            )
            .returning(document_numbers::last)
            .get_result(self.connection())
            .await
            .map_err(failed)?;
        Ok(DocumentNumber { series, year, sequence })
    }

    async fn save(&mut self, invoice: &Invoice, events: &[Event]) -> Result<(), Error> {
        let owner = invoice.organization_id;
        if let Issuer::Gateway { reference, .. } = &invoice.issuer {
            self.own(reference.gateway, (Kind::Invoice, &reference.id), owner).await?;
        }
        let row = InvoiceRow::try_from(invoice)?;
        diesel::insert_into(table::table)
            .values(&row)
            .on_conflict((table::organization_id, table::invoice_id))
            .do_update()
            .set(&row)
            .execute(self.connection())
            .await
            .map_err(failed)?;
        let before = invoice_lines::table
            .filter(invoice_lines::organization_id.eq(owner.0))
            .filter(invoice_lines::invoice_id.eq(invoice.id.0));
        diesel::delete(before).execute(self.connection()).await.map_err(failed)?;
        let lines = (0..).zip(&invoice.bill.parts().lines);
        let lines: Vec<LineRow> = lines
            .map(|(position, line)| LineRow::of(invoice, position, line))
            .collect::<Result<_, Error>>()?;
        diesel::insert_into(invoice_lines::table)
            .values(lines)
            .execute(self.connection())
            .await
            .map_err(failed)?;
        self.publish(events).await
    }

    async fn issue(&mut self, note: &CreditNote, events: &[Event]) -> Result<(), Error> {
        diesel::insert_into(notes::table)
            .values(CreditNoteRow::try_from(note)?)
            .execute(self.connection())
            .await
            .map_err(failed)?;
        self.publish(events).await
    }
}
