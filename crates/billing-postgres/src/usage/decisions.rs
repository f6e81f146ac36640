//! Checked uses, as they were decided: one by its id, and what was denied, the newest first.

use billing_app::{
    Error,
    ports::{Page, Scope},
};
use billing_domain::{
    credits::IdempotencyKey,
    id::{DecisionId, OrganizationId, PlanVersionId},
    usage::UsageDecision,
};
use diesel::sql_types::{BigInt, Bool, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use time::OffsetDateTime;
use uuid::Uuid;

use super::{counted, known::quota};
use crate::{Database, statement::statement};

#[rustfmt::skip]
type DecisionSql = (
    SqlUuid, SqlUuid, Text, Bool, Text, BigInt, Nullable<BigInt>, Nullable<Text>,
    Nullable<BigInt>, Nullable<BigInt>, Nullable<Timestamptz>, Nullable<SqlUuid>, Timestamptz,
);

statement! {
    /// What was decided, by the decision's id.
    FindChecked { id: Uuid, of: Option<Uuid> } -> DecisionSql;
    "SELECT event_id, organization_id, key, recorded, meter, quantity, most, overage, used, \
     bonus, resets_at, plan_version_id, decided_at FROM usage_keys WHERE event_id = "
    [id: SqlUuid] " AND organization_id = coalesce(" [of: Nullable<SqlUuid>]
    ", organization_id) AND operation = 'check_and_record'"
}

statement! {
    /// Denials after one of them, or from the newest.
    Denials { organization: Uuid, after: Option<Uuid>, limit: i64 } -> DecisionSql;
    "SELECT event_id, organization_id, key, recorded, meter, quantity, most, overage, used, \
     bonus, resets_at, plan_version_id, decided_at FROM usage_keys WHERE organization_id = "
    [organization: SqlUuid]
    " AND NOT recorded AND (" [after: Nullable<SqlUuid>] " IS NULL OR (decided_at, event_id) < \
     (SELECT decided_at, event_id FROM usage_keys WHERE organization_id = "
    [organization: SqlUuid] " AND NOT recorded AND event_id = " [after: Nullable<SqlUuid>]
    ")) ORDER BY decided_at DESC, event_id DESC LIMIT " [limit: BigInt]
}

#[rustfmt::skip]
type DecisionRow = (
    Uuid, Uuid, String, bool, String, i64, Option<i64>, Option<String>,
    Option<i64>, Option<i64>, Option<OffsetDateTime>, Option<Uuid>, OffsetDateTime,
);

pub(crate) async fn find(
    database: &Database,
    id: DecisionId,
    of: Option<OrganizationId>,
) -> Result<Option<UsageDecision>, Error> {
    let scope = of.map_or(Scope::Operator, Scope::Organization);
    let asked = FindChecked { id: id.0, of: of.map(|of| of.0) };
    let row: Option<DecisionRow> = database.row(scope, asked).await?;
    row.map(decision).transpose()
}

pub(crate) async fn denials(
    database: &Database,
    organization: OrganizationId,
    page: Page<DecisionId>,
) -> Result<Vec<UsageDecision>, Error> {
    let after = page.after.map(|id| id.0);
    let asked = Denials { organization: organization.0, after, limit: page.limit };
    let scope = Scope::Organization(organization);
    let rows: Vec<DecisionRow> = database.rows(scope, asked).await?;
    rows.into_iter().map(decision).collect()
}

fn decision(row: DecisionRow) -> Result<UsageDecision, Error> {
    let (
        id,
        organization,
        key,
        allowed,
        meter,
        quantity,
        most,
        overage,
        used,
        bonus,
        resets_at,
        version,
        at,
    ) = row;
    let facts = quota(most, overage.as_deref(), used, bonus, resets_at)?;
    Ok(UsageDecision {
        decision: DecisionId(id),
        organization_id: OrganizationId(organization),
        key: IdempotencyKey::parse(&key).map_err(anyhow::Error::from)?,
        allowed,
        meter,
        quantity: counted(quantity)?,
        quota: facts.ok_or_else(|| anyhow::anyhow!("the decision {id} has no facts"))?,
        plan_version_id: version.map(PlanVersionId),
        at,
    })
}
