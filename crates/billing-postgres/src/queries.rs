//! What screens read: each in a scoped transaction that cannot change anything.

use async_trait::async_trait;
use billing_app::{
    Error,
    ports::{CreditSummary, LedgerQueries, MoneyQueries, OrganizationQueries, Page, Scope},
};
use billing_domain::{
    credits::{DrawOrder, Entry, Grant},
    id::{OrganizationId, PaymentId},
    organization::Organization,
    payment::Payment,
    quota::Quota,
    subscription::Subscription,
    usage::{UsageAccount, UsageRule},
};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    Database,
    credits::known::{GrantRow, grant},
    error::failed,
    organizations::OrganizationRow,
    payments::PaymentRow,
    schema::{
        credit_accounts, credit_grants, credit_transactions, external_ids, organizations, payments,
        subscriptions,
    },
    subscriptions::{ENDED, SubscriptionRow},
    usage::{
        known::{BonusRow, CounterRow, bonus, counter},
        statements::{Bonuses, Counters},
    },
};

mod entries;

#[async_trait]
impl OrganizationQueries for Database {
    async fn organization(&self, id: OrganizationId) -> Result<Option<Organization>, Error> {
        let mut session = self.reading(Scope::Organization(id)).await?;
        let row: Option<OrganizationRow> = organizations::table
            .find(id.0)
            .select(OrganizationRow::as_select())
            .first(session.connection())
            .await
            .optional()
            .map_err(failed)?;
        session.commit().await?;
        row.map(TryInto::try_into).transpose()
    }

    async fn by_external_id(&self, external_id: &str) -> Result<Option<Organization>, Error> {
        let mut session = self.reading(Scope::Operator).await?;
        let row: Option<OrganizationRow> = organizations::table
            .inner_join(
                external_ids::table
                    .on(external_ids::organization_id.eq(organizations::organization_id)),
            )
            .filter(external_ids::external_id.eq(external_id))
            .select(OrganizationRow::as_select())
            .first(session.connection())
            .await
            .optional()
            .map_err(failed)?;
        session.commit().await?;
        row.map(TryInto::try_into).transpose()
    }

    async fn organizations(&self, page: Page<OrganizationId>) -> Result<Vec<Organization>, Error> {
        let mut session = self.reading(Scope::Operator).await?;
        let mut query = organizations::table
            .select(OrganizationRow::as_select())
            .order(organizations::organization_id.desc())
            .limit(page.limit)
            .into_boxed();
        if let Some(after) = page.after {
            query = query.filter(organizations::organization_id.lt(after.0));
        }
        let rows: Vec<OrganizationRow> = query.load(session.connection()).await.map_err(failed)?;
        session.commit().await?;
        rows.into_iter().map(TryInto::try_into).collect()
    }

    async fn subscription(
        &self,
        organization: OrganizationId,
        product_group: &str,
    ) -> Result<Option<Subscription>, Error> {
        let mut session = self.reading(Scope::Organization(organization)).await?;
        let live = subscriptions::status.ne_all(ENDED);
        let row: Option<SubscriptionRow> = subscriptions::table
            .filter(subscriptions::organization_id.eq(organization.0))
            .filter(subscriptions::product_group.eq(product_group))
            .order((
                live.desc(),
                subscriptions::status_at.desc(),
                subscriptions::subscription_id.desc(),
            ))
            .select(SubscriptionRow::as_select())
            .first(session.connection())
            .await
            .optional()
            .map_err(failed)?;
        session.commit().await?;
        row.map(TryInto::try_into).transpose()
    }
}

#[async_trait]
impl MoneyQueries for Database {
    async fn payments(
        &self,
        organization: OrganizationId,
        page: Page<PaymentId>,
    ) -> Result<Vec<Payment>, Error> {
        let mut session = self.reading(Scope::Organization(organization)).await?;
        let mut query = payments::table
            .filter(payments::organization_id.eq(organization.0))
            .select(PaymentRow::as_select())
            .order(payments::payment_id.desc())
            .limit(page.limit)
            .into_boxed();
        if let Some(after) = page.after {
            query = query.filter(payments::payment_id.lt(after.0));
        }
        let rows: Vec<PaymentRow> = query.load(session.connection()).await.map_err(failed)?;
        session.commit().await?;
        rows.into_iter().map(TryInto::try_into).collect()
    }
}

