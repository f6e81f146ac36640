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
        let query = organizations::table.find(id.0).select(OrganizationRow::as_select());
        let row: Option<OrganizationRow> = self.row(Scope::Organization(id), query).await?;
        row.map(TryInto::try_into).transpose()
    }

    async fn by_external_id(&self, external_id: &str) -> Result<Option<Organization>, Error> {
        let leads_to = external_ids::organization_id.eq(organizations::organization_id);
        let query = organizations::table
            .inner_join(external_ids::table.on(leads_to))
            .filter(external_ids::external_id.eq(external_id.to_owned()))
            .select(OrganizationRow::as_select());
        let row: Option<OrganizationRow> = self.row(Scope::Operator, query).await?;
        row.map(TryInto::try_into).transpose()
    }

    async fn organizations(&self, page: Page<OrganizationId>) -> Result<Vec<Organization>, Error> {
        let before = page.after.map_or(Uuid::max(), |id| id.0);
        let query = organizations::table
            .filter(organizations::organization_id.lt(before))
            .order(organizations::organization_id.desc())
            .limit(page.limit)
            .select(OrganizationRow::as_select());
        let rows: Vec<OrganizationRow> = self.rows(Scope::Operator, query).await?;
        rows.into_iter().map(TryInto::try_into).collect()
    }

    async fn subscription(
        &self,
        organization: OrganizationId,
        product_group: &str,
    ) -> Result<Option<Subscription>, Error> {
        let live = subscriptions::status.ne_all(ENDED.map(str::to_owned));
        let latest = (subscriptions::status_at.desc(), subscriptions::subscription_id.desc());
        let query = subscriptions::table
            .filter(subscriptions::organization_id.eq(organization.0))
            .filter(subscriptions::product_group.eq(product_group.to_owned()))
            .order((live.desc(), latest))
            .limit(1)
            .select(SubscriptionRow::as_select());
        let scope = Scope::Organization(organization);
        let row: Option<SubscriptionRow> = self.row(scope, query).await?;
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
        let query = payments::table
            .filter(payments::organization_id.eq(organization.0))
            .filter(payments::payment_id.lt(page.after.map_or(Uuid::max(), |id| id.0)))
            .order(payments::payment_id.desc())
            .limit(page.limit)
            .select(PaymentRow::as_select());
        let rows: Vec<PaymentRow> = self.rows(Scope::Organization(organization), query).await?;
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
        let query = credit_transactions::table
            .filter(credit_transactions::organization_id.eq(organization.0))
            .filter(credit_transactions::seq.lt(page.after.unwrap_or(i64::MAX)))
            .order(credit_transactions::seq.desc())
            .limit(page.limit)
            .select(entries::EntryRow::as_select());
        let scope = Scope::Organization(organization);
        let rows: Vec<entries::EntryRow> = self.rows(scope, query).await?;
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
