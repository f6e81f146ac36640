//! What countries take.

use billing_app::Error;
use billing_domain::tax::TaxRate;
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use time::Date;

use crate::{error::failed, schema::tax_rates};

type Row = (String, Date, Option<Date>, String, String);

pub(super) async fn add(connection: &mut AsyncPgConnection, rate: &TaxRate) -> Result<(), Error> {
    let TaxRate { country, name, percent, valid_from, valid_to } = rate;
    let row = (
        tax_rates::country.eq(country.code().to_owned()),
        tax_rates::valid_from.eq(*valid_from),
        tax_rates::valid_to.eq(*valid_to),
        tax_rates::name.eq(name.clone()),
        tax_rates::percent.eq(percent.to_string()),
    );
    let insert = diesel::insert_into(tax_rates::table).values(row).on_conflict_do_nothing();
    insert.execute(connection).await.map_err(failed)?;
    Ok(())
}

pub(super) async fn read(connection: &mut AsyncPgConnection) -> Result<Vec<TaxRate>, Error> {
    let rows: Vec<Row> = tax_rates::table
        .order((tax_rates::country, tax_rates::valid_from))
        .load(connection)
        .await
        .map_err(failed)?;
    let read = |(country, valid_from, valid_to, name, percent): Row| {
        anyhow::Ok(TaxRate {
            country: country.parse()?,
            name,
            percent: percent.parse()?,
            valid_from,
            valid_to,
        })
    };
    Ok(rows.into_iter().map(read).collect::<anyhow::Result<_>>()?)
}
