//! What waits for the next invoice.

use anyhow::Context;
use async_trait::async_trait;
use billing_app::{Error, ports::PendingItems};
use billing_domain::{
    id::{InvoiceId, OrganizationId, PendingItemId, PriceId, SubscriptionId},
    invoice::PendingItem,
    money::Money,
    period::Period,
};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{error::failed, schema::pending_items, unit_of_work::PostgresUnit};

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = pending_items, check_for_backend(diesel::pg::Pg), treat_none_as_null = true)]
struct PendingItemRow {
    organization_id: Uuid,
    pending_item_id: Uuid,
    subscription_id: Uuid,
    kind: String,
    description: String,
    quantity: i64,
    unit_amount: Option<i64>,
    amount: i64,
    currency: String,
    period_start: Option<OffsetDateTime>,
    period_end: Option<OffsetDateTime>,
    price_id: Option<Uuid>,
    invoice_id: Option<Uuid>,
    created_at: OffsetDateTime,
}

impl From<&PendingItem> for PendingItemRow {
    fn from(it: &PendingItem) -> Self {
        let PendingItem {
            id,
            organization_id,
            subscription_id,
            kind,
            description,
            quantity,
            unit_amount,
            amount,
            period,
            price_id,
            invoice_id,
            created_at,
        } = it;
        Self {
            organization_id: organization_id.0,
            pending_item_id: id.0,
            subscription_id: subscription_id.0,
            kind: kind.name().to_owned(),
            description: description.clone(),
            quantity: *quantity,
            unit_amount: unit_amount.map(Money::minor),
            amount: amount.minor(),
            currency: amount.currency().to_string(),
            period_start: period.map(|it| it.start),
            period_end: period.map(|it| it.end),
            price_id: price_id.map(|it| it.0),
            invoice_id: invoice_id.map(|it| it.0),
            created_at: *created_at,
        }
    }
}

impl TryFrom<PendingItemRow> for PendingItem {
    type Error = Error;

    fn try_from(row: PendingItemRow) -> Result<Self, Error> {
        let id = row.pending_item_id;
        let read = move || -> anyhow::Result<Self> {
            let currency = row.currency.parse()?;
            let period = row.period_start.zip(row.period_end);
            Ok(Self {
                id: PendingItemId(row.pending_item_id),
                organization_id: OrganizationId(row.organization_id),
                subscription_id: SubscriptionId(row.subscription_id),
                kind: row.kind.parse()?,
                description: row.description,
                quantity: row.quantity,
                unit_amount: row.unit_amount.map(|minor| Money::new(minor, currency)),
                amount: Money::new(row.amount, currency),
                period: period.map(|(start, end)| Period { start, end }),
                price_id: row.price_id.map(PriceId),
                invoice_id: row.invoice_id.map(InvoiceId),
                created_at: row.created_at,
            })
        };
        Ok(read().with_context(|| format!("pending item {id} cannot be read"))?)
    }
}

#[async_trait]
impl PendingItems for PostgresUnit {
    async fn waiting(
        &mut self,
        organization: OrganizationId,
        subscription: SubscriptionId,
    ) -> Result<Vec<PendingItem>, Error> {
        let rows: Vec<PendingItemRow> = pending_items::table
            .filter(pending_items::organization_id.eq(organization.0))
            .filter(pending_items::subscription_id.eq(subscription.0))
            .filter(pending_items::invoice_id.is_null())
            .order((pending_items::created_at, pending_items::pending_item_id))
            .select(PendingItemRow::as_select())
            .for_no_key_update()
            .load(self.connection())
            .await
            .map_err(failed)?;
        rows.into_iter().map(TryInto::try_into).collect()
    }

    async fn on_invoice(
        &mut self,
        organization: OrganizationId,
        invoice: InvoiceId,
    ) -> Result<Vec<PendingItem>, Error> {
        let rows: Vec<PendingItemRow> = pending_items::table
            .filter(pending_items::organization_id.eq(organization.0))
            .filter(pending_items::invoice_id.eq(invoice.0))
            .order((pending_items::created_at, pending_items::pending_item_id))
            .select(PendingItemRow::as_select())
            .for_no_key_update()
            .load(self.connection())
            .await
            .map_err(failed)?;
        rows.into_iter().map(TryInto::try_into).collect()
    }

    async fn save(&mut self, item: &PendingItem) -> Result<(), Error> {
        let row = PendingItemRow::from(item);
        diesel::insert_into(pending_items::table)
            .values(&row)
            .on_conflict((pending_items::organization_id, pending_items::pending_item_id))
            .do_update()
            .set(&row)
            .execute(self.connection())
            .await
            .map_err(failed)?;
        Ok(())
    }
}
