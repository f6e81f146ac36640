//! Auto top-ups of credits.

use anyhow::Context;
use async_trait::async_trait;
use billing_app::{Error, Missing, ports::AutoTopUps};
use billing_domain::{
    auto_top_up::AutoTopUp,
    event::Event,
    id::{CheckoutId, CreditProductId, OrganizationId},
    money::Money,
};
use diesel::{
    prelude::*,
    sql_types::{BigInt, Nullable, Timestamptz, Uuid as SqlUuid},
};
use diesel_async::RunQueryDsl;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    error::failed,
    schema::{auto_top_ups, credit_accounts},
    statement::statement,
    unit_of_work::PostgresUnit,
};

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = auto_top_ups, check_for_backend(diesel::pg::Pg), treat_none_as_null = true)]
pub(crate) struct AutoTopUpRow {
    organization_id: Uuid,
    enabled: bool,
    threshold: i64,
    credit_product_id: Uuid,
    monthly_cap: i64,
    currency: String,
    pending_checkout_id: Option<Uuid>,
    failures: i32,
    look_at: OffsetDateTime,
}

impl From<&AutoTopUp> for AutoTopUpRow {
    fn from(it: &AutoTopUp) -> Self {
        let AutoTopUp {
            organization_id,
            enabled,
            threshold,
            credit_product_id,
            monthly_cap,
            pending,
            failures,
            look_at,
        } = it;
        Self {
            organization_id: organization_id.0,
            enabled: *enabled,
            threshold: *threshold,
            credit_product_id: credit_product_id.0,
            monthly_cap: monthly_cap.minor(),
            currency: monthly_cap.currency().to_string(),
            pending_checkout_id: pending.map(|id| id.0),
            failures: i32::try_from(*failures).unwrap_or(i32::MAX),
            look_at: *look_at,
        }
    }
}

impl TryFrom<AutoTopUpRow> for AutoTopUp {
    type Error = Error;

    fn try_from(row: AutoTopUpRow) -> Result<Self, Error> {
        let id = row.organization_id;
        let read = move || -> anyhow::Result<Self> {
            Ok(Self {
                organization_id: OrganizationId(row.organization_id),
                enabled: row.enabled,
                threshold: row.threshold,
                credit_product_id: CreditProductId(row.credit_product_id),
                monthly_cap: Money::new(row.monthly_cap, row.currency.parse()?),
                pending: row.pending_checkout_id.map(CheckoutId),
                failures: u32::try_from(row.failures)?,
                look_at: row.look_at,
            })
        };
        Ok(read().with_context(|| format!("the auto top-up of {id} cannot be read"))?)
    }
}

statement! {
    /// Organizations that run low and want more, and those with a charge under way, as far as it
    /// is time to look.
    Due { now: OffsetDateTime, limit: i64 } -> SqlUuid;
    "SELECT organization_id FROM auto_top_ups JOIN credit_accounts USING (organization_id) \
     WHERE (enabled OR pending_checkout_id IS NOT NULL) \
     AND (pending_checkout_id IS NOT NULL OR balance < threshold) AND look_at <= "
    [now: Timestamptz] " ORDER BY look_at, organization_id LIMIT " [limit: BigInt]
}

statement! {
    /// The first instant at which it is time to look at one of them.
    NextLook {} -> Nullable<Timestamptz>;
    "SELECT min(look_at) FROM auto_top_ups JOIN credit_accounts USING (organization_id) \
     WHERE (enabled OR pending_checkout_id IS NOT NULL) \
     AND (pending_checkout_id IS NOT NULL OR balance < threshold)"
}

#[async_trait]
impl AutoTopUps for PostgresUnit {
    async fn find(&mut self, organization: OrganizationId) -> Result<Option<AutoTopUp>, Error> {
        let query = auto_top_ups::table
            .find(organization.0)
            .select(AutoTopUpRow::as_select())
            .for_no_key_update();
        self.record::<AutoTopUpRow, _, _>(query).await
    }

    async fn balance(&mut self, organization: OrganizationId) -> Result<i64, Error> {
        let balance: Option<i64> = credit_accounts::table
            .find(organization.0)
            .select(credit_accounts::balance)
            .first(self.connection())
            .await
            .optional()
            .map_err(failed)?;
        balance.ok_or(Error::NotFound(Missing::Organization))
    }

    async fn save(&mut self, top_up: &AutoTopUp, events: &[Event]) -> Result<(), Error> {
        let row = AutoTopUpRow::from(top_up);
        diesel::insert_into(auto_top_ups::table)
            .values(&row)
            .on_conflict(auto_top_ups::organization_id)
            .do_update()
            .set(&row)
            .execute(self.connection())
            .await
            .map_err(failed)?;
        self.publish(events).await
    }
}
