//! Discounts and their uses.

mod rows;

use async_trait::async_trait;
use billing_app::{
    Error, Refusal,
    ports::{Discounts, Page, Scope},
};
use billing_domain::{
    discount::{CustomerHistory, Discount, DiscountCode, Redemption},
    event::Event,
    id::{CheckoutId, DiscountId, OrganizationId},
};
use diesel::{
    prelude::*,
    sql_types::{BigInt, Bool, Timestamptz, Uuid as SqlUuid},
};
use diesel_async::RunQueryDsl;
use time::OffsetDateTime;
use uuid::Uuid;

use self::rows::{DiscountRow, RedemptionRow};
use crate::{
    Database,
    error::failed,
    schema::{discount_redemptions, discounts},
    statement::statement,
    unit_of_work::PostgresUnit,
};

statement! {
    /// Whether an organization ever paid, whether it redeemed a discount, and how many of its
    /// checkouts reserve it.
    History { organization: Uuid, discount: Uuid } -> (Bool, Bool, BigInt);
    "SELECT EXISTS (SELECT FROM payments WHERE organization_id = " [organization: SqlUuid]
    " AND status IN ('completed', 'partially_refunded', 'refunded', 'disputed')), \
     coalesce(bool_or(status = 'redeemed'), false), count(*) FILTER (WHERE status = 'reserved') \
     FROM discount_redemptions WHERE organization_id = " [organization: SqlUuid]
    " AND discount_id = " [discount: SqlUuid]
}

statement! {
    /// Reservations whose checkout has ended, or whose time is over.
    Lapsed { now: OffsetDateTime, limit: i64 } -> (SqlUuid, SqlUuid);
    "SELECT r.organization_id, r.checkout_id FROM discount_redemptions r \
     JOIN checkouts c ON c.organization_id = r.organization_id AND c.checkout_id = r.checkout_id \
     WHERE r.status = 'reserved' \
     AND (r.status_at <= " [now: Timestamptz] " OR c.status IN ('completed', 'expired')) \
     ORDER BY r.status_at, r.checkout_id LIMIT " [limit: BigInt]
}

#[async_trait]
impl Discounts for PostgresUnit {
    async fn find(&mut self, id: DiscountId) -> Result<Option<Discount>, Error> {
        let query =
            discounts::table.find(id.0).select(DiscountRow::as_select()).for_no_key_update();
        self.record::<DiscountRow, _, _>(query).await
    }

    async fn insert(&mut self, discount: &Discount) -> Result<(), Error> {
        let added = diesel::insert_into(discounts::table)
            .values(DiscountRow::from(discount))
            .on_conflict(discounts::code)
            .do_nothing()
            .execute(self.connection())
            .await
            .map_err(failed)?;
        if added == 0 {
            return Err(Refusal::DiscountCodeTaken(discount.code.to_string()).into());
        }
        Ok(())
    }

    async fn save(&mut self, discount: &Discount) -> Result<(), Error> {
        diesel::update(discounts::table.find(discount.id.0))
            .set((
                discounts::active.eq(discount.active),
                discounts::taken.eq(i64::from(discount.taken)),
            ))
            .execute(self.connection())
            .await
            .map_err(failed)?;
        Ok(())
    }

    async fn history(
        &mut self,
        organization: OrganizationId,
        id: DiscountId,
    ) -> Result<CustomerHistory, Error> {
        let asked = History { organization: organization.0, discount: id.0 };
        let rows: Vec<(bool, bool, i64)> = asked.load(self.connection()).await.map_err(failed)?;
        let (has_paid, has_redeemed, reserved) = rows.into_iter().next().unwrap_or_default();
        let reserved = u32::try_from(reserved).map_err(anyhow::Error::from)?;
        Ok(CustomerHistory { has_paid, has_redeemed, reserved })
    }

    async fn redemption(
        &mut self,
        organization: OrganizationId,
        checkout: CheckoutId,
    ) -> Result<Option<Redemption>, Error> {
        let query = discount_redemptions::table
            .find((organization.0, checkout.0))
            .select(RedemptionRow::as_select())
            .for_no_key_update();
        self.record::<RedemptionRow, _, _>(query).await
    }

    async fn save_redemption(
        &mut self,
        redemption: &Redemption,
        events: &[Event],
    ) -> Result<(), Error> {
        let row = RedemptionRow::from(redemption);
        diesel::insert_into(discount_redemptions::table)
            .values(&row)
            .on_conflict((discount_redemptions::organization_id, discount_redemptions::checkout_id))
            .do_update()
            .set(&row)
            .execute(self.connection())
            .await
            .map_err(failed)?;
        self.publish(events).await
    }
}

impl Database {
    pub(crate) async fn discount_of(&self, code: &DiscountCode) -> Result<Option<Discount>, Error> {
        let query = discounts::table
            .filter(discounts::code.eq(code.as_str().to_owned()))
            .select(DiscountRow::as_select());
        let row: Option<DiscountRow> = self.row(Scope::Engine, query).await?;
        row.map(TryInto::try_into).transpose()
    }

    pub(crate) async fn discounts_by_age(
        &self,
        page: Page<DiscountId>,
    ) -> Result<Vec<Discount>, Error> {
        let query = discounts::table
            .filter(discounts::discount_id.lt(page.after.map_or(Uuid::max(), |id| id.0)))
            .order(discounts::discount_id.desc())
            .limit(page.limit)
            .select(DiscountRow::as_select());
        let rows: Vec<DiscountRow> = self.rows(Scope::Operator, query).await?;
        rows.into_iter().map(TryInto::try_into).collect()
    }

    pub(crate) async fn lapsed(
        &self,
        now: OffsetDateTime,
        limit: i64,
    ) -> Result<Vec<(OrganizationId, CheckoutId)>, Error> {
        let rows: Vec<(Uuid, Uuid)> = self.rows(Scope::Engine, Lapsed { now, limit }).await?;
        let pair = |(owner, checkout)| (OrganizationId(owner), CheckoutId(checkout));
        Ok(rows.into_iter().map(pair).collect())
    }
}
