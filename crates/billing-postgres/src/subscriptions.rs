//! Subscriptions and their changes.

use anyhow::Context;
use async_trait::async_trait;
use billing_app::{Error, ports::Subscriptions};
use billing_domain::{
    event::Event,
    gateway::GatewayRef,
    id::{ChangeId, OrganizationId, PlanVersionId, PriceId, SubscriptionId},
    period::Period,
    subscription::{BilledBy, Change, Snapshot, Status, Subscription},
};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    error::failed,
    organizations::Kind,
    schema::{subscription_changes, subscriptions},
    unit_of_work::PostgresUnit,
};

/// The states that end a subscription; all others are live.
const ENDED: [&str; 2] = ["cancelled", "expired"];

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = subscriptions, check_for_backend(diesel::pg::Pg), treat_none_as_null = true)]
pub(crate) struct SubscriptionRow {
    organization_id: Uuid,
    subscription_id: Uuid,
    product_group: String,
    plan_version_id: Uuid,
    price_id: Uuid,
    interval: String,
    quantity: i32,
    status: String,
    status_at: Option<OffsetDateTime>,
    period_start: OffsetDateTime,
    period_end: OffsetDateTime,
    cancel_at_period_end: bool,
    gateway: Option<String>,
    gateway_id: Option<String>,
    created_at: OffsetDateTime,
    observed_at: OffsetDateTime,
}

impl From<&Subscription> for SubscriptionRow {
    fn from(it: &Subscription) -> Self {
        let Subscription {
            id,
            organization_id,
            product_group,
            plan_version_id,
            price_id,
            interval,
            quantity,
            status,
            period,
            cancel_at_period_end,
            billed_by,
            created_at,
            observed_at,
        } = it;
        Self {
            organization_id: organization_id.0,
            subscription_id: id.0,
            product_group: product_group.clone(),
            plan_version_id: plan_version_id.0,
            price_id: price_id.0,
            interval: interval.to_string(),
            quantity: i32::try_from(*quantity).unwrap_or(i32::MAX),
            status: status.name().to_owned(),
            status_at: status.instant(),
            period_start: period.start,
            period_end: period.end,
            cancel_at_period_end: *cancel_at_period_end,
            gateway: billed_by.reference().map(|it| it.gateway.to_string()),
            gateway_id: billed_by.reference().map(|it| it.id.clone()),
            created_at: *created_at,
            observed_at: *observed_at,
        }
    }
}

impl TryFrom<SubscriptionRow> for Subscription {
    type Error = Error;

    fn try_from(row: SubscriptionRow) -> Result<Self, Error> {
        let id = row.subscription_id;
        let read = move || -> anyhow::Result<Self> {
            Ok(Self {
                id: SubscriptionId(row.subscription_id),
                organization_id: OrganizationId(row.organization_id),
                product_group: row.product_group,
                plan_version_id: PlanVersionId(row.plan_version_id),
                price_id: PriceId(row.price_id),
                interval: row.interval.parse()?,
                quantity: u32::try_from(row.quantity)?,
                status: Status::from_parts(&row.status, row.status_at)?,
                period: Period { start: row.period_start, end: row.period_end },
                cancel_at_period_end: row.cancel_at_period_end,
                billed_by: match row.gateway.zip(row.gateway_id) {
                    Some((gateway, id)) => BilledBy::Gateway(GatewayRef::new(gateway.parse()?, id)),
                    None => BilledBy::Engine,
                },
                created_at: row.created_at,
                observed_at: row.observed_at,
            })
        };
        Ok(read().with_context(|| format!("subscription {id} cannot be read"))?)
    }
}

#[async_trait]
impl Subscriptions for PostgresUnit {
    async fn by_reference(
        &mut self,
        reference: &GatewayRef,
    ) -> Result<Option<Subscription>, Error> {
        let object = (Kind::Subscription, reference.id.as_str());
        let Some(owner) = self.owner(reference.gateway, object).await? else { return Ok(None) };
        let query = subscriptions::table
            .filter(subscriptions::organization_id.eq(owner.0))
            .filter(subscriptions::gateway.eq(reference.gateway.name().to_owned()))
            .filter(subscriptions::gateway_id.eq(reference.id.clone()))
            .select(SubscriptionRow::as_select())
            .for_no_key_update();
        self.record::<SubscriptionRow, _, _>(query).await
    }

    async fn find(
        &mut self,
        organization: OrganizationId,
        id: SubscriptionId,
    ) -> Result<Option<Subscription>, Error> {
        let query = subscriptions::table
            .find((organization.0, id.0))
            .select(SubscriptionRow::as_select())
            .for_no_key_update();
        self.record::<SubscriptionRow, _, _>(query).await
    }

    async fn live(
        &mut self,
        organization: OrganizationId,
        product_group: &str,
    ) -> Result<Option<Subscription>, Error> {
        let query = subscriptions::table
            .filter(subscriptions::organization_id.eq(organization.0))
            .filter(subscriptions::product_group.eq(product_group.to_owned()))
            .filter(subscriptions::status.ne_all(ENDED.map(str::to_owned)))
            .select(SubscriptionRow::as_select())
            .for_no_key_update();
        self.record::<SubscriptionRow, _, _>(query).await
    }

    async fn save(
        &mut self,
        subscription: &Subscription,
        change: Option<(ChangeId, &Change)>,
        events: &[Event],
    ) -> Result<(), Error> {
        let owner = subscription.organization_id;
        if let Some(reference) = subscription.billed_by.reference() {
            self.own(reference.gateway, (Kind::Subscription, &reference.id), owner).await?;
        }
        let row = SubscriptionRow::from(subscription);
        diesel::insert_into(subscriptions::table)
            .values(&row)
            .on_conflict((subscriptions::organization_id, subscriptions::subscription_id))
            .do_update()
            .set(&row)
            .execute(self.connection())
            .await
            .map_err(failed)?;
        if let Some((id, change)) = change {
            self.record_change(subscription, id, change).await?;
        }
        self.publish(events).await
    }
}

impl PostgresUnit {
    async fn record_change(
        &mut self,
        subscription: &Subscription,
        id: ChangeId,
        change: &Change,
    ) -> Result<(), Error> {
        let Change { what, from, to, actor, reason, at } = change;
        let row = (
            subscription_changes::organization_id.eq(subscription.organization_id.0),
            subscription_changes::change_id.eq(id.0),
            subscription_changes::subscription_id.eq(subscription.id.0),
            subscription_changes::what.eq(what),
            subscription_changes::before.eq(told(from)),
            subscription_changes::after.eq(told(to)),
            subscription_changes::actor.eq(actor.name()),
            subscription_changes::reason.eq(reason),
            subscription_changes::at.eq(at),
        );
        let insert = diesel::insert_into(subscription_changes::table).values(row);
        insert.execute(self.connection()).await.map_err(failed)?;
        Ok(())
    }
}

fn told(snapshot: &Snapshot) -> serde_json::Value {
    let Snapshot { status, plan_version_id, price_id, quantity, period, cancel_at_period_end } =
        snapshot;
    serde_json::json!({
        "status": status.name(),
        "plan_version_id": plan_version_id,
        "price_id": price_id,
        "quantity": quantity,
        "period": period,
        "cancel_at_period_end": cancel_at_period_end,
    })
}
