//! The inbox: webhooks are kept by `receipts`, chosen by `claim`, ended by `ends`, shown by `log`, and
//! put back or given up by people through `actions`.

use std::time::Duration;

use async_trait::async_trait;
use billing_app::{
    Error,
    ports::{
        Claimed, FailedTry, Inbox, InboxFigures, InboxHealth, Matching, NewWebhook, Scope,
        WebhookAction, WebhookDetail, WebhookFilter, WebhookRow, WebhookStatus,
    },
};
use billing_domain::id::WebhookId;
use diesel::sql_types::{Array, BigInt, Integer, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use time::OffsetDateTime;
use uuid::Uuid;

use self::receipts::Receipts;
use crate::{Database, error::failed, statement::statement};

mod actions;
mod claim;
mod ends;
mod kept;
mod log;
mod receipts;

statement! {
    /// The oldest of those that came and were done with before an instant.
    DoneBefore { instant: OffsetDateTime, limit: i64 } -> SqlUuid;
    "SELECT webhook_id FROM webhooks WHERE received_at < " [instant: Timestamptz]
    " AND done_at < " [instant: Timestamptz] " ORDER BY webhook_id LIMIT " [limit: BigInt]
}

statement! {
    /// Removes webhooks that were done with before an instant.
    Remove<'a> { ids: &'a [Uuid], before: OffsetDateTime } -> Integer;
    "DELETE FROM webhooks WHERE webhook_id = ANY(" [ids: Array<SqlUuid>] ") AND received_at < "
    [before: Timestamptz] " AND done_at < " [before: Timestamptz]
}

/// The inbox in a database, with the writers of receipts.
#[derive(Clone)]
pub struct PostgresInbox {
    database: Database,
    receipts: Receipts,
}

impl PostgresInbox {
    /// Starts the writers on the current runtime. They end when the last clone is dropped.
    pub fn start(database: &Database) -> Self {
        Self { database: database.clone(), receipts: Receipts::start(database) }
    }
}

#[async_trait]
impl Inbox for PostgresInbox {
    async fn receive(&self, webhook: &NewWebhook) -> Result<bool, Error> {
        self.receipts.keep(webhook.clone()).await
    }

    async fn claim(
        &self,
        wall: OffsetDateTime,
        lease: Duration,
        limit: i64,
    ) -> Result<Vec<Claimed>, Error> {
        claim::claim(&self.database, wall, lease, limit).await
    }

    async fn fail(&self, failed: &FailedTry) -> Result<bool, Error> {
        ends::fail(&self.database, failed).await
    }

    async fn retry(&self, id: WebhookId, action: &WebhookAction) -> Result<bool, Error> {
        actions::retry(&self.database, id, action).await
    }

    async fn retry_all(
        &self,
        filter: &WebhookFilter,
        limit: i64,
        action: Option<&WebhookAction>,
    ) -> Result<Matching, Error> {
        actions::retry_all(&self.database, filter, limit, action).await
    }

    async fn discard(
        &self,
        id: WebhookId,
        action: &WebhookAction,
    ) -> Result<Option<WebhookStatus>, Error> {
        actions::discard(&self.database, id, action).await
    }

    async fn list(
        &self,
        filter: &WebhookFilter,
        before: Option<WebhookId>,
        limit: i64,
    ) -> Result<Vec<WebhookRow>, Error> {
        log::list(&self.database, filter, before, limit).await
    }

    async fn find_all(&self, ids: &[WebhookId]) -> Result<Vec<WebhookDetail>, Error> {
        log::find_all(&self.database, ids).await
    }

    async fn done_before(
        &self,
        instant: OffsetDateTime,
        limit: i64,
    ) -> Result<Vec<WebhookId>, Error> {
        let old = DoneBefore { instant, limit };
        let ids: Vec<Uuid> = self.database.rows(Scope::Engine, old).await?;
        Ok(ids.into_iter().map(WebhookId).collect())
    }

    async fn remove(&self, ids: &[WebhookId], before: OffsetDateTime) -> Result<usize, Error> {
        let ids: Vec<_> = ids.iter().map(|id| id.0).collect();
        let mut session = self.database.session(Scope::Engine).await?;
        let remove = Remove { ids: &ids, before };
        let removed = remove.execute(session.connection()).await.map_err(failed)?;
        session.commit().await?;
        Ok(removed)
    }

    async fn health(&self) -> Result<InboxHealth, Error> {
        log::health(&self.database).await
    }

    async fn figures(&self, since: OffsetDateTime) -> Result<InboxFigures, Error> {
        log::figures(&self.database, since).await
    }
}
