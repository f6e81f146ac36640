//! Renewals of subscriptions that our engine bills.

use async_trait::async_trait;
use billing_app::{Error, ports::Renewals};
use billing_domain::{
    id::{OrganizationId, SubscriptionId},
    renewal::Renewal,
};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{error::failed, schema::renewals, unit_of_work::PostgresUnit};

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = renewals, check_for_backend(diesel::pg::Pg), treat_none_as_null = true)]
struct RenewalRow {
    organization_id: Uuid,
    subscription_id: Uuid,
    anchor: OffsetDateTime,
    next_due_at: Option<OffsetDateTime>,
}

impl From<&Renewal> for RenewalRow {
    fn from(it: &Renewal) -> Self {
        let Renewal { organization_id, subscription_id, anchor, next_due_at } = it;
        Self {
            organization_id: organization_id.0,
            subscription_id: subscription_id.0,
            anchor: *anchor,
            next_due_at: *next_due_at,
        }
    }
}

impl From<RenewalRow> for Renewal {
    fn from(row: RenewalRow) -> Self {
        Self {
            organization_id: OrganizationId(row.organization_id),
            subscription_id: SubscriptionId(row.subscription_id),
            anchor: row.anchor,
            next_due_at: row.next_due_at,
        }
    }
}

#[async_trait]
impl Renewals for PostgresUnit {
    async fn find(
        &mut self,
        organization: OrganizationId,
        subscription: SubscriptionId,
    ) -> Result<Option<Renewal>, Error> {
        let row: Option<RenewalRow> = renewals::table
            .find((organization.0, subscription.0))
            .select(RenewalRow::as_select())
            .for_no_key_update()
            .first(self.connection())
            .await
            .optional()
            .map_err(failed)?;
        Ok(row.map(Into::into))
    }

    async fn save(&mut self, renewal: &Renewal) -> Result<(), Error> {
        let row = RenewalRow::from(renewal);
        diesel::insert_into(renewals::table)
            .values(&row)
            .on_conflict((renewals::organization_id, renewals::subscription_id))
            .do_update()
            .set(&row)
            .execute(self.connection())
            .await
            .map_err(failed)?;
        Ok(())
    }
}
