//! What was denied, the newest first.

use billing_app::{
    Error,
    ports::{Denial, Page, Scope},
};
use billing_domain::id::{DecisionId, OrganizationId, PlanVersionId};
use diesel::sql_types::{BigInt, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{counted, known::quota};
use crate::{Database, error::failed, statement::statement};

statement! {
    /// Denials after one of them, or from the newest.
    Denials { organization: Uuid, after: Option<Uuid>, limit: i64 } -> (
        SqlUuid, Text, BigInt, Nullable<BigInt>, Nullable<Text>, Nullable<BigInt>,
        Nullable<BigInt>, Nullable<Timestamptz>, Nullable<SqlUuid>, Timestamptz
    );
    "SELECT event_id, meter, quantity, most, overage, used, bonus, resets_at, plan_version_id, \
     decided_at FROM usage_keys WHERE organization_id = " [organization: SqlUuid]
    " AND NOT recorded AND (" [after: Nullable<SqlUuid>] " IS NULL OR (decided_at, event_id) < \
     (SELECT decided_at, event_id FROM usage_keys WHERE organization_id = "
    [organization: SqlUuid] " AND NOT recorded AND event_id = " [after: Nullable<SqlUuid>]
    ")) ORDER BY decided_at DESC, event_id DESC LIMIT " [limit: BigInt]
}

type DenialRow = (
    Uuid,
    String,
    i64,
    Option<i64>,
    Option<String>,
    Option<i64>,
    Option<i64>,
    Option<OffsetDateTime>,
    Option<Uuid>,
    OffsetDateTime,
);

pub(crate) async fn denials(
    database: &Database,
    organization: OrganizationId,
    page: Page<DecisionId>,
) -> Result<Vec<Denial>, Error> {
    let mut session = database.reading(Scope::Organization(organization)).await?;
    let after = page.after.map(|id| id.0);
    let asked = Denials { organization: organization.0, after, limit: page.limit };
    let rows: Vec<DenialRow> = asked.load(session.connection()).await.map_err(failed)?;
    session.commit().await?;
    rows.into_iter().map(denial).collect()
}

fn denial(row: DenialRow) -> Result<Denial, Error> {
    let (id, meter, quantity, most, overage, used, bonus, resets_at, version, at) = row;
    let facts = quota(most, overage.as_deref(), used, bonus, resets_at)?;
    Ok(Denial {
        decision: DecisionId(id),
        meter,
        quantity: counted(quantity)?,
        quota: facts.ok_or_else(|| anyhow::anyhow!("the denial {id} has no facts"))?,
        plan_version_id: version.map(PlanVersionId),
        at,
    })
}
