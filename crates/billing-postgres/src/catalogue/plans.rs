//! Plans with their versions, prices and features.

mod components;

use anyhow::Context;
use billing_app::Error;
use billing_domain::{
    catalogue::{Amount, Feature, FeatureValue, Limit, Overage, Plan, PlanVersion, Price, Window},
    id::{PlanId, PlanVersionId, PriceId},
    money::Money,
};
use diesel::prelude::*;
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use uuid::Uuid;

use self::components::ComponentRow;
use crate::{
    error::failed,
    schema::{features, plan_versions, plans, price_components, prices},
};

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = prices, check_for_backend(diesel::pg::Pg))]
struct PriceRow {
    price_id: Uuid,
    plan_version_id: Uuid,
    interval: String,
    currency: String,
    amount: i64,
    trial_days: i32,
    active: bool,
    stripe_price: Option<String>,
    position: i32,
    model: String,
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = features, check_for_backend(diesel::pg::Pg))]
struct FeatureRow {
    plan_version_id: Uuid,
    feature: String,
    position: i32,
    flag: Option<bool>,
    meter: Option<String>,
    most: Option<i64>,
    limit_window: Option<String>,
    overage: Option<String>,
    limit_length: Option<i32>,
}

/// Adds a plan, unless there is one of its key.
pub(super) async fn add(
    connection: &mut AsyncPgConnection,
    plan: &Plan,
    position: i32,
) -> Result<(), Error> {
    let Plan { id, key, name, description, product_group, active, versions } = plan;
    let row = (
        plans::plan_id.eq(id.0),
        plans::key.eq(key),
        plans::name.eq(name),
        plans::description.eq(description),
        plans::product_group.eq(product_group),
        plans::active.eq(active),
        plans::position.eq(position),
    );
    let insert = diesel::insert_into(plans::table).values(row).on_conflict_do_nothing();
    if insert.execute(connection).await.map_err(failed)? == 0 {
        return Ok(());
    }
    for version in versions {
        add_version(connection, *id, version).await?;
    }
    Ok(())
}

async fn add_version(
    connection: &mut AsyncPgConnection,
    plan: PlanId,
    version: &PlanVersion,
) -> Result<(), Error> {
    let PlanVersion { id, number, included_credits, prices: offered, features: allowed } = version;
    let row = (
        plan_versions::plan_version_id.eq(id.0),
        plan_versions::plan_id.eq(plan.0),
        plan_versions::number.eq(number),
        plan_versions::included_credits.eq(included_credits),
    );
    let insert = diesel::insert_into(plan_versions::table).values(row);
    insert.execute(connection).await.map_err(failed)?;
    let rows: Vec<_> = (0..).zip(offered).map(|(n, price)| price_row(*id, n, price)).collect();
    let insert = diesel::insert_into(prices::table).values(rows);
    insert.execute(connection).await.map_err(failed)?;
    components::add(connection, offered).await?;
    let allowed = (0..).zip(allowed).map(|(n, feature)| feature_row(*id, n, feature));
    let allowed: Vec<_> = allowed.collect::<Result<_, Error>>()?;
    let insert = diesel::insert_into(features::table).values(allowed);
    insert.execute(connection).await.map_err(failed)?;
    Ok(())
}

fn price_row(version: PlanVersionId, position: i32, price: &Price) -> PriceRow {
    let Price { id, interval, amount, trial_days, active, stripe_price, model, components: _ } =
        price;
    PriceRow {
        price_id: id.0,
        plan_version_id: version.0,
        interval: interval.to_string(),
        currency: amount.currency().to_string(),
        amount: amount.minor(),
        trial_days: *trial_days,
        active: *active,
        stripe_price: stripe_price.clone(),
        position,
        model: model.name().to_owned(),
    }
}

fn feature_row(
    version: PlanVersionId,
    position: i32,
    feature: &Feature,
) -> Result<FeatureRow, Error> {
    let empty = FeatureRow {
        plan_version_id: version.0,
        feature: feature.key.clone(),
        position,
        flag: None,
        meter: None,
        most: None,
        limit_window: None,
        overage: None,
        limit_length: None,
    };
    Ok(match &feature.value {
        FeatureValue::Flag(on) => FeatureRow { flag: Some(*on), ..empty },
        FeatureValue::Limit(Limit { meter, amount, window, overage }) => FeatureRow {
            meter: Some(meter.clone()),
            most: most(*amount)?,
            limit_window: Some(window.name().to_owned()),
            overage: Some(overage.name().to_owned()),
            limit_length: window.length().map(i32::from),
            ..empty
        },
    })
}

