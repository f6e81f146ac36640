//! The catalogue: small tables, read whole.

use async_trait::async_trait;
use billing_app::{
    Error,
    ports::{CatalogueChange, CatalogueQueries, Catalogues, Page, Scope},
};
use billing_domain::{
    catalogue::{Aggregation, Catalogue, CreditEvent, CreditProduct, Meter, Plan},
    discount::{Discount, DiscountCode},
    id::{CheckoutId, CreditProductId, DiscountId, OrganizationId},
    money::Money,
    tax::TaxRate,
};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    Database,
    error::failed,
    schema::{credit_events, credit_product_prices, credit_products, meters},
    unit_of_work::PostgresUnit,
};

mod log;
mod plans;
mod tax_rates;

pub(crate) use self::plans::{amount, most};

#[async_trait]
impl CatalogueQueries for Database {
    async fn catalogue(&self) -> Result<Catalogue, Error> {
        let mut session = self.reading(Scope::Engine).await?;
        let catalogue = read(session.connection()).await?;
        session.commit().await?;
        Ok(catalogue)
    }

    async fn catalogue_changes(&self, page: Page<Uuid>) -> Result<Vec<CatalogueChange>, Error> {
        self.catalogue_log(page).await
    }

    async fn discount(&self, code: &DiscountCode) -> Result<Option<Discount>, Error> {
        self.discount_of(code).await
    }

    async fn discounts(&self, page: Page<DiscountId>) -> Result<Vec<Discount>, Error> {
        self.discounts_by_age(page).await
    }

    async fn lapsed_reservations(
        &self,
        now: OffsetDateTime,
        limit: i64,
    ) -> Result<Vec<(OrganizationId, CheckoutId)>, Error> {
        self.lapsed(now, limit).await
    }
}

#[async_trait]
impl Catalogues for PostgresUnit {
    async fn add_plan(&mut self, plan: &Plan, position: i32) -> Result<(), Error> {
        plans::add(self.connection(), plan, position).await
    }

    async fn add_credit_product(&mut self, product: &CreditProduct) -> Result<(), Error> {
        let CreditProduct { id, key, name, credits, prices, tax, active } = product;
        let row = (
            credit_products::credit_product_id.eq(id.0),
            credit_products::key.eq(key),
            credit_products::name.eq(name),
            credit_products::credits.eq(credits),
            credit_products::active.eq(active),
            credit_products::tax_behavior.eq(tax.name()),
        );
        let insert =
            diesel::insert_into(credit_products::table).values(row).on_conflict_do_nothing();
        if insert.execute(self.connection()).await.map_err(failed)? == 0 {
            return Ok(());
        }
        for (position, price) in (0..).zip(prices) {
            let row = (
                credit_product_prices::credit_product_id.eq(id.0),
                credit_product_prices::currency.eq(price.currency().code().to_owned()),
                credit_product_prices::amount.eq(price.minor()),
                credit_product_prices::position.eq(position),
            );
            let insert = diesel::insert_into(credit_product_prices::table).values(row);
            insert.execute(self.connection()).await.map_err(failed)?;
        }
        Ok(())
    }

    async fn add_credit_event(&mut self, event: &CreditEvent) -> Result<(), Error> {
        let CreditEvent { name, cost, category, active } = event;
        let row = (
            credit_events::name.eq(name),
            credit_events::cost.eq(cost),
            credit_events::category.eq(category),
            credit_events::active.eq(active),
        );
        let insert = diesel::insert_into(credit_events::table).values(row).on_conflict_do_nothing();
        insert.execute(self.connection()).await.map_err(failed)?;
        Ok(())
    }

    async fn add_meter(&mut self, meter: &Meter) -> Result<(), Error> {
        let Meter { key, name, aggregation } = meter;
        let row = (
            meters::meter.eq(key),
            meters::name.eq(name),
            meters::aggregation.eq(aggregation.name()),
            meters::property.eq(aggregation.property()),
        );
        let insert = diesel::insert_into(meters::table).values(row).on_conflict_do_nothing();
        insert.execute(self.connection()).await.map_err(failed)?;
        Ok(())
    }

    async fn add_tax_rate(&mut self, rate: &TaxRate) -> Result<(), Error> {
        tax_rates::add(self.connection(), rate).await
    }

    async fn record(&mut self, change: &CatalogueChange) -> Result<(), Error> {
        log::add(self.connection(), change).await
    }

    async fn read(&mut self) -> Result<Catalogue, Error> {
        read(self.connection()).await
    }
}

async fn read(connection: &mut AsyncPgConnection) -> Result<Catalogue, Error> {
    let meters = meters::table
        .order(meters::meter)
        .select((meters::meter, meters::name, meters::aggregation, meters::property))
        .load::<(String, String, String, Option<String>)>(connection)
        .await
        .map_err(failed)?
        .into_iter()
        .map(|(key, name, aggregation, property)| {
            Ok(Meter { key, name, aggregation: Aggregation::of(&aggregation, property)? })
        })
        .collect::<anyhow::Result<_>>()?;
    let credit_events = credit_events::table
        .order(credit_events::name)
        .load::<(String, i64, String, bool)>(connection)
        .await
        .map_err(failed)?
        .into_iter()
        .map(|(name, cost, category, active)| CreditEvent { name, cost, category, active })
        .collect();
    Ok(Catalogue {
        plans: plans::read(connection).await?,
        credit_products: read_products(connection).await?,
        credit_events,
        meters,
        tax_rates: tax_rates::read(connection).await?,
    })
}

async fn read_products(connection: &mut AsyncPgConnection) -> Result<Vec<CreditProduct>, Error> {
    let prices: Vec<(Uuid, String, i64)> = credit_product_prices::table
        .order(credit_product_prices::position)
        .select((
            credit_product_prices::credit_product_id,
            credit_product_prices::currency,
            credit_product_prices::amount,
        ))
        .load(connection)
        .await
        .map_err(failed)?;
    let products: Vec<(Uuid, String, String, i64, bool, String)> = credit_products::table
        .order((credit_products::credits, credit_products::key))
        .load(connection)
        .await
        .map_err(failed)?;
    products
        .into_iter()
        .map(|(id, key, name, credits, active, tax)| {
            let tax = tax.parse().map_err(anyhow::Error::from)?;
            let prices = prices
                .iter()
                .filter(|(product, ..)| *product == id)
                .map(|(_, currency, amount)| Ok(Money::new(*amount, currency.parse()?)))
                .collect::<Result<_, billing_domain::currency::UnknownCurrency>>()
                .map_err(anyhow::Error::from)?;
            let id = CreditProductId(id);
            Ok(CreditProduct { id, key, name, credits, prices, tax, active })
        })
        .collect()
}
