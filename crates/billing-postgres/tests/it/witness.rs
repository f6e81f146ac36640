//! What no port shows, as a superuser sees it.

use async_trait::async_trait;
use billing_domain::id::OrganizationId;
use billing_postgres::Database;
use billing_testkit::Witness;
use diesel::{
    QueryableByName, sql_query,
    sql_types::{Jsonb, Text, Uuid as SqlUuid},
};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use serde_json::Value;

/// Looks into a database.
pub(crate) struct Looking {
    pub(crate) database: Database,
    pub(crate) admin_url: String,
}

#[derive(QueryableByName)]
struct Told {
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = Jsonb)]
    data: Value,
}

#[async_trait]
impl Witness for Looking {
    async fn told(&self, organization: OrganizationId) -> anyhow::Result<Vec<(String, Value)>> {
        let mut admin = AsyncPgConnection::establish(&self.admin_url).await?;
        let told = sql_query(
            "SELECT type AS kind, data FROM outbox WHERE organization_id = $1 \
             AND type LIKE 'credits.%' ORDER BY event_id",
        );
        let told: Vec<Told> = told.bind::<SqlUuid, _>(organization.0).load(&mut admin).await?;
        Ok(told.into_iter().map(|Told { kind, data }| (kind, data)).collect())
    }

    async fn violations(&self) -> anyhow::Result<Vec<String>> {
        let found = self.database.violations().await?;
        Ok(found.into_iter().map(|it| format!("{}: {}", it.invariant, it.rows)).collect())
    }
}
