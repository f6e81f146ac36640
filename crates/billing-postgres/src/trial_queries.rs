//! What is due of what our engine bills, and how trials went.

use async_trait::async_trait;
use billing_app::{
    Error,
    ports::{Scope, TrialCohort, TrialQueries},
};
use billing_domain::{
    id::{OrganizationId, PlanVersionId, SubscriptionId},
    trial::{RECENT, Trial, TrialCounts},
};
use diesel::{
    dsl::min,
    prelude::*,
    sql_types::{BigInt, Timestamptz, Uuid as SqlUuid},
};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{
    Database,
    schema::{renewals, trials},
    statement::statement,
    trials::TrialRow,
};

statement! {
    /// How trials went that began until now, by plan version and month of UTC.
    Cohorts { recent: OffsetDateTime, now: OffsetDateTime } -> (
        SqlUuid, Timestamptz, BigInt, BigInt, BigInt, BigInt, BigInt, BigInt, BigInt, BigInt
    );
    "SELECT plan_version_id, date_trunc('month', started_at, 'UTC') AS month, count(*), \
     count(*) FILTER (WHERE status IN ('running', 'charging')), \
     count(*) FILTER (WHERE status = 'converted'), count(*) FILTER (WHERE status = 'expired'), \
     count(*) FILTER (WHERE status = 'cancelled'), count(*) FILTER (WHERE recent), \
     count(*) FILTER (WHERE recent AND status = 'converted'), \
     coalesce(sum(extract(epoch FROM status_at - started_at)) \
     FILTER (WHERE status = 'converted'), 0)::bigint \
     FROM (SELECT *, status NOT IN ('running', 'charging') AND status_at > "
    [recent: Timestamptz] " AND status_at <= " [now: Timestamptz]
    " AS recent FROM trials) t GROUP BY 1, 2 ORDER BY 2, 1"
}

type CohortRow = (Uuid, OffsetDateTime, i64, i64, i64, i64, i64, i64, i64, i64);

#[async_trait]
impl TrialQueries for Database {
    async fn trial(&self, organization: OrganizationId) -> Result<Option<Trial>, Error> {
        let query = trials::table.find(organization.0).select(TrialRow::as_select());
        let row: Option<TrialRow> = self.row(Scope::Organization(organization), query).await?;
        row.map(TryInto::try_into).transpose()
    }

    async fn trials_due(
        &self,
        now: OffsetDateTime,
        limit: i64,
    ) -> Result<Vec<OrganizationId>, Error> {
        let query = trials::table
            .filter(trials::next_due_at.le(now))
            .order((trials::next_due_at.asc(), trials::organization_id.asc()))
            .limit(limit)
            .select(trials::organization_id);
        let due: Vec<Uuid> = self.rows(Scope::Engine, query).await?;
        Ok(due.into_iter().map(OrganizationId).collect())
    }

    async fn next_trial_due_at(&self) -> Result<Option<OffsetDateTime>, Error> {
        let query = trials::table.select(min(trials::next_due_at));
        let next: Option<Option<OffsetDateTime>> = self.row(Scope::Engine, query).await?;
        Ok(next.flatten())
    }

    async fn renewals_due(
        &self,
        now: OffsetDateTime,
        limit: i64,
    ) -> Result<Vec<(OrganizationId, SubscriptionId)>, Error> {
        let query = renewals::table
            .filter(renewals::next_due_at.le(now))
            .order((renewals::next_due_at.asc(), renewals::subscription_id.asc()))
            .limit(limit)
            .select((renewals::organization_id, renewals::subscription_id));
        let due: Vec<(Uuid, Uuid)> = self.rows(Scope::Engine, query).await?;
        Ok(due.into_iter().map(|(owner, id)| (OrganizationId(owner), SubscriptionId(id))).collect())
    }

    async fn next_renewal_due_at(&self) -> Result<Option<OffsetDateTime>, Error> {
        let query = renewals::table.select(min(renewals::next_due_at));
        let next: Option<Option<OffsetDateTime>> = self.row(Scope::Engine, query).await?;
        Ok(next.flatten())
    }

    async fn trial_counts(&self, now: OffsetDateTime) -> Result<Vec<TrialCohort>, Error> {
        let cohorts = Cohorts { recent: now - RECENT, now };
        let rows: Vec<CohortRow> = self.rows(Scope::Operator, cohorts).await?;
        Ok(rows.into_iter().map(cohort).collect())
    }
}

fn cohort(row: CohortRow) -> TrialCohort {
    let (
        version,
        month,
        started,
        active,
        converted,
        expired,
        cancelled,
        recently_ended,
        recently_converted,
        seconds_to_convert,
    ) = row;
    let counts = TrialCounts {
        started,
        active,
        converted,
        expired,
        cancelled,
        recently_ended,
        recently_converted,
        seconds_to_convert,
    };
    TrialCohort { plan_version_id: PlanVersionId(version), month, counts }
}
