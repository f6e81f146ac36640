//! What people did to the catalogue.

use billing_app::{
    Error,
    ports::{CatalogueChange, Page, Scope},
};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{Database, error::failed, schema::catalogue_changes};

type Row = (Uuid, OffsetDateTime, String, String, String, Vec<String>);

pub(super) async fn add(
    connection: &mut AsyncPgConnection,
    change: &CatalogueChange,
) -> Result<(), Error> {
    let CatalogueChange { id, at, actor, reason, what, lines } = change;
    let row = (
        catalogue_changes::change_id.eq(id),
        catalogue_changes::at.eq(at),
        catalogue_changes::actor.eq(actor),
        catalogue_changes::reason.eq(reason),
        catalogue_changes::what.eq(what),
        catalogue_changes::lines.eq(lines),
    );
    let insert = diesel::insert_into(catalogue_changes::table).values(row);
    insert.execute(connection).await.map_err(failed)?;
    Ok(())
}

impl Database {
    pub(super) async fn catalogue_log(
        &self,
        page: Page<Uuid>,
    ) -> Result<Vec<CatalogueChange>, Error> {
        let query = catalogue_changes::table
            .filter(catalogue_changes::change_id.lt(page.after.unwrap_or(Uuid::max())))
            .order(catalogue_changes::change_id.desc())
            .limit(page.limit);
        let rows: Vec<Row> = self.rows(Scope::Operator, query).await?;
        let read = |(id, at, actor, reason, what, lines)| CatalogueChange {
            id,
            at,
            actor,
            reason,
            what,
            lines,
        };
        Ok(rows.into_iter().map(read).collect())
    }
}
