//! What stands on invoices of ours of the use of meters.

use anyhow::Context;
use billing_app::Error;
use billing_domain::{
    id::{OrganizationId, PriceId, SubscriptionId},
    invoice::BilledUse,
    money::Money,
    period::Period,
};
use diesel::sql_types::{BigInt, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncPgConnection, RunQueryDsl};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{error::failed, statement::statement};

statement! {
    /// Lines that bill use, by meter, price and window.
    BilledUses { organization: Uuid, subscription: Uuid, since: OffsetDateTime } -> (
        Text, SqlUuid, Timestamptz, Timestamptz, Text, BigInt, BigInt
    );
    "SELECT l.meter, l.price_id, l.window_start, l.window_end, i.currency, \
     sum(l.used)::bigint, sum(l.amount)::bigint \
     FROM invoice_lines l JOIN invoices i USING (organization_id, invoice_id) \
     WHERE l.organization_id = " [organization: SqlUuid] " AND i.organization_id = "
    [organization: SqlUuid] " AND l.subscription_id = " [subscription: SqlUuid]
    " AND l.window_end > " [since: Timestamptz] " AND l.bills = 'use' AND l.price_id IS NOT NULL \
     AND i.gateway IS NULL AND i.status <> 'void' \
     GROUP BY 1, 2, 3, 4, 5 ORDER BY 3, 4, 1"
}

type UseRow = (String, Uuid, OffsetDateTime, OffsetDateTime, String, i64, i64);

pub(super) async fn read(
    connection: &mut AsyncPgConnection,
    (organization, subscription): (OrganizationId, SubscriptionId),
    since: OffsetDateTime,
) -> Result<Vec<BilledUse>, Error> {
    let statement =
        BilledUses { organization: organization.0, subscription: subscription.0, since };
    let rows: Vec<UseRow> = statement.load(connection).await.map_err(failed)?;
    let read = |(meter, price, start, end, currency, used, amount): UseRow| {
        Ok(BilledUse {
            meter,
            price_id: PriceId(price),
            window: Period { start, end },
            used: u64::try_from(used)?,
            amount: Money::new(amount, currency.parse()?),
        })
    };
    let rows: anyhow::Result<_> = rows.into_iter().map(read).collect();
    Ok(rows.with_context(|| format!("billed use of {subscription} cannot be read"))?)
}
