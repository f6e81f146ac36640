//! Subscriptions that were paid for where one is enough.

use anyhow::Context;
use async_trait::async_trait;
use billing_app::{Error, ports::Duplicates};
use billing_domain::{
    event::Event,
    gateway::{Gateway, GatewayRef},
    id::{OrganizationId, RefundId},
    money::Money,
    subscription::Duplicate,
};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{error::failed, schema::duplicate_subscriptions, unit_of_work::PostgresUnit};

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = duplicate_subscriptions, check_for_backend(diesel::pg::Pg), treat_none_as_null = true)]
struct DuplicateRow {
    organization_id: Uuid,
    gateway: String,
    gateway_id: String,
    refund_id: Uuid,
    payment_id: Option<String>,
    amount: Option<i64>,
    currency: Option<String>,
    settled: bool,
    created_at: OffsetDateTime,
    look_at: OffsetDateTime,
}

impl From<&Duplicate> for DuplicateRow {
    fn from(it: &Duplicate) -> Self {
        let Duplicate {
            reference,
            organization_id,
            refund_id,
            refund,
            settled,
            created_at,
            look_at,
        } = it;
        let amount = refund.as_ref().map(|(_, amount)| *amount);
        Self {
            organization_id: organization_id.0,
            gateway: reference.gateway.to_string(),
            gateway_id: reference.id.clone(),
            refund_id: refund_id.0,
            payment_id: refund.as_ref().map(|(payment, _)| payment.id.clone()),
            amount: amount.map(Money::minor),
            currency: amount.map(|amount| amount.currency().to_string()),
            settled: *settled,
            created_at: *created_at,
            look_at: *look_at,
        }
    }
}

impl TryFrom<DuplicateRow> for Duplicate {
    type Error = Error;

    fn try_from(row: DuplicateRow) -> Result<Self, Error> {
        let id = row.gateway_id.clone();
        let read = move || -> anyhow::Result<Self> {
            let gateway: Gateway = row.gateway.parse()?;
            let refund = match (row.payment_id, row.amount, row.currency) {
                (Some(payment), Some(minor), Some(currency)) => {
                    let amount = Money::new(minor, currency.parse()?);
                    Some((GatewayRef::new(gateway, payment), amount))
                }
                _ => None,
            };
            Ok(Self {
                reference: GatewayRef::new(gateway, row.gateway_id),
                organization_id: OrganizationId(row.organization_id),
                refund_id: RefundId(row.refund_id),
                refund,
                settled: row.settled,
                created_at: row.created_at,
                look_at: row.look_at,
            })
        };
        Ok(read().with_context(|| format!("the duplicate {id} cannot be read"))?)
    }
}

#[async_trait]
impl Duplicates for PostgresUnit {
    async fn find(
        &mut self,
        organization: OrganizationId,
        reference: &GatewayRef,
    ) -> Result<Option<Duplicate>, Error> {
        let query = duplicate_subscriptions::table
            .find((organization.0, reference.gateway.name().to_owned(), reference.id.clone()))
            .select(DuplicateRow::as_select())
            .for_no_key_update();
        self.record::<DuplicateRow, _, _>(query).await
    }

    async fn save(&mut self, duplicate: &Duplicate, events: &[Event]) -> Result<(), Error> {
        let row = DuplicateRow::from(duplicate);
        diesel::insert_into(duplicate_subscriptions::table)
            .values(&row)
            .on_conflict((
                duplicate_subscriptions::organization_id,
                duplicate_subscriptions::gateway,
                duplicate_subscriptions::gateway_id,
            ))
            .do_update()
            .set(&row)
            .execute(self.connection())
            .await
            .map_err(failed)?;
        self.publish(events).await
    }
}
