//! The queue of webhooks.

use std::{collections::BTreeSet, time::Duration};

use async_trait::async_trait;
use billing_app::{
    Error,
    ports::{Claim, Claimed, Inbox, InboxHealth, NewWebhook, WebhookRow, WebhookStatus},
};
use billing_domain::id::WebhookId;
use time::OffsetDateTime;
use uuid::Uuid;

use super::{MemoryStore, ledgers::at_most};

/// A webhook, and where it stands.
#[derive(Clone)]
pub(super) struct Kept {
    webhook: NewWebhook,
    status: WebhookStatus,
    attempts: i32,
    error: Option<String>,
    /// When it is tried next; nothing when it is not.
    due_at: Option<OffsetDateTime>,
    /// Who processes it, and until when.
    held: Option<(Uuid, OffsetDateTime)>,
}

impl Kept {
    fn new(webhook: NewWebhook) -> Self {
        let (status, due_at) = (WebhookStatus::Received, Some(webhook.received_at));
        Self { webhook, status, attempts: 0, error: None, due_at, held: None }
    }

    pub(super) fn is_held_by(&self, claim: Claim) -> bool {
        self.held.is_some_and(|(fence, _)| fence == claim.fence)
    }

    pub(super) fn finish(&mut self, ignored: bool) {
        self.status = if ignored { WebhookStatus::Ignored } else { WebhookStatus::Processed };
        (self.error, self.due_at, self.held) = (None, None, None);
    }

    fn is_being_processed(&self, wall: OffsetDateTime) -> bool {
        self.held.is_some_and(|(_, until)| wall < until)
    }

    fn is_due(&self, wall: OffsetDateTime) -> bool {
        !self.is_being_processed(wall) && self.due_at.is_some_and(|due_at| due_at <= wall)
    }

    fn claim(&mut self, fence: Uuid, until: OffsetDateTime) -> Claimed {
        self.held = Some((fence, until));
        self.attempts += 1;
        Claimed {
            claim: Claim { id: self.webhook.id, fence },
            gateway: self.webhook.gateway,
            kind: self.webhook.kind.clone(),
            body: self.webhook.body.clone(),
            attempts: self.attempts - 1,
        }
    }

    fn row(&self) -> WebhookRow {
        let waits = self.status == WebhookStatus::Retrying;
        WebhookRow {
            id: self.webhook.id,
            gateway: self.webhook.gateway,
            event_id: self.webhook.event_id.clone(),
            kind: self.webhook.kind.clone(),
            status: self.status,
            attempts: self.attempts,
            error: self.error.clone(),
            received_at: self.webhook.received_at,
            next_attempt_at: self.due_at.filter(|_| waits),
        }
    }
}

#[async_trait]
impl Inbox for MemoryStore {
    async fn receive(&self, webhook: &NewWebhook) -> Result<bool, Error> {
        let event = |one: &NewWebhook| (one.gateway, one.event_id.clone());
        self.shared
            .write(|world| {
                let mut all = world.webhooks.values();
                let new = all.all(|kept| event(&kept.webhook) != event(webhook));
                if new {
                    world.webhooks.insert(webhook.id, Kept::new(webhook.clone()));
                }
                Ok(new)
            })
            .await
    }

    async fn claim(
        &self,
        wall: OffsetDateTime,
        lease: Duration,
        limit: i64,
    ) -> Result<Vec<Claimed>, Error> {
        self.shared
            .write(|world| {
                let all = world.webhooks.values();
                let mut busy: BTreeSet<_> = all
                    .filter(|kept| kept.is_being_processed(wall))
                    .map(|kept| kept.webhook.subject.clone())
                    .collect();
                let mut due: Vec<_> =
                    world.webhooks.values_mut().filter(|kept| kept.is_due(wall)).collect();
                due.sort_by_key(|kept| (kept.webhook.received_at, kept.webhook.id));
                let mut claimed = Vec::new();
                for kept in due {
                    if claimed.len() < at_most(limit) && busy.insert(kept.webhook.subject.clone()) {
                        world.fences += 1;
                        claimed.push(kept.claim(Uuid::from_u128(world.fences), wall + lease));
                    }
                }
                Ok(claimed)
            })
            .await
    }

    async fn fail(
        &self,
        claim: Claim,
        error: &str,
        again_at: Option<OffsetDateTime>,
    ) -> Result<(), Error> {
        self.shared
            .write(|world| {
                let kept = world.webhooks.get_mut(&claim.id);
                if let Some(kept) = kept.filter(|kept| kept.is_held_by(claim)) {
                    let again = again_at.map(|_| WebhookStatus::Retrying);
                    kept.status = again.unwrap_or(WebhookStatus::Dead);
                    kept.error = Some(error.to_owned());
                    (kept.due_at, kept.held) = (again_at, None);
                }
                Ok(())
            })
            .await
    }

    async fn retry(&self, id: WebhookId, wall: OffsetDateTime) -> Result<bool, Error> {
        self.shared
            .write(|world| {
                let Some(kept) = world.webhooks.get_mut(&id) else { return Ok(false) };
                kept.status = WebhookStatus::Retrying;
                (kept.due_at, kept.held) = (Some(wall), None);
                Ok(true)
            })
            .await
    }

    async fn list(
        &self,
        status: Option<WebhookStatus>,
        before: Option<WebhookId>,
        limit: i64,
    ) -> Result<Vec<WebhookRow>, Error> {
        self.shared.read(|world| {
            let newest_first = world.webhooks.values().rev();
            let older = newest_first.filter(|kept| before.is_none_or(|id| kept.webhook.id < id));
            let wanted = older.filter(|kept| status.is_none_or(|status| kept.status == status));
            wanted.take(at_most(limit)).map(Kept::row).collect()
        })
    }

    async fn health(&self) -> Result<InboxHealth, Error> {
        self.shared.read(|world| {
            world.webhooks.values().fold(InboxHealth::default(), |health, kept| match kept.status {
                WebhookStatus::Received | WebhookStatus::Retrying => {
                    InboxHealth { pending: health.pending + 1, ..health }
                }
                WebhookStatus::Dead => InboxHealth { dead: health.dead + 1, ..health },
                WebhookStatus::Processed | WebhookStatus::Ignored => health,
            })
        })
    }
}
