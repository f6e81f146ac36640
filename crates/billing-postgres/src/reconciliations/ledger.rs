//! Where payments, invoices and the ledger do not agree.

use billing_app::{Error, ports::Scope};
use billing_domain::{
    gateway::Gateway,
    id::OrganizationId,
    reconciliation::{Difference, DifferenceKind, Thing},
};
use diesel::sql_types::{BigInt, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{Database, error::failed, statement::statement};

statement! {
    /// Where our own records differ, one part for each kind: packs that are paid for and not given,
    /// or not taken back with the money; credits of packs that are not paid; periods that are paid
    /// and have no credits; invoices that are paid by nothing; and what has been under way too long.
    LedgerDifferences<'a> { gateway: &'a str, since: OffsetDateTime, limit: i64 }
        -> (SqlUuid, Text, Text, Text, Nullable<Text>, Nullable<Text>);
    "WITH packs AS (SELECT p.organization_id, p.gateway_id, p.status, p.amount, c.credits, \
       g.grant_id, g.revoked, CASE WHEN p.status = 'disputed' THEN c.credits WHEN p.amount = 0 \
       THEN 0 ELSE div(c.credits::numeric * p.refunded, p.amount)::bigint END AS taken_back \
       FROM payments p JOIN checkouts c ON c.organization_id = p.organization_id \
       AND c.checkout_id = p.checkout_id LEFT JOIN credit_grants g \
       ON g.organization_id = p.organization_id AND g.source_kind = 'checkout' \
       AND g.source_id = p.checkout_id::text WHERE c.purpose = 'credits' AND p.gateway = "
    [gateway: Text] " AND p.status IN ('completed', 'partially_refunded', 'refunded', 'disputed')) \
     SELECT * FROM (SELECT organization_id, 'payment' AS thing, gateway_id AS id, \
       CASE WHEN grant_id IS NULL THEN 'no_grant' ELSE 'no_reversal' END AS kind, \
       coalesce(revoked, 0)::text AS ours, (CASE WHEN grant_id IS NULL THEN credits \
       ELSE taken_back END)::text AS theirs FROM packs \
       WHERE grant_id IS NULL OR revoked < taken_back \
     UNION ALL SELECT g.organization_id, 'checkout', coalesce(c.session_id, c.checkout_id::text), \
       'no_payment', g.amount::text, c.status FROM credit_grants g JOIN checkouts c \
       ON c.organization_id = g.organization_id AND c.checkout_id::text = g.source_id \
       WHERE g.source_kind = 'checkout' AND c.status <> 'completed' AND c.gateway = "
    [gateway: Text]
    " UNION ALL SELECT s.organization_id, 'subscription', s.gateway_id, 'no_grant', NULL, \
       v.included_credits::text FROM subscriptions s JOIN plan_versions v USING (plan_version_id) \
       WHERE s.status = 'active' AND v.included_credits > 0 AND s.gateway = "
    [gateway: Text] " AND EXISTS (SELECT FROM invoices i \
       WHERE i.organization_id = s.organization_id AND i.subscription_id = s.subscription_id \
       AND i.status = 'paid' AND i.period_start = s.period_start AND i.period_end = s.period_end) \
       AND NOT EXISTS (SELECT FROM credit_grants g WHERE g.organization_id = s.organization_id \
       AND g.source_kind = 'period' AND g.source_id IN (\
       s.subscription_id || ':' || extract(epoch FROM s.period_start)::bigint, \
       s.subscription_id || ':' || extract(epoch FROM s.period_start)::bigint || ':0')) \
     UNION ALL SELECT i.organization_id, 'invoice', i.gateway_id, 'invoice_payment', \
       p.amount || ' ' || p.currency, i.paid || ' ' || i.currency FROM invoices i \
       LEFT JOIN payments p ON p.organization_id = i.organization_id \
       AND p.payment_id = i.payment_id WHERE i.status = 'paid' AND i.paid > 0 AND i.gateway = "
    [gateway: Text] " AND (p.amount, p.currency) IS DISTINCT FROM (i.paid, i.currency) \
     UNION ALL SELECT organization_id, 'payment', gateway_id, 'overdue', status, NULL \
       FROM payments WHERE status IN ('pending', 'unknown') AND gateway = "
    [gateway: Text] " AND created_at < " [since: Timestamptz]
    " UNION ALL SELECT organization_id, 'checkout', checkout_id::text, 'overdue', status, NULL \
       FROM checkouts WHERE status = 'pending' AND saved_method IS NOT NULL AND gateway = "
    [gateway: Text] " AND created_at < " [since: Timestamptz]
    " UNION ALL SELECT organization_id, 'subscription', gateway_id, 'overdue', 'duplicate', NULL \
       FROM duplicate_subscriptions WHERE NOT settled AND gateway = "
    [gateway: Text] " AND created_at < " [since: Timestamptz]
    ") differing ORDER BY thing, id, kind LIMIT " [limit: BigInt]
}

type Row = (Uuid, String, String, String, Option<String>, Option<String>);

/// See `ReconciliationQueries`. It looks at all of them, for as long as that takes.
pub(super) async fn differences(
    database: &Database,
    gateway: Gateway,
    since: OffsetDateTime,
    limit: i64,
) -> Result<Vec<(OrganizationId, Difference)>, Error> {
    let mut session = database.reading(Scope::Engine).await?;
    let forever = diesel::sql_query("SET LOCAL statement_timeout = 0");
    forever.execute(session.connection()).await.map_err(failed)?;
    let query = LedgerDifferences { gateway: gateway.name(), since, limit };
    let rows: Vec<Row> = query.load(session.connection()).await.map_err(failed)?;
    session.commit().await?;
    let read: anyhow::Result<_> = rows.into_iter().map(read).collect();
    Ok(read?)
}

fn read(row: Row) -> anyhow::Result<(OrganizationId, Difference)> {
    let (owner, thing, id, kind, ours, theirs) = row;
    let (thing, kind): (Thing, DifferenceKind) = (thing.parse()?, kind.parse()?);
    Ok((OrganizationId(owner), Difference { thing, id, kind, ours, theirs }))
}