/// A limit as a column: nothing where there is none.
pub(crate) fn most(amount: Amount) -> Result<Option<i64>, Error> {
    match amount {
        Amount::Unlimited => Ok(None),
        Amount::AtMost(most) => Ok(Some(i64::try_from(most).map_err(anyhow::Error::from)?)),
    }
}

/// A limit from its column.
pub(crate) fn amount(most: Option<i64>) -> anyhow::Result<Amount> {
    Ok(match most {
        None => Amount::Unlimited,
        Some(most) => Amount::AtMost(u64::try_from(most)?),
    })
}

/// All plans, the smallest first.
pub(super) async fn read(connection: &mut AsyncPgConnection) -> Result<Vec<Plan>, Error> {
    let prices: Vec<PriceRow> = prices::table
        .order(prices::position)
        .select(PriceRow::as_select())
        .load(connection)
        .await
        .map_err(failed)?;
    let components: Vec<ComponentRow> = price_components::table
        .order(price_components::position)
        .select(ComponentRow::as_select())
        .load(connection)
        .await
        .map_err(failed)?;
    let features: Vec<FeatureRow> = features::table
        .order(features::position)
        .select(FeatureRow::as_select())
        .load(connection)
        .await
        .map_err(failed)?;
    let versions: Vec<(Uuid, Uuid, i32, i64)> =
        plan_versions::table.order(plan_versions::number).load(connection).await.map_err(failed)?;
    let plans: Vec<(Uuid, String, String, String, String, bool, i32)> =
        plans::table.order(plans::position).load(connection).await.map_err(failed)?;

    let version = |(id, _, number, included_credits): &(Uuid, Uuid, i32, i64)| {
        let of_version = prices.iter().filter(|row| row.plan_version_id == *id);
        let allowed = features.iter().filter(|row| row.plan_version_id == *id);
        Ok(PlanVersion {
            id: PlanVersionId(*id),
            number: *number,
            included_credits: *included_credits,
            prices: of_version.map(|row| price(row, &components)).collect::<anyhow::Result<_>>()?,
            features: allowed.map(feature).collect::<anyhow::Result<_>>()?,
        })
    };
    plans
        .into_iter()
        .map(|(id, key, name, description, product_group, active, _)| {
            let of_plan = versions.iter().filter(|(_, plan, ..)| *plan == id);
            let versions: anyhow::Result<_> = of_plan.map(version).collect();
            let versions = versions.with_context(|| format!("plan `{key}` cannot be read"))?;
            let id = PlanId(id);
            Ok(Plan { id, key, name, description, product_group, active, versions })
        })
        .collect()
}

fn price(row: &PriceRow, components: &[ComponentRow]) -> anyhow::Result<Price> {
    let of_price = components.iter().filter(|component| component.price_id == row.price_id);
    Ok(Price {
        id: PriceId(row.price_id),
        interval: row.interval.parse()?,
        amount: Money::new(row.amount, row.currency.parse()?),
        trial_days: row.trial_days,
        active: row.active,
        stripe_price: row.stripe_price.clone(),
        model: row.model.parse()?,
        components: of_price.map(ComponentRow::read).collect::<anyhow::Result<_>>()?,
    })
}

fn feature(row: &FeatureRow) -> anyhow::Result<Feature> {
    let value = match (row.flag, &row.meter) {
        (Some(on), _) => FeatureValue::Flag(on),
        (None, Some(meter)) => FeatureValue::Limit(Limit {
            meter: meter.clone(),
            amount: amount(row.most)?,
            window: window(row)?,
            overage: row.overage.as_deref().context("no overage policy")?.parse::<Overage>()?,
        }),
        (None, None) => anyhow::bail!("feature `{}` has no value", row.feature),
    };
    Ok(Feature { key: row.feature.clone(), value })
}

fn window(row: &FeatureRow) -> anyhow::Result<Window> {
    let length = row.limit_length.map(u16::try_from).transpose()?;
    Ok(Window::of(row.limit_window.as_deref().context("no window")?, length)?)
}
