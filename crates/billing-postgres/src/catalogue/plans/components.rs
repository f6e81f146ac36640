//! What is charged beside the amount of a price.

use anyhow::Context;
use billing_app::Error;
use billing_domain::catalogue::{Charged, Component, Price};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use serde_json::Value;
use uuid::Uuid;

use crate::{error::failed, schema::price_components};

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = price_components, check_for_backend(diesel::pg::Pg))]
pub(super) struct ComponentRow {
    pub(super) price_id: Uuid,
    position: i32,
    name: String,
    charged: String,
    included: Option<i32>,
    meter: Option<String>,
    rate: Value,
}

/// Adds the components of new prices.
pub(super) async fn add(connection: &mut AsyncPgConnection, prices: &[Price]) -> Result<(), Error> {
    let of = |price: &Price| {
        let components = (0..).zip(&price.components);
        let rows = components.map(|(n, component)| ComponentRow::of(price, n, component));
        rows.collect::<Vec<_>>()
    };
    let rows = prices.iter().flat_map(of).collect::<Result<Vec<_>, Error>>()?;
    if rows.is_empty() {
        return Ok(());
    }
    let insert = diesel::insert_into(price_components::table).values(rows);
    insert.execute(connection).await.map_err(failed)?;
    Ok(())
}

impl ComponentRow {
    fn of(price: &Price, position: i32, component: &Component) -> Result<Self, Error> {
        let Component { name, charged, rate } = component;
        let included = match charged {
            Charged::Seats { included } => {
                Some(i32::try_from(*included).map_err(anyhow::Error::new)?)
            }
            Charged::Use { .. } | Charged::Overage { .. } => None,
        };
        Ok(Self {
            price_id: price.id.0,
            position,
            name: name.clone(),
            charged: charged.name().to_owned(),
            included,
            meter: charged.meter().map(str::to_owned),
            rate: serde_json::to_value(rate).map_err(anyhow::Error::new)?,
        })
    }

    pub(super) fn read(&self) -> anyhow::Result<Component> {
        let meter = || self.meter.clone().context("no meter");
        let charged = match self.charged.as_str() {
            "seats" => {
                let included = self.included.context("no number of seats")?;
                Charged::Seats { included: u32::try_from(included)? }
            }
            "use" => Charged::Use { meter: meter()? },
            "overage" => Charged::Overage { meter: meter()? },
            other => anyhow::bail!("`{other}` cannot be charged"),
        };
        let rate = serde_json::from_value(self.rate.clone())?;
        Ok(Component { name: self.name.clone(), charged, rate })
    }
}
