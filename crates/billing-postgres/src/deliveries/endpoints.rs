//! Who is told, and what they are to be told.

use async_trait::async_trait;
use billing_app::{
    Error,
    ports::{NewDelivery, Page, Scope, WebhookEndpoints},
};
use billing_domain::{
    event::Event,
    id::{EndpointId, OrganizationId},
    webhook_endpoint::{DisabledFor, EndpointStatus, WebhookEndpoint},
};
use diesel::sql_types::{
    Array, BigInt, Bool, Integer, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid,
};
use diesel_async::RunQueryDsl;
use serde_json::Value;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{Database, error::failed, statement::statement, unit_of_work::PostgresUnit};

/// The types of the columns of an endpoint.
pub(super) type Columns = (
    SqlUuid,
    Nullable<SqlUuid>,
    Text,
    Text,
    Array<Text>,
    Text,
    Nullable<Text>,
    Integer,
    Nullable<Timestamptz>,
    Nullable<Timestamptz>,
    Nullable<Timestamptz>,
    Timestamptz,
);
/// A row of them.
pub(super) type Row = (
    Uuid,
    Option<Uuid>,
    String,
    String,
    Vec<String>,
    String,
    Option<String>,
    i32,
    Option<OffsetDateTime>,
    Option<OffsetDateTime>,
    Option<OffsetDateTime>,
    OffsetDateTime,
);

statement! {
    /// Records an endpoint, or what became of it.
    Save<'a> {
        id: Uuid, organization: Option<Uuid>, url: &'a str, description: &'a str,
        event_types: &'a [String], status: &'a str, disabled_for: Option<&'a str>,
        secret_version: i32, old_secret_until: Option<OffsetDateTime>,
        failing_since: Option<OffsetDateTime>, held_until: Option<OffsetDateTime>,
        created_at: OffsetDateTime,
    } -> BigInt;
    "INSERT INTO webhook_endpoints (endpoint_id, organization_id, url, description, event_types, \
     status, disabled_for, secret_version, old_secret_until, failing_since, held_until, created_at) \
     VALUES (" [id: SqlUuid] ", " [organization: Nullable<SqlUuid>] ", " [url: Text] ", "
    [description: Text] ", " [event_types: Array<Text>] ", " [status: Text] ", "
    [disabled_for: Nullable<Text>] ", " [secret_version: Integer] ", "
    [old_secret_until: Nullable<Timestamptz>] ", " [failing_since: Nullable<Timestamptz>] ", "
    [held_until: Nullable<Timestamptz>] ", " [created_at: Timestamptz]
    ") ON CONFLICT (endpoint_id) DO UPDATE SET url = excluded.url, \
     description = excluded.description, event_types = excluded.event_types, \
     status = excluded.status, disabled_for = excluded.disabled_for, \
     secret_version = excluded.secret_version, old_secret_until = excluded.old_secret_until, \
     failing_since = excluded.failing_since, held_until = excluded.held_until"
}

statement! {
    /// An endpoint, held against others.
    Held { id: Uuid } -> Columns;
    "SELECT endpoint_id, organization_id, url, description, event_types, status, disabled_for, \
     secret_version, old_secret_until, failing_since, held_until, created_at \
     FROM webhook_endpoints WHERE endpoint_id = " [id: SqlUuid] " FOR UPDATE"
}

statement! {
    /// An endpoint.
    One { id: Uuid } -> Columns;
    "SELECT endpoint_id, organization_id, url, description, event_types, status, disabled_for, \
     secret_version, old_secret_until, failing_since, held_until, created_at \
     FROM webhook_endpoints WHERE endpoint_id = " [id: SqlUuid]
}

statement! {
    /// A page of endpoints, the newest first.
    List { organization: Option<Uuid>, after: Option<Uuid>, limit: i64 } -> Columns;
    "SELECT endpoint_id, organization_id, url, description, event_types, status, disabled_for, \
     secret_version, old_secret_until, failing_since, held_until, created_at \
     FROM webhook_endpoints WHERE (" [organization: Nullable<SqlUuid>]
    " IS NULL OR organization_id = " [organization: Nullable<SqlUuid>] ") AND ("
    [after: Nullable<SqlUuid>] " IS NULL OR endpoint_id < " [after: Nullable<SqlUuid>]
    ") ORDER BY endpoint_id DESC LIMIT " [limit: BigInt]
}

statement! {
    /// Those who are told of some organizations, held against their removal.
    ToldOf<'a> { organizations: &'a [Uuid] } -> Columns;
    "SELECT endpoint_id, organization_id, url, description, event_types, status, disabled_for, \
     secret_version, old_secret_until, failing_since, held_until, created_at \
     FROM webhook_endpoints WHERE status <> 'disabled' \
     AND (organization_id IS NULL OR organization_id = ANY(" [organizations: Array<SqlUuid>]
    ")) ORDER BY endpoint_id FOR KEY SHARE"
}

statement! {
    /// Removes an endpoint, with its deliveries.
    Remove { id: Uuid } -> BigInt;
    "DELETE FROM webhook_endpoints WHERE endpoint_id = " [id: SqlUuid]
}

