//! Payments.

use anyhow::Context;
use async_trait::async_trait;
use billing_app::{Error, ports::Payments};
use billing_domain::{
    event::Event,
    gateway::GatewayRef,
    id::{CheckoutId, OrganizationId, PaymentId, SubscriptionId},
    money::Money,
    payment::Payment,
};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{error::failed, organizations::Kind, schema::payments, unit_of_work::PostgresUnit};

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = payments, check_for_backend(diesel::pg::Pg), treat_none_as_null = true)]
pub(crate) struct PaymentRow {
    organization_id: Uuid,
    payment_id: Uuid,
    gateway: String,
    gateway_id: String,
    status: String,
    currency: String,
    amount: i64,
    tax: i64,
    refunded: i64,
    description: String,
    checkout_id: Option<Uuid>,
    subscription_id: Option<Uuid>,
    document_url: Option<String>,
    failure: Option<String>,
    created_at: OffsetDateTime,
}

impl From<&Payment> for PaymentRow {
    fn from(it: &Payment) -> Self {
        let Payment {
            id,
            organization_id,
            reference,
            status,
            amount,
            tax,
            refunded,
            description,
            checkout_id,
            subscription_id,
            document_url,
            failure,
            created_at,
        } = it;
        Self {
            organization_id: organization_id.0,
            payment_id: id.0,
            gateway: reference.gateway.to_string(),
            gateway_id: reference.id.clone(),
            status: status.name().to_owned(),
            currency: amount.currency().to_string(),
            amount: amount.minor(),
            tax: tax.minor(),
            refunded: refunded.minor(),
            description: description.clone(),
            checkout_id: checkout_id.map(|id| id.0),
            subscription_id: subscription_id.map(|id| id.0),
            document_url: document_url.clone(),
            failure: failure.clone(),
            created_at: *created_at,
        }
    }
}

impl TryFrom<PaymentRow> for Payment {
    type Error = Error;

    fn try_from(row: PaymentRow) -> Result<Self, Error> {
        let id = row.payment_id;
        let read = move || -> anyhow::Result<Self> {
            let currency = row.currency.parse()?;
            Ok(Self {
                id: PaymentId(row.payment_id),
                organization_id: OrganizationId(row.organization_id),
                reference: GatewayRef::new(row.gateway.parse()?, row.gateway_id),
                status: row.status.parse()?,
                amount: Money::new(row.amount, currency),
                tax: Money::new(row.tax, currency),
                refunded: Money::new(row.refunded, currency),
                description: row.description,
                checkout_id: row.checkout_id.map(CheckoutId),
                subscription_id: row.subscription_id.map(SubscriptionId),
                document_url: row.document_url,
                failure: row.failure,
                created_at: row.created_at,
            })
        };
        Ok(read().with_context(|| format!("payment {id} cannot be read"))?)
    }
}

#[async_trait]
impl Payments for PostgresUnit {
    async fn by_reference(&mut self, reference: &GatewayRef) -> Result<Option<Payment>, Error> {
        let object = (Kind::Payment, reference.id.as_str());
        let Some(owner) = self.owner(reference.gateway, object).await? else { return Ok(None) };
        let query = payments::table
            .filter(payments::organization_id.eq(owner.0))
            .filter(payments::gateway.eq(reference.gateway.name().to_owned()))
            .filter(payments::gateway_id.eq(reference.id.clone()))
            .select(PaymentRow::as_select())
            .for_no_key_update();
        self.record::<PaymentRow, _, _>(query).await
    }

    async fn save(&mut self, payment: &Payment, events: &[Event]) -> Result<(), Error> {
        let (owner, reference) = (payment.organization_id, &payment.reference);
        self.own(reference.gateway, (Kind::Payment, &reference.id), owner).await?;
        let row = PaymentRow::from(payment);
        diesel::insert_into(payments::table)
            .values(&row)
            .on_conflict((payments::organization_id, payments::payment_id))
            .do_update()
            .set(&row)
            .execute(self.connection())
            .await
            .map_err(failed)?;
        self.publish(events).await
    }
}
