//! What is due of collections, and how they go.

use std::collections::HashMap;

use async_trait::async_trait;
use billing_app::{
    Error,
    ports::{CollectionQueries, FailedPayment, FailedStatus, Page, PaymentFigures, Scope, Tally},
};
use billing_domain::{
    currency::Currency,
    id::{InvoiceId, OrganizationId},
    money::Money,
    payment::DeclineKind,
};
use diesel::{
    dsl::min,
    prelude::*,
    sql_types::{BigInt, Bool, Nullable, Text, Timestamptz},
};
use diesel_async::RunQueryDsl;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{CollectionRow, with_attempts};
use crate::{
    Database,
    error::failed,
    schema::{collections, invoices},
    statement::statement,
};

statement! {
    /// Attempts of a time, by how they ended.
    Attempts { since: OffsetDateTime, until: OffsetDateTime } -> (Text, Nullable<Text>, BigInt);
    "SELECT outcome, kind, count(*) FROM payment_attempts WHERE at > " [since: Timestamptz]
    " AND at <= " [until: Timestamptz] " GROUP BY outcome, kind"
}

statement! {
    /// Invoices of a time, by what became of their money, and whether it came at once.
    Became { since: OffsetDateTime, until: OffsetDateTime } -> (Text, Text, Bool, BigInt, BigInt);
    "SELECT i.currency, c.status, c.failed_at IS NOT NULL, count(*), sum(i.total)::bigint \
     FROM collections c JOIN invoices i USING (organization_id, invoice_id) \
     WHERE c.created_at > " [since: Timestamptz] " AND c.created_at <= " [until: Timestamptz]
    " GROUP BY 1, 2, 3"
}

statement! {
    /// Invoices whose money did not come, and is still awaited.
    AtRisk {} -> (Text, BigInt, BigInt);
    "SELECT i.currency, count(*), sum(i.total)::bigint \
     FROM collections c JOIN invoices i USING (organization_id, invoice_id) \
     WHERE c.failed_at IS NOT NULL AND c.status IN ('open', 'charging') GROUP BY 1"
}

#[async_trait]
impl CollectionQueries for Database {
    async fn collections_due(
        &self,
        now: OffsetDateTime,
        limit: i64,
    ) -> Result<Vec<(OrganizationId, InvoiceId)>, Error> {
        let query = collections::table
            .filter(collections::next_due_at.le(now))
            .order((collections::next_due_at.asc(), collections::invoice_id.asc()))
            .limit(limit)
            .select((collections::organization_id, collections::invoice_id));
        let due: Vec<(Uuid, Uuid)> = self.rows(Scope::Engine, query).await?;
        Ok(due.into_iter().map(|(owner, id)| (OrganizationId(owner), InvoiceId(id))).collect())
    }

    async fn next_collection_due_at(&self) -> Result<Option<OffsetDateTime>, Error> {
        let query = collections::table.select(min(collections::next_due_at));
        let next: Option<Option<OffsetDateTime>> = self.row(Scope::Engine, query).await?;
        Ok(next.flatten())
    }

    async fn failed_payments(
        &self,
        status: Option<FailedStatus>,
        page: Page<InvoiceId>,
    ) -> Result<Vec<FailedPayment>, Error> {
        let mut query = collections::table
            .filter(collections::failed_at.is_not_null())
            .filter(collections::invoice_id.lt(page.after.map_or(Uuid::max(), |id| id.0)))
            .order(collections::invoice_id.desc())
            .limit(page.limit)
            .select(CollectionRow::as_select())
            .into_boxed();
        if let Some(status) = status {
            query = query.filter(collections::status.eq_any(states(status)));
        }
        let mut session = self.reading(Scope::Operator).await?;
        let rows: Vec<CollectionRow> = query.load(session.connection()).await.map_err(failed)?;
        let found = with_attempts(session.connection(), rows).await?;
        let owners: Vec<Uuid> = found.iter().map(|it| it.organization_id.0).collect();
        let ids: Vec<Uuid> = found.iter().map(|it| it.invoice_id.0).collect();
        let of: Vec<(Uuid, Option<String>, i64, String)> = invoices::table
            .filter(invoices::organization_id.eq_any(owners))
            .filter(invoices::invoice_id.eq_any(ids))
            .select((invoices::invoice_id, invoices::number, invoices::total, invoices::currency))
            .load(session.connection())
            .await
            .map_err(failed)?;
        session.commit().await?;
        let mut of: HashMap<Uuid, _> = of
            .into_iter()
            .map(|(id, number, total, currency)| (id, (number, total, currency)))
            .collect();
        let shown = found.into_iter().filter_map(|collection| {
            let (number, total, currency) = of.remove(&collection.invoice_id.0)?;
            let currency = currency.parse::<Currency>().map_err(anyhow::Error::new);
            Some(currency.map_err(Error::from).map(|currency| FailedPayment {
                collection,
                number,
                total: Money::new(total, currency),
            }))
        });
        shown.collect()
    }

    async fn payment_figures(
        &self,
        since: OffsetDateTime,
        until: OffsetDateTime,
    ) -> Result<PaymentFigures, Error> {
        let attempts: Vec<(String, Option<String>, i64)> =
            self.rows(Scope::Operator, Attempts { since, until }).await?;
        let became: Vec<(String, String, bool, i64, i64)> =
            self.rows(Scope::Operator, Became { since, until }).await?;
        let at_risk: Vec<(String, i64, i64)> = self.rows(Scope::Operator, AtRisk {}).await?;
        let mut figures = PaymentFigures::default();
        for (outcome, kind, count) in attempts {
            let kind = DeclineKind::ALL.into_iter().find(|it| Some(it.name()) == kind.as_deref());
            match (outcome.as_str(), kind) {
                ("succeeded", _) => figures.succeeded = count,
                (_, Some(kind)) => figures.failed.push((kind, count)),
                (_, None) => figures.pending = count,
            }
        }
        figures.failed.sort_unstable();
        let parsed = |currency: String| currency.parse::<Currency>().map_err(anyhow::Error::new);
        for (currency, state, failed, invoices, amount) in became {
            let tally = Tally { invoices, amount };
            figures.add(parsed(currency)?, (state.as_str(), failed), tally);
        }
        for (currency, invoices, amount) in at_risk {
            figures.of(parsed(currency)?).at_risk.add(Tally { invoices, amount });
        }
        Ok(figures)
    }
}

/// In which states a collection that failed counts as that.
const fn states(status: FailedStatus) -> &'static [&'static str] {
    match status {
        FailedStatus::AtRisk => &["open", "charging"],
        FailedStatus::Recovered => &["collected"],
        FailedStatus::GivenUp => &["given_up"],
        FailedStatus::Void => &["void"],
    }
}