statement! {
    /// Plans deliveries. Where one is there it is put back, if that is wanted and nobody sends it.
    Plan<'a> {
        ids: &'a [Uuid], endpoints: &'a [Uuid], organizations: &'a [Uuid], events: &'a [Uuid],
        kinds: &'a [&'a str], happened: &'a [OffsetDateTime], data: &'a [Value],
        due: &'a [OffsetDateTime], again: bool,
    } -> BigInt;
    "INSERT INTO deliveries (delivery_id, endpoint_id, organization_id, event_id, type, \
     happened_at, data, status, created_at, next_attempt_at) \
     SELECT id, endpoint, organization, event, kind, happened, data, 'pending', due, due \
     FROM unnest(" [ids: Array<SqlUuid>] ", " [endpoints: Array<SqlUuid>] ", "
    [organizations: Array<SqlUuid>] ", " [events: Array<SqlUuid>] ", " [kinds: Array<Text>] ", "
    [happened: Array<Timestamptz>] ", " [data: Array<Jsonb>] ", " [due: Array<Timestamptz>]
    ") AS new (id, endpoint, organization, event, kind, happened, data, due) \
     ON CONFLICT (endpoint_id, organization_id, event_id) DO UPDATE SET status = 'pending', \
     attempts = 0, error = NULL, done_at = NULL, claimed_until = NULL, fence = NULL, \
     next_attempt_at = excluded.next_attempt_at \
     WHERE " [again: Bool] " AND (deliveries.claimed_until IS NULL \
       OR deliveries.claimed_until < excluded.next_attempt_at)"
}

/// An endpoint of a row.
pub(super) fn endpoint(row: Row) -> Result<WebhookEndpoint, Error> {
    let (.., secret_version, old_secret_until, failing_since, held_until, created_at) = row;
    let (id, organization, url, description, event_types, status, disabled_for, ..) = row;
    let known = EndpointStatus::named(&status, disabled_for.as_deref());
    let status =
        known.ok_or_else(|| anyhow::anyhow!("`{status}` is not a status of an endpoint"))?;
    Ok(WebhookEndpoint {
        id: EndpointId(id),
        organization_id: organization.map(OrganizationId),
        url,
        description,
        event_types,
        status,
        secret_version,
        old_secret_until,
        failing_since,
        held_until,
        created_at,
    })
}

fn save(endpoint: &WebhookEndpoint) -> Save<'_> {
    let disabled_for = match endpoint.status {
        EndpointStatus::Enabled | EndpointStatus::Paused => None,
        EndpointStatus::Disabled(why) => Some(DisabledFor::name(why)),
    };
    Save {
        id: endpoint.id.0,
        organization: endpoint.organization_id.map(|id| id.0),
        url: &endpoint.url,
        description: &endpoint.description,
        event_types: &endpoint.event_types,
        status: endpoint.status.name(),
        disabled_for,
        secret_version: endpoint.secret_version,
        old_secret_until: endpoint.old_secret_until,
        failing_since: endpoint.failing_since,
        held_until: endpoint.held_until,
        created_at: endpoint.created_at,
    }
}

/// A page of endpoints.
pub(super) async fn list(
    database: &Database,
    organization: Option<OrganizationId>,
    page: Page<EndpointId>,
) -> Result<Vec<WebhookEndpoint>, Error> {
    let (organization, after) = (organization.map(|id| id.0), page.after.map(|id| id.0));
    let list = List { organization, after, limit: page.limit };
    let rows: Vec<Row> = database.rows(Scope::Operator, list).await?;
    rows.into_iter().map(endpoint).collect()
}

/// One endpoint.
pub(super) async fn one(
    database: &Database,
    id: EndpointId,
) -> Result<Option<WebhookEndpoint>, Error> {
    let row: Option<Row> = database.row(Scope::Operator, One { id: id.0 }).await?;
    row.map(endpoint).transpose()
}

#[async_trait]
impl WebhookEndpoints for PostgresUnit {
    async fn insert(&mut self, endpoint: &WebhookEndpoint) -> Result<(), Error> {
        save(endpoint).execute(self.connection()).await.map_err(failed)?;
        Ok(())
    }

    async fn find(&mut self, id: EndpointId) -> Result<Option<WebhookEndpoint>, Error> {
        let held = Held { id: id.0 };
        let rows: Vec<Row> = held.load(self.connection()).await.map_err(failed)?;
        rows.into_iter().next().map(endpoint).transpose()
    }

    async fn save(&mut self, endpoint: &WebhookEndpoint, events: &[Event]) -> Result<(), Error> {
        save(endpoint).execute(self.connection()).await.map_err(failed)?;
        self.publish(events).await
    }

    async fn delete(&mut self, id: EndpointId) -> Result<bool, Error> {
        let removed = Remove { id: id.0 }.execute(self.connection()).await.map_err(failed)?;
        Ok(removed > 0)
    }

    async fn told_of(
        &mut self,
        organizations: &[OrganizationId],
    ) -> Result<Vec<WebhookEndpoint>, Error> {
        let organizations: Vec<_> = organizations.iter().map(|id| id.0).collect();
        let told = ToldOf { organizations: &organizations };
        let rows: Vec<Row> = told.load(self.connection()).await.map_err(failed)?;
        rows.into_iter().map(endpoint).collect()
    }

    async fn plan(&mut self, deliveries: &[NewDelivery], again: bool) -> Result<(), Error> {
        let all = || deliveries.iter();
        let plan = Plan {
            ids: &all().map(|it| it.id.0).collect::<Vec<_>>(),
            endpoints: &all().map(|it| it.endpoint_id.0).collect::<Vec<_>>(),
            organizations: &all().map(|it| it.event.organization_id.0).collect::<Vec<_>>(),
            events: &all().map(|it| it.event.id.0).collect::<Vec<_>>(),
            kinds: &all().map(|it| it.event.kind.as_str()).collect::<Vec<_>>(),
            happened: &all().map(|it| it.event.at).collect::<Vec<_>>(),
            data: &all().map(|it| it.event.data.clone()).collect::<Vec<_>>(),
            due: &all().map(|it| it.due_at).collect::<Vec<_>>(),
            again,
        };
        plan.execute(self.connection()).await.map_err(failed)?;
        Ok(())
    }
}
