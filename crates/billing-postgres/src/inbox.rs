//! The inbox: webhooks are kept by `receipts`, chosen by `claim`, ended by `ends`, shown by `log`, and
//! put back or given up by people through `actions`.

use std::time::Duration;

use async_trait::async_trait;
use billing_app::{
    Error,
    ports::{
        Claimed, FailedTry, Inbox, InboxFigures, InboxHealth, Matching, NewWebhook, WebhookAction,
        WebhookDetail, WebhookFilter, WebhookRow, WebhookStatus,
    },
};
use billing_domain::id::WebhookId;
use time::OffsetDateTime;

use self::receipts::Receipts;
use crate::Database;

mod actions;
mod claim;
mod ends;
mod kept;
mod log;
mod receipts;

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

    async fn find(&self, id: WebhookId) -> Result<Option<WebhookDetail>, Error> {
        log::find(&self.database, id).await
    }

    async fn health(&self) -> Result<InboxHealth, Error> {
        log::health(&self.database).await
    }

    async fn figures(&self, since: OffsetDateTime) -> Result<InboxFigures, Error> {
        log::figures(&self.database, since).await
    }
}
