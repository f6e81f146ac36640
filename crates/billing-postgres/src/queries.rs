//! What screens read: each in a scoped transaction that cannot change anything.

use async_trait::async_trait;
use billing_app::{
    Error,
    ports::{
        CreditSummary, InvoiceFilter, LedgerQueries, MoneyQueries, OrganizationQueries, Page, Scope,
    },
};
use billing_domain::{
    auto_top_up::AutoTopUp,
    credits::{CreditDecision, Entry, Grant},
    id::{CreditNoteId, DecisionId, InvoiceId, OrganizationId, PaymentId},
    invoice::{CreditNote, Invoice},
    organization::Organization,
    payment::Payment,
    usage::UsageDecision,
};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    Database,
    auto_top_ups::{AutoTopUpRow, Due, NextLook},
    credits::{
        decisions,
        rows::{GrantRow, grant, settings},
    },
    error::failed,
    invoices,
    organizations::OrganizationRow,
    payments::PaymentRow,
    schema::{
        auto_top_ups, credit_accounts, credit_grants, credit_transactions, external_ids,
        organizations, payments,
    },
    usage::decisions as checked,
};

pub(crate) mod entries;

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

    async fn invoices(
        &self,
        organization: OrganizationId,
        filter: InvoiceFilter,
        page: Page<InvoiceId>,
    ) -> Result<Vec<Invoice>, Error> {
        invoices::invoices(self, organization, filter, page).await
    }

    async fn invoice(
        &self,
        organization: OrganizationId,
        id: InvoiceId,
    ) -> Result<Option<Invoice>, Error> {
        invoices::invoice(self, organization, id).await
    }

    async fn credit_notes(
        &self,
        organization: OrganizationId,
        of: Option<InvoiceId>,
        page: Page<CreditNoteId>,
    ) -> Result<Vec<CreditNote>, Error> {
        invoices::credit_notes(self, organization, of, page).await
    }

    async fn auto_top_up(&self, organization: OrganizationId) -> Result<Option<AutoTopUp>, Error> {
        let query = auto_top_ups::table.find(organization.0).select(AutoTopUpRow::as_select());
        let row: Option<AutoTopUpRow> = self.row(Scope::Organization(organization), query).await?;
        row.map(TryInto::try_into).transpose()
    }

    async fn top_ups_due(
        &self,
        now: OffsetDateTime,
        limit: i64,
    ) -> Result<Vec<OrganizationId>, Error> {
        let due: Vec<Uuid> = self.rows(Scope::Engine, Due { now, limit }).await?;
        Ok(due.into_iter().map(OrganizationId).collect())
    }

    async fn next_top_up(&self) -> Result<Option<OffsetDateTime>, Error> {
        Ok(self.row(Scope::Engine, NextLook {}).await?.flatten())
    }
}

type AccountRow = (i64, i64, i64, i64, Option<OffsetDateTime>, i64, i16, Option<String>);

#[async_trait]
impl LedgerQueries for Database {
    async fn credits(&self, organization: OrganizationId) -> Result<Option<CreditSummary>, Error> {
        let mut session = self.reading(Scope::Organization(organization)).await?;
        let account: Option<AccountRow> = credit_accounts::table
            .find(organization.0)
            .select((
                credit_accounts::balance,
                credit_accounts::overdrawn,
                credit_accounts::held,
                credit_accounts::overdraft_limit,
                credit_accounts::next_due_at,
                credit_accounts::low_balance,
                credit_accounts::low_percent,
                credit_accounts::draw_order,
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
                credit_grants::held,
                credit_grants::revoked,
                credit_grants::starts_at,
                credit_grants::expires_at,
                credit_grants::source_kind,
                credit_grants::source_id,
                credit_grants::granted_at,
                credit_grants::started,
                credit_grants::noticed,
            ))
            .load(session.connection())
            .await
            .map_err(failed)?;
        session.commit().await?;
        let grants = rows.into_iter().map(|row| grant(row).map(|(_, grant)| grant));
        let mut grants: Vec<Grant> = grants.collect::<Result<_, Error>>()?;
        let Some((balance, overdrawn, held, overdraft, next_due_at, low, percent, order)) = account
        else {
            return Ok(None);
        };
        let settings = settings((overdraft, low, percent), order.as_deref())?;
        grants.sort_by_key(|grant| settings.order.key(grant));
        Ok(Some(CreditSummary { balance, overdrawn, held, settings, next_due_at, grants }))
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

    async fn credit_decision(
        &self,
        id: DecisionId,
        of: Option<OrganizationId>,
    ) -> Result<Option<CreditDecision>, Error> {
        let scope = of.map_or(Scope::Operator, Scope::Organization);
        let mut session = self.reading(scope).await?;
        let found = decisions::find(session.connection(), id, of).await?;
        session.commit().await?;
        Ok(found)
    }

    async fn usage_decision(
        &self,
        id: DecisionId,
        of: Option<OrganizationId>,
    ) -> Result<Option<UsageDecision>, Error> {
        checked::find(self, id, of).await
    }

    async fn denials(
        &self,
        organization: OrganizationId,
        page: Page<DecisionId>,
    ) -> Result<Vec<UsageDecision>, Error> {
        checked::denials(self, organization, page).await
    }

    async fn next_credits_due(&self) -> Result<Option<OffsetDateTime>, Error> {
        let first = credit_accounts::table.select(diesel::dsl::min(credit_accounts::next_due_at));
        Ok(self.row(Scope::Engine, first).await?.flatten())
    }
}