type AccountRow = (i64, i64, i64, Option<OffsetDateTime>);

#[async_trait]
impl LedgerQueries for Database {
    async fn credits(&self, organization: OrganizationId) -> Result<Option<CreditSummary>, Error> {
        let mut session = self.reading(Scope::Organization(organization)).await?;
        let account: Option<AccountRow> = credit_accounts::table
            .find(organization.0)
            .select((
                credit_accounts::balance,
                credit_accounts::overdrawn,
                credit_accounts::overdraft_limit,
                credit_accounts::next_due_at,
            ))
            .first(session.connection())
            .await
            .optional()
            .map_err(failed)?;
        let rows: Vec<GrantRow> = credit_grants::table
            .filter(credit_grants::organization_id.eq(organization.0))
            .filter(credit_grants::open)
            .select((
                credit_grants::organization_id,
                credit_grants::grant_id,
                credit_grants::kind,
                credit_grants::amount,
                credit_grants::remaining,
                credit_grants::starts_at,
                credit_grants::expires_at,
                credit_grants::source_kind,
                credit_grants::source_id,
                credit_grants::granted_at,
                credit_grants::started,
            ))
            .load(session.connection())
            .await
            .map_err(failed)?;
        session.commit().await?;
        let grants = rows.into_iter().map(|row| grant(row).map(|(_, grant)| grant));
        let mut grants: Vec<Grant> = grants.collect::<Result<_, Error>>()?;
        grants.sort_by_key(|grant| DrawOrder::default().key(grant));
        Ok(account.map(|(balance, overdrawn, overdraft_limit, next_due_at)| CreditSummary {
            balance,
            overdrawn,
            overdraft_limit,
            next_due_at,
            grants,
        }))
    }

    async fn credit_entries(
        &self,
        organization: OrganizationId,
        page: Page<i64>,
    ) -> Result<Vec<Entry>, Error> {
        let mut session = self.reading(Scope::Organization(organization)).await?;
        let rows: Vec<entries::EntryRow> = credit_transactions::table
            .filter(credit_transactions::organization_id.eq(organization.0))
            .filter(credit_transactions::seq.lt(page.after.unwrap_or(i64::MAX)))
            .order(credit_transactions::seq.desc())
            .limit(page.limit)
            .select(entries::EntryRow::as_select())
            .load(session.connection())
            .await
            .map_err(failed)?;
        session.commit().await?;
        rows.into_iter().map(TryInto::try_into).collect()
    }

    async fn quotas(
        &self,
        organization: OrganizationId,
        rules: &[(String, UsageRule)],
        now: OffsetDateTime,
    ) -> Result<Vec<Quota>, Error> {
        let organizations = [organization.0];
        let owners: Vec<Uuid> = rules.iter().map(|_| organization.0).collect();
        let meters: Vec<&str> = rules.iter().map(|(meter, _)| meter.as_str()).collect();
        let windows: Vec<&str> = rules.iter().map(|(_, rule)| rule.window.name()).collect();
        let starts: Vec<OffsetDateTime> = rules.iter().map(|(_, it)| it.period.start).collect();
        let mut session = self.reading(Scope::Organization(organization)).await?;
        let counters = Counters {
            organizations: &organizations,
            owners: &owners,
            meters: &meters,
            windows: &windows,
            starts: &starts,
        };
        let counters: Vec<CounterRow> =
            counters.load(session.connection()).await.map_err(failed)?;
        let bonuses = Bonuses { organizations: &organizations, now };
        let bonuses: Vec<BonusRow> = bonuses.load(session.connection()).await.map_err(failed)?;
        session.commit().await?;
        let mut account = UsageAccount::new(organization);
        for row in counters {
            let (_, key, used) = counter(row)?;
            account.know_counter(key, used);
        }
        for row in bonuses {
            account.know_bonus(bonus(row)?.1);
        }
        Ok(rules.iter().map(|(meter, rule)| account.quota(meter, rule, now)).collect())
    }
}
