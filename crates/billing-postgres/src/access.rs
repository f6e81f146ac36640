//! Keys of the API.

use async_trait::async_trait;
use billing_app::{
    Error,
    ports::{AccessKeys, AccessQueries, ApiKey, Page, Scope},
};
use billing_domain::id::{ApiKeyId, OrganizationId};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::{Database, error::failed, schema::api_keys, unit_of_work::PostgresUnit};

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = api_keys, check_for_backend(diesel::pg::Pg))]
struct KeyRow {
    api_key_id: Uuid,
    name: String,
    public: String,
    digest: Vec<u8>,
    scopes: String,
    organization_id: Option<Uuid>,
    created_at: OffsetDateTime,
    revoked_at: Option<OffsetDateTime>,
}

impl From<&ApiKey> for KeyRow {
    fn from(it: &ApiKey) -> Self {
        let ApiKey { id, name, public, digest, scopes, organization_id, created_at, revoked_at } =
            it;
        Self {
            api_key_id: id.0,
            name: name.clone(),
            public: public.clone(),
            digest: digest.to_vec(),
            scopes: scopes.to_string(),
            organization_id: organization_id.map(|id| id.0),
            created_at: *created_at,
            revoked_at: *revoked_at,
        }
    }
}

impl TryFrom<KeyRow> for ApiKey {
    type Error = Error;

    fn try_from(row: KeyRow) -> Result<Self, Error> {
        let KeyRow {
            api_key_id,
            name,
            public,
            digest,
            scopes,
            organization_id,
            created_at,
            revoked_at,
        } = row;
        let length = |_| anyhow::anyhow!("the digest of API key {api_key_id} has another length");
        Ok(Self {
            id: ApiKeyId(api_key_id),
            name,
            public,
            digest: digest.try_into().map_err(length)?,
            scopes: scopes.parse().map_err(anyhow::Error::from)?,
            organization_id: organization_id.map(OrganizationId),
            created_at,
            revoked_at,
        })
    }
}

#[async_trait]
impl AccessKeys for PostgresUnit {
    async fn insert(&mut self, key: &ApiKey) -> Result<(), Error> {
        let insert = diesel::insert_into(api_keys::table).values(KeyRow::from(key));
        insert.execute(self.connection()).await.map_err(failed)?;
        Ok(())
    }

    async fn revoke(&mut self, id: ApiKeyId, at: OffsetDateTime) -> Result<Option<ApiKey>, Error> {
        let open = api_keys::table.find(id.0).filter(api_keys::revoked_at.is_null());
        let revoke = diesel::update(open).set(api_keys::revoked_at.eq(at));
        revoke.execute(self.connection()).await.map_err(failed)?;
        let query = api_keys::table.find(id.0).select(KeyRow::as_select());
        self.record::<KeyRow, _, _>(query).await
    }
}

#[async_trait]
impl AccessQueries for Database {
    async fn api_key(&self, public: &str) -> Result<Option<ApiKey>, Error> {
        let query = api_keys::table
            .filter(api_keys::public.eq(public.to_owned()))
            .select(KeyRow::as_select());
        let row: Option<KeyRow> = self.row(Scope::Engine, query).await?;
        row.map(TryInto::try_into).transpose()
    }

    async fn api_keys(&self, page: Page<ApiKeyId>) -> Result<Vec<ApiKey>, Error> {
        let query = api_keys::table
            .filter(api_keys::api_key_id.lt(page.after.map_or(Uuid::max(), |id| id.0)))
            .order(api_keys::api_key_id.desc())
            .limit(page.limit)
            .select(KeyRow::as_select());
        let rows: Vec<KeyRow> = self.rows(Scope::Operator, query).await?;
        rows.into_iter().map(TryInto::try_into).collect()
    }
}
