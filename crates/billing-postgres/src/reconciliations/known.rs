//! What we have of what a gateway has.

use anyhow::Context;
use billing_app::{
    Error,
    ports::{Known, Scope, Wanted},
};
use billing_domain::{
    gateway::Gateway,
    id::{OrganizationId, PriceId},
    invoice::InvoiceStatus,
    money::Money,
    payment::PaymentStatus,
    period::Period,
    reconciliation::{Standing, Terms, Thing},
    subscription::Status,
};
use diesel::sql_types::{
    Array, BigInt, Bool, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid,
};
use diesel_async::RunQueryDsl;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{Database, error::failed, statement::statement};

statement! {
    /// Payments by a gateway's ids.
    Payments<'a> { gateway: &'a str, ids: &'a [&'a str] }
        -> (Text, SqlUuid, Text, Text, BigInt, BigInt);
    "SELECT o.object_id, p.organization_id, p.status, p.currency, p.amount, p.refunded \
     FROM gateway_objects o JOIN payments p ON p.organization_id = o.organization_id \
     AND p.gateway = o.gateway AND p.gateway_id = o.object_id \
     WHERE o.kind = 'payment' AND o.gateway = " [gateway: Text] " AND o.object_id = ANY("
    [ids: Array<Text>] ")"
}

statement! {
    /// Invoices by a gateway's ids.
    Invoices<'a> { gateway: &'a str, ids: &'a [&'a str] } -> (Text, SqlUuid, Text, Text, BigInt);
    "SELECT o.object_id, i.organization_id, i.status, i.currency, i.paid \
     FROM gateway_objects o JOIN invoices i ON i.organization_id = o.organization_id \
     AND i.gateway = o.gateway AND i.gateway_id = o.object_id \
     WHERE o.kind = 'invoice' AND o.gateway = " [gateway: Text] " AND o.object_id = ANY("
    [ids: Array<Text>] ")"
}

statement! {
    /// Subscriptions by a gateway's ids.
    Subscriptions<'a> { gateway: &'a str, ids: &'a [&'a str] }
        -> (Text, SqlUuid, Text, Nullable<Timestamptz>, SqlUuid, Integer, Timestamptz, Timestamptz,
            Bool);
    "SELECT o.object_id, s.organization_id, s.status, s.status_at, s.price_id, s.quantity, \
     s.period_start, s.period_end, s.cancel_at_period_end \
     FROM gateway_objects o JOIN subscriptions s ON s.organization_id = o.organization_id \
     AND s.gateway = o.gateway AND s.gateway_id = o.object_id \
     WHERE o.kind = 'subscription' AND o.gateway = " [gateway: Text] " AND o.object_id = ANY("
    [ids: Array<Text>] ")"
}

statement! {
    /// Which of them were paid for where one is enough.
    Duplicates<'a> { gateway: &'a str, ids: &'a [&'a str] } -> (Text, SqlUuid);
    "SELECT gateway_id, organization_id FROM duplicate_subscriptions WHERE gateway = "
    [gateway: Text] " AND gateway_id = ANY(" [ids: Array<Text>] ")"
}

statement! {
    /// Pages by our ids.
    Checkouts<'a> { gateway: &'a str, ids: &'a [&'a str] } -> (Text, SqlUuid, Text);
    "SELECT o.object_id, c.organization_id, c.status \
     FROM gateway_objects o JOIN checkouts c ON c.organization_id = o.organization_id \
     AND c.checkout_id = o.object_id::uuid \
     WHERE o.kind = 'checkout' AND o.gateway = " [gateway: Text] " AND o.object_id = ANY("
    [ids: Array<Text>] ")"
}

statement! {
    /// What is not final.
    Unfinished { gateway: &'static str, thing: &'static str, id: String, limit: i64 } -> (Text, Text);
    "SELECT * FROM (SELECT 'payment' AS thing, gateway_id AS id FROM payments WHERE gateway = "
    [gateway: Text] " AND status IN ('pending', 'unknown') \
     UNION ALL SELECT 'subscription', gateway_id FROM subscriptions WHERE gateway = "
    [gateway: Text] " AND status NOT IN ('cancelled', 'expired') \
     UNION ALL SELECT 'invoice', gateway_id FROM invoices WHERE gateway = "
    [gateway: Text] " AND status IN ('draft', 'open') \
     UNION ALL SELECT 'checkout', session_id FROM checkouts WHERE gateway = "
    [gateway: Text] " AND status = 'open') own WHERE (thing, id) > (" [thing: Text] ", "
    [id: Text] ") ORDER BY thing, id LIMIT " [limit: BigInt]
}

type SubscriptionRow =
    (String, Uuid, String, Option<OffsetDateTime>, Uuid, i32, OffsetDateTime, OffsetDateTime, bool);

