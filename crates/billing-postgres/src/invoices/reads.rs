//! What screens read of invoices.

use std::collections::HashMap;

use billing_app::{
    Error,
    ports::{InvoiceFilter, Page, Scope},
};
use billing_domain::{
    id::{CreditNoteId, InvoiceId, OrganizationId},
    invoice::{CreditNote, Invoice},
};
use diesel::{
    prelude::*,
    sql_types::{Nullable, Timestamptz},
};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use time::{Date, Month, OffsetDateTime};
use uuid::Uuid;

use super::{columns::InvoiceRow, credit_notes::CreditNoteRow, lines::LineRow};
use crate::{
    Database,
    error::failed,
    schema::{credit_notes as notes, invoice_lines, invoices as table},
};

diesel::define_sql_function! {
    /// The first that is there.
    #[sql_name = "coalesce"]
    fn first_of(one: Nullable<Timestamptz>, other: Timestamptz) -> Timestamptz;
}

/// Rows of one organization, each with its lines.
pub(super) async fn with_lines(
    connection: &mut AsyncPgConnection,
    organization: OrganizationId,
    rows: Vec<InvoiceRow>,
) -> Result<Vec<Invoice>, Error> {
    let ids: Vec<Uuid> = rows.iter().map(|row| row.invoice_id).collect();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let lines: Vec<LineRow> = invoice_lines::table
        .filter(invoice_lines::organization_id.eq(organization.0))
        .filter(invoice_lines::invoice_id.eq_any(ids))
        .order((invoice_lines::invoice_id, invoice_lines::position))
        .select(LineRow::as_select())
        .load(connection)
        .await
        .map_err(failed)?;
    let mut of: HashMap<Uuid, Vec<LineRow>> = HashMap::new();
    for line in lines {
        of.entry(line.invoice_id).or_default().push(line);
    }
    let read = |row: InvoiceRow| {
        let currency = row.currency.parse().map_err(anyhow::Error::new)?;
        let lines = of.remove(&row.invoice_id).unwrap_or_default();
        let lines: Result<_, Error> = lines.into_iter().map(|line| line.read(currency)).collect();
        row.with(lines?)
    };
    rows.into_iter().map(read).collect()
}

/// See `MoneyQueries`.
pub(crate) async fn invoices(
    database: &Database,
    organization: OrganizationId,
    filter: InvoiceFilter,
    page: Page<InvoiceId>,
) -> Result<Vec<Invoice>, Error> {
    let mut query = table::table
        .filter(table::organization_id.eq(organization.0))
        .filter(table::invoice_id.lt(page.after.map_or(Uuid::max(), |id| id.0)))
        .order(table::invoice_id.desc())
        .limit(page.limit)
        .select(InvoiceRow::as_select())
        .into_boxed();
    if let Some(status) = filter.status {
        query = query.filter(table::status.eq(status.name()));
    }
    if let Some(year) = filter.year {
        // No invoice is of a year that no calendar has.
        let (Some(begin), Some(end)) = (new_year(year), new_year(year.saturating_add(1))) else {
            return Ok(Vec::new());
        };
        let at = || first_of(table::issued_at, table::created_at);
        query = query.filter(at().ge(begin)).filter(at().lt(end));
    }
    let mut session = database.reading(Scope::Organization(organization)).await?;
    let rows = query.load(session.connection()).await.map_err(failed)?;
    let found = with_lines(session.connection(), organization, rows).await?;
    session.commit().await?;
    Ok(found)
}

fn new_year(year: i32) -> Option<OffsetDateTime> {
    let first = Date::from_calendar_date(year, Month::January, 1).ok()?;
    Some(first.midnight().assume_utc())
}

/// See `MoneyQueries`.
pub(crate) async fn invoice(
    database: &Database,
    organization: OrganizationId,
    id: InvoiceId,
) -> Result<Option<Invoice>, Error> {
    let mut session = database.reading(Scope::Organization(organization)).await?;
    let rows = table::table
        .find((organization.0, id.0))
        .select(InvoiceRow::as_select())
        .load(session.connection())
        .await
        .map_err(failed)?;
    let found = with_lines(session.connection(), organization, rows).await?.pop();
    session.commit().await?;
    Ok(found)
}

/// See `MoneyQueries`.
pub(crate) async fn credit_notes(
    database: &Database,
    organization: OrganizationId,
    of: Option<InvoiceId>,
    page: Page<CreditNoteId>,
) -> Result<Vec<CreditNote>, Error> {
    let mut query = notes::table
        .filter(notes::organization_id.eq(organization.0))
        .filter(notes::credit_note_id.lt(page.after.map_or(Uuid::max(), |id| id.0)))
        .order(notes::credit_note_id.desc())
        .limit(page.limit)
        .select(CreditNoteRow::as_select())
        .into_boxed();
    if let Some(of) = of {
        query = query.filter(notes::invoice_id.eq(of.0));
    }
    let mut session = database.reading(Scope::Organization(organization)).await?;
    let rows = query.load(session.connection()).await.map_err(failed)?;
    session.commit().await?;
    rows.into_iter().map(TryInto::try_into).collect()
}