/// See `ReconciliationQueries`.
pub(super) async fn known(
    database: &Database,
    gateway: Gateway,
    wanted: &[Wanted],
) -> Result<Vec<Known>, Error> {
    let ids = |thing: Thing| -> Vec<&str> {
        wanted.iter().filter(|it| it.thing == thing).map(|it| it.id.as_str()).collect()
    };
    let gateway = gateway.name();
    let mut found = Vec::new();
    let mut session = database.reading(Scope::Engine).await?;
    let ids_there = ids(Thing::Payment);
    if !ids_there.is_empty() {
        let query = Payments { gateway, ids: &ids_there };
        let rows: Vec<(String, Uuid, String, String, i64, i64)> =
            query.load(session.connection()).await.map_err(failed)?;
        for row in rows {
            found.push(payment(row).context("a payment cannot be read")?);
        }
    }
    let ids_there = ids(Thing::Invoice);
    if !ids_there.is_empty() {
        let query = Invoices { gateway, ids: &ids_there };
        let rows: Vec<(String, Uuid, String, String, i64)> =
            query.load(session.connection()).await.map_err(failed)?;
        for row in rows {
            found.push(invoice(row).context("an invoice cannot be read")?);
        }
    }
    let ids_there = ids(Thing::Subscription);
    if !ids_there.is_empty() {
        let query = Subscriptions { gateway, ids: &ids_there };
        let rows: Vec<SubscriptionRow> = query.load(session.connection()).await.map_err(failed)?;
        for row in rows {
            found.push(subscription(row).context("a subscription cannot be read")?);
        }
        let query = Duplicates { gateway, ids: &ids_there };
        let rows: Vec<(String, Uuid)> = query.load(session.connection()).await.map_err(failed)?;
        let thing = Thing::Subscription;
        found.extend(rows.into_iter().map(|(id, owner)| entry((owner, thing, id), None)));
    }
    found.extend(checkouts(session.connection(), gateway, wanted).await?);
    session.commit().await?;
    Ok(found)
}

async fn checkouts(
    connection: &mut diesel_async::AsyncPgConnection,
    gateway: &str,
    wanted: &[Wanted],
) -> Result<Vec<Known>, Error> {
    let named: Vec<(String, &str)> =
        wanted.iter().filter_map(|it| Some((it.checkout_id?.to_string(), &*it.id))).collect();
    let ids: Vec<&str> = named.iter().map(|(id, _)| id.as_str()).collect();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let query = Checkouts { gateway, ids: &ids };
    let rows: Vec<(String, Uuid, String)> = query.load(connection).await.map_err(failed)?;
    let mut found = Vec::new();
    for (id, owner, status) in rows {
        let statuses = ["pending", "open", "completed", "expired"];
        let status = statuses.into_iter().find(|it| *it == status);
        let status = status.context("the status of a checkout is unknown")?;
        for (_, session) in named.iter().filter(|(ours, _)| *ours == id) {
            let standing = Standing::checkout(*session, status);
            found.push(entry((owner, Thing::Checkout, (*session).to_owned()), Some(standing)));
        }
    }
    Ok(found)
}

fn entry((owner, thing, id): (Uuid, Thing, String), standing: Option<Standing>) -> Known {
    Known { organization_id: OrganizationId(owner), thing, id, standing }
}

fn payment(row: (String, Uuid, String, String, i64, i64)) -> anyhow::Result<Known> {
    let (id, owner, status, currency, amount, refunded) = row;
    let currency = currency.parse()?;
    let sums = (Money::new(amount, currency), Money::new(refunded, currency));
    let status: PaymentStatus = status.parse()?;
    let standing = Standing::payment(id.as_str(), status, sums);
    Ok(entry((owner, Thing::Payment, id), Some(standing)))
}

fn invoice(row: (String, Uuid, String, String, i64)) -> anyhow::Result<Known> {
    let (id, owner, status, currency, paid) = row;
    let status: InvoiceStatus = status.parse()?;
    let standing = Standing::invoice(id.as_str(), status, Money::new(paid, currency.parse()?));
    Ok(entry((owner, Thing::Invoice, id), Some(standing)))
}

fn subscription(row: SubscriptionRow) -> anyhow::Result<Known> {
    let (id, owner, status, status_at, price_id, quantity, start, end, cancel_at_period_end) = row;
    let terms = Terms {
        price_id: Some(PriceId(price_id)),
        quantity: u32::try_from(quantity)?,
        period: Period { start, end },
        cancel_at_period_end,
    };
    let status = Status::from_parts(&status, status_at)?;
    let standing = Standing::subscription(id.as_str(), &status, terms);
    Ok(entry((owner, Thing::Subscription, id), Some(standing)))
}

/// See `ReconciliationQueries`.
pub(super) async fn unfinished(
    database: &Database,
    gateway: Gateway,
    after: Option<(Thing, String)>,
    limit: i64,
) -> Result<Vec<(Thing, String)>, Error> {
    let (thing, id) = after.map_or(("", String::new()), |(thing, id)| (thing.name(), id));
    let query = Unfinished { gateway: gateway.name(), thing, id, limit };
    let rows: Vec<(String, String)> = database.rows(Scope::Engine, query).await?;
    let read = |(thing, id): (String, String)| Ok((thing.parse()?, id));
    let read: anyhow::Result<_> = rows.into_iter().map(read).collect();
    Ok(read?)
}
